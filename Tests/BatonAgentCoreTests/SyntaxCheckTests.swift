import BatonCore
import TestSupport
import Testing

@testable import BatonAgentCore

@Suite struct SyntaxCheckTests {
    @Test(arguments: [
        (Syntax.json, "{\"a\": [1, 2.5e3, null, true, \"\\u00e9\"]}"), (.json, "3"), (.json, " \n[]\n"),
        (.yaml, "a: 1\nb:\n  - x\n  - {y: z}\n"), (.yaml, "---\na: 1\n---\nb: &x 2\nc: *x\n...\n"), (.yaml, ""),
        (.yaml, "{\"json\": [\"is\", \"yaml\"]}"), (.yaml, "a: !Custom tag\ntext: |\n  more\n  lines\n"),
    ])
    func whatCanBeReadIsFine(_ syntax: Syntax, _ text: String) {
        #expect(SyntaxCheck.problem(in: Array(text.utf8), as: syntax) == nil)
    }

    @Test(arguments: [
        (Syntax.json, "{\"a\": 1,\n \"b\": }", "line 2, column 7:"), (.json, "", "line 1, column 1:"),
        (.json, "{\"a\": 1} x", "line 1, column 10:"), (.json, "[1,\n2,\n]", "line 3, column 1:"),
        (.json, "{'a': 1}", "not valid JSON"), (.json, "{\"a\": 1", "not valid JSON"),
        (.json, "\u{0}", "not valid JSON"),
        (.json, "[01]", "line 1, column 3:"), (.json, "\"\\x\"", "line 1, column 3:"),
        (.yaml, "a: 1\n b: 2\n", "line 2, column 3"), (.yaml, "a: [1, 2\n", "line"), (.yaml, "a: \"x\n", "line"),
        (.yaml, "a:\n\t- tab\n", "line 2"), (.yaml, "a: *nothing\n", "line 1, column 4: an alias"),
        (.yaml, "a: &x 1\n---\nb: *x\n", "line 3"), (.yaml, "\u{1}", "line"),
    ])
    func whatCannotIsToldByItsPlace(_ syntax: Syntax, _ text: String, _ words: String) {
        let problem = SyntaxCheck.problem(in: Array(text.utf8), as: syntax)
        #expect(problem?.contains(words) == true, "\(problem ?? "no problem")")
    }

    @Test(arguments: Syntax.allCases) func noWordOfTheContentIsTold(_ syntax: Syntax) {
        let texts = [
            "{\"password\": hunter2}", "password: hunter2: hunter2\n  hunter2", "hunter2: [hunter2",
            "hunter2: *hunter2",
        ]
        for text in texts {
            let problem = SyntaxCheck.problem(in: Array(text.utf8), as: syntax)
            #expect(problem?.contains("hunter2") != true, "\(problem ?? "")")
        }
    }

    /// What Python's reader takes, and nothing else.
    @Test(.enabled(if: fileExists("/usr/bin/python3"), "needs /usr/bin/python3")) func anotherReaderIsOfTheSameOpinion()
        throws
    {
        var random = RandomSource(seed: 11)
        let parts = [
            "{", "}", "[", "]", ",", ":", "\"a\"", "1", "-", "0", ".5", "e+3", "true", "nul", "l", " ", "\n",
            "\"\\u00e9\"", "\"\\x\"",
        ]
        let texts = (0..<20_000).map { _ in
            (0..<(1 + Int(random.next() % 8))).map { _ in parts[Int(random.next() % UInt64(parts.count))] }.joined()
        }
        let directory = TemporaryDirectory()
        writeFile(directory.file("texts"), texts.joined(separator: "\u{0}"))
        let script = """
            import json, sys
            def reads(text):
                try: json.loads(text); return "y"
                except ValueError: return "n"
            print("".join(reads(text) for text in open(sys.argv[1]).read().split("\\0")))
            """
        let python = try RunningProcess(["/usr/bin/python3", "-c", script, directory.file("texts")])
        #expect(try python.wait() == 0)
        let answers = python.output.filter { $0 == "y" || $0 == "n" }
        #expect(answers.count == texts.count && answers.contains("y"))
        for (text, answer) in zip(texts, answers) {
            #expect((SyntaxCheck.problem(in: Array(text.utf8), as: .json) == nil) == (answer == "y"), "\(text)")
        }
    }

    /// Aliases in aliases, which readers that build a tree of them die of; and garbage.
    @Test func whatIsMadeToHurtDoesNot() {
        var bomb = "a0: &a0 [x, x]\n"
        for level in 1...60 { bomb += "a\(level): &a\(level) [*a\(level - 1), *a\(level - 1)]\n" }
        #expect(SyntaxCheck.problem(in: Array(bomb.utf8), as: .yaml) == nil)
        var random = RandomSource(seed: 7)
        for _ in 0..<2000 {
            let bytes = (0..<40).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            for syntax in Syntax.allCases { _ = SyntaxCheck.problem(in: bytes, as: syntax) }
        }
        // libyaml's time grows with the square of this, which the validator's timeout bounds.
        for depth in [1000, 5000] {
            let nested = String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
            for syntax in Syntax.allCases { _ = SyntaxCheck.problem(in: Array(nested.utf8), as: syntax) }
        }
    }
}
