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
        let (variables, problems) = DotEnv.parse(text)
        #expect(problems.isEmpty)
        #expect(
            variables.map { "\($0.name)=\($0.value)" } == [
                "PLAIN=value", "SPACED=both sides", "EXPORTED=yes", "EMPTY=", "URL=https://example.com/#anchor?a=b",
                "DOUBLE=two\nlines \"quoted\" # inside", "SINGLE=as $it \\n is", "DOLLAR=$HOME", "PLAIN=twice",
            ])
    }

    @Test func whatCannotBeReadIsToldByItsLineAndNotByItsContent() {
        let (variables, problems) = DotEnv.parse("A=1\nhunter2\n1B=hunter2\nC=\"hunter2\nD='x' hunter2\nE=2\n=hunter2")
        #expect(variables.map(\.name) == ["A", "E"])
        #expect(problems.map(\.line) == [2, 3, 4, 5, 7])
        #expect(!problems.contains { $0.reason.contains("hunter2") })
    }

    @Test func anythingMayCome() {
        var random = RandomSource(seed: 3)
        let alphabet = Array("A=b\"'\\# \n\t\rexport é")
        for _ in 0..<20_000 {
            let text = String(
                (0..<Int.random(in: 0..<30, using: &random)).map { _ in alphabet.randomElement(using: &random) ?? "x" })
            let (variables, problems) = DotEnv.parse(text)
            #expect(
                variables.count + problems.count <= text.split(separator: "\n", omittingEmptySubsequences: false).count
                    + 1)
        }
    }
}
