import Testing

@testable import BatonCore

@Suite struct ShellWordsTests {
    @Test(arguments: [
        ("a b", ["a", "b"]), ("  a  'b c' ", ["a", "b c"]), ("a\"b c\"d", ["ab cd"]), ("''", [""]), ("a\\ b", ["a b"]),
        ("\"a\\\"b\\n\"", ["a\"b\\n"]), ("'a\\b'", ["a\\b"]), ("", []),
    ])
    func wordsAreSplitAsByAShell(_ line: String, _ words: [String]) throws {
        #expect(try ShellWords.split(line) == words)
    }

    @Test func unfinishedWordsAreRefused() {
        #expect(throws: ShellWords.Problem.unclosedQuote("'")) { try ShellWords.split("a 'b") }
        #expect(throws: ShellWords.Problem.danglingBackslash) { try ShellWords.split("a\\") }
    }
}
