/// Names a snapshot: SHA-256 over the names and contents of everything in it.
public struct Digest: Hashable, Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    public init(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) { words = (a, b, c, d) }

    public static func == (a: Digest, b: Digest) -> Bool { a.words == b.words }
    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }

    /// All 32 bytes as 64 hexadecimal digits.
    public var hexadecimal: String {
        Digest.digits(words.0, 16) + Digest.digits(words.1, 16) + Digest.digits(words.2, 16)
            + Digest.digits(words.3, 16)
    }

    /// - Returns: nil where these are not 64 hexadecimal digits.
    public init?(hexadecimal text: String) {
        let digits = Array(text.utf8)
        guard digits.count == 64 else { return nil }
        var words: [UInt64] = []
        for start in stride(from: 0, to: 64, by: 16) {
            // A sign would be accepted.
            guard digits[start] != UInt8(ascii: "+"),
                let word = UInt64(String(decoding: digits[start..<start + 16], as: UTF8.self), radix: 16)
            else { return nil }
            words.append(word)
        }
        self.init(words[0], words[1], words[2], words[3])
    }

    /// Hexadecimal, with leading zeros.
    private static func digits(_ number: UInt64, _ count: Int) -> String {
        String(unsafeUninitializedCapacity: count) { digits in
            for place in 0..<count {
                let value = UInt8(truncatingIfNeeded: number >> UInt64(4 * (count - 1 - place))) & 15
                digits[place] = value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "a") + value - 10
            }
            return count
        }
    }

    /// The four words, for sending a digest between processes.
    public var parts: [UInt64] { [words.0, words.1, words.2, words.3] }
}

extension Digest: CustomStringConvertible {
    /// The first 12 digits, as logs show it.
    public var description: String { Digest.digits(words.0 >> 16, 12) }
}
