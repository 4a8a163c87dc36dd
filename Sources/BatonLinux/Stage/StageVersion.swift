/// Names of versions on a stage. Only what has such a name, to the letter, is removed as one.
enum StageVersion {
    /// Of a directory into which nothing has been written yet.
    static let empty = "..20_empty"

    /// `..2026_11_22_10_00_00.123456789`, or more numbers behind it: the wall clock as `Clock.stamp` has it, and kubelet.
    static func isName(_ name: String, numbers: ClosedRange<Int>) -> Bool {
        guard name.utf8.starts(with: "..".utf8) else { return false }
        let parts = name.utf8.dropFirst(2).split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard let date = parts.first, numbers.contains(parts.count - 1) else { return false }
        return isDate(date) && parts.dropFirst().allSatisfy(isNumber)
    }

    private static let fields: [(digits: Int, range: ClosedRange<Int>)] = [
        (4, 1970...9999), (2, 1...12), (2, 1...31), (2, 0...23), (2, 0...59), (2, 0...60),
    ]

    private static func isDate(_ text: Substring.UTF8View) -> Bool {
        let parts = text.split(separator: UInt8(ascii: "_"), omittingEmptySubsequences: false)
        return parts.count == fields.count
            && zip(parts, fields).allSatisfy { part, field in
                part.count == field.digits && part.allSatisfy(isDigit)
                    && Int(Substring(part)).map(field.range.contains) ?? false
            }
    }

    /// As a number is printed: without zeros before it.
    private static func isNumber(_ text: Substring.UTF8View) -> Bool {
        guard (1...19).contains(text.count), text.allSatisfy(isDigit) else { return false }
        return text.count == 1 || text.first != UInt8(ascii: "0")
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }
}
