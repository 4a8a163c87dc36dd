/// A process, the group that it leads, or a thread, as Linux numbers them: no descriptor, errno or count of Baton's.
public struct ProcessID: Sendable, Hashable, Comparable, ExpressibleByIntegerLiteral {
    public let value: Int32

    public init(_ value: Int32) { self.value = value }
    public init(integerLiteral value: Int32) { self.value = value }

    /// Nil where the text is no number.
    public init?(_ text: some StringProtocol) {
        guard let value = Int32(text) else { return nil }
        self.value = value
    }

    public static func < (one: ProcessID, other: ProcessID) -> Bool { one.value < other.value }
}

extension ProcessID: CustomStringConvertible {
    public var description: String { "\(value)" }
}
