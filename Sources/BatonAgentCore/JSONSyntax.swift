/// Finds where bytes cease to be JSON (RFC 8259), to the letter. Foundation's decoder says only that they are none, and takes
/// what other readers refuse: `[1,]`, `01`, an unknown escape.
struct JSONSyntax {
    private let bytes: [UInt8]
    private var index = 0
    /// Of the containers that are open, whether it is an object.
    private var open: [Bool] = []
    private var expected = Expected.value

    private enum Expected { case value, valueOrEnd, key, keyOrEnd, colon, commaOrEnd, nothing }

    /// The offset of the first byte that is wrong, or the end where something is missing; nil where nothing is.
    static func firstError(in bytes: [UInt8]) -> Int? {
        var scan = JSONSyntax(bytes: bytes)
        return scan.isWhole() ? nil : scan.index
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

    private mutating func isWhole() -> Bool {
        while true {
            while let byte = next, [0x20, 0x09, 0x0a, 0x0d].contains(byte) { index += 1 }
            guard let byte = next else { return expected == .nothing }
            guard token(byte) else { return false }
        }
    }

    private mutating func token(_ byte: UInt8) -> Bool {
        switch (expected, byte) {
        case (.value, UInt8(ascii: "{")), (.valueOrEnd, UInt8(ascii: "{")): begin(isObject: true)
        case (.value, UInt8(ascii: "[")), (.valueOrEnd, UInt8(ascii: "[")): begin(isObject: false)
        case (.keyOrEnd, UInt8(ascii: "}")), (.valueOrEnd, UInt8(ascii: "]")): end()
        case (.commaOrEnd, UInt8(ascii: "}")) where open.last == true: end()
        case (.commaOrEnd, UInt8(ascii: "]")) where open.last == false: end()
        case (.commaOrEnd, UInt8(ascii: ",")):
            index += 1
            expected = open.last == true ? .key : .value
        case (.colon, UInt8(ascii: ":")):
            index += 1
            expected = .value
        case (.key, UInt8(ascii: "\"")), (.keyOrEnd, UInt8(ascii: "\"")):
            expected = .colon
            return string()
        case (.value, _), (.valueOrEnd, _):
            expected = open.isEmpty ? .nothing : .commaOrEnd
            return scalar(byte)
        case (.key, _), (.keyOrEnd, _), (.colon, _), (.commaOrEnd, _), (.nothing, _): return false
        }
        return true
    }

    private mutating func begin(isObject: Bool) {
        index += 1
        open.append(isObject)
        expected = isObject ? .keyOrEnd : .valueOrEnd
    }

    private mutating func end() {
        index += 1
        open.removeLast()
        expected = open.isEmpty ? .nothing : .commaOrEnd
    }

    private mutating func scalar(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "\""): string()
        case UInt8(ascii: "t"): word("true")
        case UInt8(ascii: "f"): word("false")
        case UInt8(ascii: "n"): word("null")
        default: number()
        }
    }

    private mutating func word(_ text: String) -> Bool {
        for byte in text.utf8 {
            guard next == byte else { return false }
            index += 1
        }
        return true
    }

    private mutating func string() -> Bool {
        index += 1
        while let byte = next, byte >= 0x20 {
            index += 1
            if byte == UInt8(ascii: "\"") { return true }
            guard byte == UInt8(ascii: "\\") else { continue }
            guard let escaped = next, "\"\\/bfnrtu".utf8.contains(escaped) else { return false }
            index += 1
            guard escaped == UInt8(ascii: "u") else { continue }
            for _ in 0..<4 {
                guard let digit = next, "0123456789abcdefABCDEF".utf8.contains(digit) else { return false }
                index += 1
            }
        }
        return false
    }

    private mutating func number() -> Bool {
        if next == UInt8(ascii: "-") { index += 1 }
        if next == UInt8(ascii: "0") { index += 1 } else if !digits() { return false }
        if next == UInt8(ascii: ".") {
            index += 1
            guard digits() else { return false }
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            index += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { index += 1 }
            return digits()
        }
        return true
    }

    private mutating func digits() -> Bool {
        let start = index
        while let byte = next, (48...57).contains(byte) { index += 1 }
        return index > start
    }
}
