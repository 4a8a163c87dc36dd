import BatonLinux

/// A NULL-ended array of C strings that stays where it is, with one free slot before the first.
final class CStringArray {
    private let base: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>
    private let count: Int

    init(_ texts: [CText]) {
        count = texts.count
        base = .allocate(capacity: texts.count + 2)
        base.initialize(repeating: nil, count: texts.count + 2)
        for (index, text) in texts.enumerated() {
            let copy = UnsafeMutablePointer<CChar>.allocate(capacity: text.bytes.count + 1)
            text.bytes.withUnsafeBytes {
                UnsafeMutableRawBufferPointer(start: copy, count: $0.count).copyMemory(from: $0)
            }
            copy[text.bytes.count] = 0
            base[index + 1] = copy
        }
    }

    var pointer: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> { base + 1 }

    /// Where the text of the string at `index` begins.
    func text(at index: Int) -> UnsafeMutablePointer<CChar>? {
        (0..<count).contains(index) ? base[index + 1] : nil
    }

    deinit {
        for index in 0..<count { base[index + 1]?.deallocate() }
        base.deallocate()
    }
}
