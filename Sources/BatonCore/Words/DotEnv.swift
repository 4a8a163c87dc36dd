/// The text of a `.env` file: `NAME=value` lines, as docker's --env-file and the shell have them in common.
///
///     # a comment
///     export LEVEL=debug        # and one behind a value
///     GREETING="two\nlines"     # escapes in double quotes
///     PATTERN='as $it is'       # none in single ones
///
/// Nothing is expanded: a `$` is a `$`.
public enum DotEnv {
    public struct Problem: Sendable, Hashable {
        /// From 1.
        public let line: Int
        /// Without a word of the line, which may be a secret.
        public let reason: String
    }

    private enum ASCII {
        static let newline = UInt8(ascii: "\n")
        static let comment = UInt8(ascii: "#")
        static let equals = UInt8(ascii: "=")
        static let backslash = UInt8(ascii: "\\")
        static let singleQuote = UInt8(ascii: "'")
        static let doubleQuote = UInt8(ascii: "\"")
    }

    /// What can be read is read: a line that cannot is told about, and left out.
    /// - Parameter text: as bytes, since a value need not be UTF-8, and as CR and LF are one Character.
    public static func parse(_ text: [UInt8]) -> (variables: [(name: String, value: [UInt8])], problems: [Problem]) {
        var variables: [(name: String, value: [UInt8])] = []
        var problems: [Problem] = []
        let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]
        let text = text.starts(with: byteOrderMark) ? text.dropFirst(byteOrderMark.count) : text[...]
        for (index, line) in text.split(separator: ASCII.newline, omittingEmptySubsequences: false).enumerated() {
            var rest = trimmed(line)
            if rest.isEmpty || rest.first == ASCII.comment { continue }
            if rest.starts(with: "export ".utf8) { rest = trimmed(rest.dropFirst("export ".utf8.count)) }
            guard let equals = rest.firstIndex(of: ASCII.equals) else {
                problems.append(Problem(line: index + 1, reason: "it has no ="))
                continue
            }
            let name = String(decoding: trimmed(rest[..<equals]), as: UTF8.self)
            guard isName(name) else {
                problems.append(Problem(line: index + 1, reason: "the text before = is not a valid name of a variable"))
                continue
            }
            guard let value = value(trimmed(rest[(equals + 1)...])) else {
                problems.append(
                    Problem(line: index + 1, reason: "a quote is not closed, or text follows the closing quote"))
                continue
            }
            variables.append((name, value))
        }
        return (variables, problems)
    }

    /// Letters, digits and _, not with a digit first (POSIX, Base Definitions, 8.1); Kubernetes allows - and . beside them.
    public static func isName(_ text: String) -> Bool {
        guard let first = text.utf8.first, !(48...57).contains(first), text.utf8.count <= 4096 else { return false }
        return text.utf8.allSatisfy { byte in
            (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte)
                || [UInt8(ascii: "_"), UInt8(ascii: "-"), UInt8(ascii: ".")].contains(byte)
        }
    }

    private static func isBlank(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: " ") || byte == UInt8(ascii: "\t") || byte == UInt8(ascii: "\r")
    }

    private static func trimmed(_ text: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        guard let last = text.lastIndex(where: { !isBlank($0) }) else { return [] }
        return text[...last].drop(while: isBlank)
    }

    /// Nil where a quote is not closed.
    private static func value(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        guard let quote = text.first, quote == ASCII.doubleQuote || quote == ASCII.singleQuote else {
            // A # behind a space begins a comment; within a word it does not.
            var before = UInt8(ascii: " ")
            let end = text.firstIndex { byte in
                defer { before = byte }
                return byte == ASCII.comment && before == UInt8(ascii: " ")
            }
            return Array(trimmed(text[..<(end ?? text.endIndex)]))
        }
        var value: [UInt8] = []
        var rest = text.dropFirst()
        while let byte = rest.popFirst() {
            if byte == quote {
                let behind = trimmed(rest)
                return behind.isEmpty || behind.first == ASCII.comment ? value : nil
            }
            guard byte == ASCII.backslash, quote == ASCII.doubleQuote, let escaped = rest.popFirst() else {
                value.append(byte)
                continue
            }
            switch escaped {
            case UInt8(ascii: "n"): value.append(UInt8(ascii: "\n"))
            case UInt8(ascii: "t"): value.append(UInt8(ascii: "\t"))
            case UInt8(ascii: "r"): value.append(UInt8(ascii: "\r"))
            default: value.append(escaped)
            }
        }
        return nil
    }
}
