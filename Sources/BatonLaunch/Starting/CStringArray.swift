import BatonLinux

/// A NULL-ended array of C strings that stays where it is, with one free slot before the first.
final class CStringArray {
    private let base: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    /// All of them, one behind the other.
    private let characters: UnsafeMutablePointer<CChar>
    private let count: Int

    init(_ texts: some Collection<CText>) {
        count = texts.count
        base = .allocate(capacity: count + 2)
        base.initialize(repeating: nil, count: count + 2)
        characters = .allocate(capacity: max(1, texts.reduce(0) { $0 + $1.bytes.count + 1 }))
        var next = characters
        for (index, text) in texts.enumerated() {
            text.bytes.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(start: next, count: $0.count).copyMemory(from: $0)
            }
            next[text.bytes.count] = 0
            base[index + 1] = next
            next += text.bytes.count + 1
        }
    }

    var pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> { base + 1 }

    /// Where the text of the string at `index` begins.
    func text(at index: Int) -> UnsafeMutablePointer<CChar>? {
        (0..<count).contains(index) ? base[index + 1] : nil
    }

    deinit {
        characters.deallocate()
        base.deallocate()
    }
}
