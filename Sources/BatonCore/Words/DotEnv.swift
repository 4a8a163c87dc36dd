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

    /// What can be read is read: a line that cannot is told about, and left out.
    public static func parse(_ text: String) -> (variables: [(name: String, value: String)], problems: [Problem]) {
        var variables: [(name: String, value: String)] = []
        var problems: [Problem] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            var rest = trimmed(line)
            if rest.isEmpty || rest.hasPrefix("#") { continue }
            if let exported = rest.dropping("export ") { rest = trimmed(exported) }
            guard let equals = rest.firstIndex(of: "=") else {
                problems.append(Problem(line: index + 1, reason: "there is no = in it"))
                continue
            }
            let name = String(trimmed(rest[..<equals]))
            guard isName(name) else {
                problems.append(Problem(line: index + 1, reason: "what stands before its = is no name of a variable"))
                continue
            }
            guard let value = value(trimmed(rest[rest.index(after: equals)...])) else {
                problems.append(
                    Problem(line: index + 1, reason: "a quote in it is never closed, or something follows one"))
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

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text
        while let first = text.first, first == " " || first == "\t" || first == "\r" { text.removeFirst() }
        while let last = text.last, last == " " || last == "\t" || last == "\r" { text.removeLast() }
        return text
    }

    /// Nil where a quote is not closed.
    private static func value(_ text: Substring) -> String? {
        guard let quote = text.first, quote == "\"" || quote == "'" else {
            // A # behind a space begins a comment; within a word it does not.
            var end = text.startIndex
            while end < text.endIndex {
                if text[end] == "#", end == text.startIndex || text[text.index(before: end)] == " " { break }
                end = text.index(after: end)
            }
            return String(trimmed(text[..<end]))
        }
        var value = ""
        var position = text.index(after: text.startIndex)
        while position < text.endIndex {
            let character = text[position]
            position = text.index(after: position)
            if character == quote {
                let behind = trimmed(text[position...])
                return behind.isEmpty || behind.hasPrefix("#") ? value : nil
            }
            guard character == "\\", quote == "\"", position < text.endIndex else {
                value.append(character)
                continue
            }
            switch text[position] {
            case "n": value.append("\n")
            case "t": value.append("\t")
            case "r": value.append("\r")
            case let other: value.append(other)
            }
            position = text.index(after: position)
        }
        return nil
    }
}
