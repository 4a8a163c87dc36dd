/// Splits a command line into words as sh(1) would for quotes and backslashes, with nothing expanded: images without
/// a shell can run commands too, and nothing in a setting is executed by surprise.
public enum ShellWords {
    public enum Problem: Error, Hashable, Sendable {
        case unclosedQuote(Character)
        case danglingBackslash
    }

    public static func split(_ line: String) throws(Problem) -> [String] {
        var words: [String] = []
        var word: String?
        var quote: Character?
        var escaped = false
        for character in line {
            if escaped {
                // Inside double quotes a backslash quotes only what would be special there.
                if quote == "\"", !"\"\\$`".contains(character) { word = (word ?? "") + "\\" }
                word = (word ?? "") + String(character)
                escaped = false
            } else if character == "\\", quote != "'" {
                escaped = true
                word = word ?? ""
            } else if let open = quote {
                if character == open { quote = nil } else { word = (word ?? "") + String(character) }
            } else if character == "'" || character == "\"" {
                quote = character
                word = word ?? ""
            } else if character == " " || character == "\t" || character == "\n" {
                if let finished = word { words.append(finished) }
                word = nil
            } else {
                word = (word ?? "") + String(character)
            }
        }
        if let quote { throw .unclosedQuote(quote) }
        if escaped { throw .danglingBackslash }
        if let word { words.append(word) }
        return words
    }
}
