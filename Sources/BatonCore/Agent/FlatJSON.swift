/// A JSON object without objects or arrays in it (RFC 8259): the little that PID 1 reads, read with bounds.
enum FlatJSON {
    /// Nil where the bytes are anything else.
    static func parse(_ bytes: [UInt8]) -> [String: LogRecord.Value]? {
        var reader = Reader(bytes: bytes)
        guard let members = reader.object(), reader.isAtEnd else { return nil }
        return members
    }

    private struct Reader {
        private static let memberLimit = 32

        let bytes: [UInt8]
        var position = 0

        init(bytes: [UInt8]) { self.bytes = bytes }

        private var next: UInt8? { position < bytes.count ? bytes[position] : nil }

        var isAtEnd: Bool {
            mutating get {
                skipSpace()
                return position == bytes.count
            }
        }

        private mutating func skipSpace() {
            while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d { position += 1 }
        }

        private mutating func take(_ byte: UInt8) -> Bool {
            skipSpace()
            guard next == byte else { return false }
            position += 1
            return true
        }

        mutating func object() -> [String: LogRecord.Value]? {
            guard take(UInt8(ascii: "{")) else { return nil }
            var members: [String: LogRecord.Value] = [:]
            if take(UInt8(ascii: "}")) { return members }
            repeat {
                guard members.count < Self.memberLimit, let name = string(), take(UInt8(ascii: ":")) else { return nil }
                guard let value = value() else { return nil }
                members[name] = value
            } while take(UInt8(ascii: ","))
            return take(UInt8(ascii: "}")) ? members : nil
        }

        private mutating func value() -> LogRecord.Value? {
            skipSpace()
            return next == UInt8(ascii: "\"") ? string().map { .text($0) } : number().map { .number($0) }
        }

        /// Whole numbers alone.
        private mutating func number() -> Int64? {
            let start = position
            if next == UInt8(ascii: "-") { position += 1 }
            while let byte = next, (48...57).contains(byte), position - start < 20 { position += 1 }
            return Int64(String(decoding: bytes[start..<position], as: UTF8.self))
        }

        private mutating func string() -> String? {
            guard take(UInt8(ascii: "\"")) else { return nil }
            var text: [UInt8] = []
            while let byte = next {
                position += 1
                switch byte {
                case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
                case UInt8(ascii: "\\"):
                    guard let escaped = escaped() else { return nil }
                    text += escaped
                case 0..<0x20: return nil
                default: text.append(byte)
                }
            }
            return nil
        }

        private mutating func escaped() -> [UInt8]? {
            guard let byte = next else { return nil }
            position += 1
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return [byte]
            case UInt8(ascii: "n"): return [0x0a]
            case UInt8(ascii: "t"): return [0x09]
            case UInt8(ascii: "r"): return [0x0d]
            case UInt8(ascii: "b"): return [0x08]
            case UInt8(ascii: "f"): return [0x0c]
            case UInt8(ascii: "u"):
                guard position + 4 <= bytes.count,
                    let code = UInt32(String(decoding: bytes[position..<(position + 4)], as: UTF8.self), radix: 16)
                else { return nil }
                position += 4
                // Halves of a pair are not joined: the agent writes such characters as they are.
                return Array(String(Character(Unicode.Scalar(code) ?? "\u{fffd}")).utf8)
            default: return nil
            }
        }
    }
}
