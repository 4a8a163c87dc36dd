/// Names a snapshot: SHA-256 over the names and contents of everything in it.
public struct Digest: Hashable, Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    public init(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) { words = (a, b, c, d) }

    public static func == (a: Digest, b: Digest) -> Bool { a.words == b.words }
    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }

    /// All 32 bytes as 64 hexadecimal digits.
    public var hexadecimal: String {
        [words.0, words.1, words.2, words.3].map { word in
            let digits = String(word, radix: 16)
            return String(repeating: "0", count: 16 - digits.count) + digits
        }.joined()
    }

    /// The four words, for sending a digest between processes.
    public var parts: [UInt64] { [words.0, words.1, words.2, words.3] }
}

extension Digest: CustomStringConvertible {
    /// The first 12 digits, as logs show it.
    public var description: String { String(hexadecimal.prefix(12)) }
}
