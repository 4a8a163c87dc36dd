/// Cuts a stream into its lines.
public struct LineSplitter: Sendable {
    private var rest: [UInt8] = []
    private let limit: Int

    /// - Parameter limit: bytes of one line.
    public init(limit: Int) { self.limit = limit }

    /// The last line has come to its end.
    public var isEmpty: Bool { rest.isEmpty }

    public mutating func add(_ part: some Collection<UInt8>) throws(Undecodable) -> [[UInt8]] {
        var lines: [[UInt8]] = []
        var bytes = part[...]
        while let end = bytes.firstIndex(of: UInt8(ascii: "\n")) {
            rest += bytes[..<end]
            bytes = bytes[bytes.index(after: end)...]
            if !rest.isEmpty { lines.append(rest) }
            rest = []
        }
        rest += bytes
        guard rest.count <= limit else { throw Undecodable(reason: "a line is longer than \(limit) bytes") }
        return lines
    }
}
