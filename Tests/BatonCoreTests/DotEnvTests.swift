import Testing

@testable import BatonCore

@Suite struct DotEnvTests {
    @Test func linesAreReadAsTheirWritersMeanThem() {
        let text = """
            # a comment
            PLAIN=value
              SPACED = both sides \t
            export EXPORTED=yes
            EMPTY=
            URL=https://example.com/#anchor?a=b   # a comment
            DOUBLE="two\\nlines \\"quoted\\" # inside"
            SINGLE='as $it \\n is' # outside
            DOLLAR=$HOME
            PLAIN=twice\r
            """
        let (variables, problems) = DotEnv.parse(Array(text.utf8))
        #expect(problems.isEmpty)
        #expect(
            variables.map { "\($0.name)=\(String(decoding: $0.value, as: UTF8.self))" } == [
                "PLAIN=value", "SPACED=both sides", "EXPORTED=yes", "EMPTY=", "URL=https://example.com/#anchor?a=b",
                "DOUBLE=two\nlines \"quoted\" # inside", "SINGLE=as $it \\n is", "DOLLAR=$HOME", "PLAIN=twice",
            ])
    }

    @Test func whatCannotBeReadIsToldByItsLineAndNotByItsContent() {
        let (variables, problems) = DotEnv.parse(
            Array("A=1\nhunter2\n1B=hunter2\nC=\"hunter2\nD='x' hunter2\nE=2\n=hunter2".utf8))
        #expect(variables.map(\.name) == ["A", "E"])
        #expect(problems.map(\.line) == [2, 3, 4, 5, 7])
        #expect(!problems.contains { $0.reason.contains("hunter2") })
    }

    /// Windows ends lines with CR and LF, which are one Character to Swift, and begins a file with a byte order mark.
    @Test func filesOfWindowsAreRead() {
        let (variables, problems) = DotEnv.parse(
            Array("\u{FEFF}A=1\r\nB=\"two\r\nlines\"\r\n# no more\r\n\r\nC='3'\r\n".utf8))
        #expect(variables.map(\.name) == ["A", "C"] && variables.map(\.value) == [[0x31], [0x33]])
        #expect(problems.map(\.line) == [2, 3])
    }

    /// A secret may be anything, and an accent that stands alone belongs to no quote.
    @Test func valuesAreTheBytesThatTheyAre() {
        let (variables, problems) = DotEnv.parse(
            Array("A=".utf8) + [0xff, 0x80] + Array("\nB=\"\u{301}\"\nC=\u{301}\n".utf8))
        #expect(problems.isEmpty && variables.map(\.value) == [[0xff, 0x80], [0xcc, 0x81], [0xcc, 0x81]])
    }

    @Test func anythingMayCome() {
        var random = RandomSource(seed: 3)
        let alphabet = Array("A=b\"'\\# \n\t\rexport é")
        for _ in 0..<20_000 {
            let text = String(
                (0..<Int.random(in: 0..<30, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? "x" })
            let (variables, problems) = DotEnv.parse(Array(text.utf8))
            #expect(variables.count + problems.count <= text.utf8.count { $0 == UInt8(ascii: "\n") } + 1)
        }
    }
}
