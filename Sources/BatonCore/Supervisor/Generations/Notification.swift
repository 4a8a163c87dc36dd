/// What a datagram to NOTIFY_SOCKET says (sd_notify(3)). Unknown assignments are ignored, as systemd does.
public struct Notification: Hashable, Sendable {
    public var ready = false
    public var reloading = false
    public var stopping = false
    public var status: String?
    public var mainPID: ProcessID?
    /// Microseconds from now.
    public var extendTimeout: Interval?

    public init() {}

    /// The most of a datagram that is read; systemd's own limit is of this order.
    public static let sizeLimit = 4096

    public init(datagram: some Sequence<UInt8>) {
        let bytes = Array(datagram.prefix(Notification.sizeLimit))
        for line in bytes.split(separator: UInt8(ascii: "\n")) {
            guard let equals = line.firstIndex(of: UInt8(ascii: "=")) else { continue }
            let name = String(decoding: line[..<equals], as: UTF8.self)
            let value = String(decoding: line[(equals + 1)...], as: UTF8.self)
            switch name {
            case "READY": if value == "1" { ready = true }
            case "RELOADING": if value == "1" { reloading = true }
            case "STOPPING": if value == "1" { stopping = true }
            case "STATUS": status = String(value.prefix(200))
            case "MAINPID": if let pid = ProcessID(value), pid > 1 { mainPID = pid }
            case "EXTEND_TIMEOUT_USEC":
                if let count = UInt64(value) {
                    extendTimeout = Interval(saturating: Int64(clamping: count), times: 1000)
                }
            default: break
            }
        }
    }
}
