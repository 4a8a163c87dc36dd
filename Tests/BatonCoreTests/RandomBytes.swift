import BatonCore

extension RandomSource {
    /// Bytes at random: so many of these.
    mutating func bytes(_ count: Range<Int>, of alphabet: [UInt8] = Array(0...255)) -> [UInt8] {
        (0..<Int.random(in: count, using: &self)).map { _ in alphabet.randomElement(using: &self) ?? 0 }
    }
}
