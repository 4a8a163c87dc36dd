/// Some of a process's exit codes, from 0 to 255.
public struct ExitCodes: Hashable, Sendable, ExpressibleByArrayLiteral {
    private var codes: Set<Int32> = []

    public init(arrayLiteral elements: Int32...) { for code in elements { insert(code) } }

    public func contains(_ code: Int32) -> Bool { codes.contains(code) }

    mutating func insert(_ code: Int32) { codes.insert(code) }
}
