/// A signal by its number, 1 to 64. The numbers are those of x86-64 and arm64, which agree (signal(7)).
public struct Signal: Hashable, Sendable, Comparable {
    public let number: Int32

    /// Nil outside 1 ... 64.
    public init?(number: Int32) {
        guard (1...Signal.highest).contains(number) else { return nil }
        self.number = number
    }

    private init(_ number: Int32) { self.number = number }

    public static let highest: Int32 = 64
    /// SIGRTMIN as glibc gives it to programs: 32 and 33 are kept for the C library.
    static let realTimeMinimum: Int32 = 34

    public static let hangUp = Signal(1)
    public static let interrupt = Signal(2)
    public static let quit = Signal(3)
    public static let kill = Signal(9)
    public static let pipe = Signal(13)
    public static let terminate = Signal(15)
    public static let child = Signal(17)
    public static let cont = Signal(18)
    public static let stop = Signal(19)
    public static let terminalStop = Signal(20)
    public static let terminalInput = Signal(21)
    public static let terminalOutput = Signal(22)

    /// The signals by which a terminal stops a job.
    public var isTerminalStop: Bool { self == .terminalStop || self == .terminalInput || self == .terminalOutput }

    /// This signal's bit in a mask as /proc/PID/status and the kernel write it.
    public var bit: UInt64 { 1 << UInt64(number - 1) }

    public static func < (a: Signal, b: Signal) -> Bool { a.number < b.number }

    private static let names: [String] = [
        "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2", "PIPE", "ALRM",
        "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG", "XCPU", "XFSZ", "VTALRM", "PROF",
        "WINCH", "IO", "PWR", "SYS",
    ]
    private static let aliases: [String: Int32] = ["CLD": 17, "POLL": 29, "IOT": 6]

    /// Reads `HUP`, `SIGHUP`, `hup`, `1`, `RTMIN`, `RTMIN+3`, `RTMAX-1`. Nil when it is none of these.
    public init?(_ text: some StringProtocol) {
        var name = text.uppercased()
        if let number = Int32(name) {
            self.init(number: number)
            return
        }
        if name.hasPrefix("SIG") { name.removeFirst(3) }
        if let index = Signal.names.firstIndex(of: name) {
            self.init(number: Int32(index) + 1)
        } else if let number = Signal.aliases[name] {
            self.init(number: number)
        } else if let number = Signal.realTimeNumber(name) {
            self.init(number: number)
        } else {
            return nil
        }
    }

    private static func realTimeNumber(_ name: String) -> Int32? {
        func offset(after prefix: String) -> Int32? {
            guard name.hasPrefix(prefix) else { return nil }
            let rest = name.dropFirst(prefix.count)
            return rest.isEmpty ? 0 : Int32(rest)
        }
        if let up = offset(after: "RTMIN"), (0...30).contains(up) { return realTimeMinimum + up }
        if let down = offset(after: "RTMAX"), (-30...0).contains(down) { return highest + down }
        return nil
    }
}

extension Signal: CustomStringConvertible {
    /// Without the SIG prefix: `TERM`, `RTMIN+3`.
    public var description: String {
        let index = Int(number) - 1
        if index < Signal.names.count { return Signal.names[index] }
        if number >= Signal.realTimeMinimum {
            let up = number - Signal.realTimeMinimum
            return up == 0 ? "RTMIN" : "RTMIN+\(up)"
        }
        return "\(number)"
    }
}
