import Testing

@testable import BatonLinux

@Suite struct EnvironmentVariableTests {
    @Test func namesAndValuesAreReadFromTheBytes() throws {
        let variable = try #require(EnvironmentVariable(entry: CText("PATH=/bin:a=b")))
        #expect(variable.name == "PATH" && variable.value == "/bin:a=b")
        #expect(variable.isNamed("PATH") && !variable.isNamed("PAT") && !variable.isNamed("PATHS"))
        #expect(variable.hasName(withPrefix: "PA") && !variable.hasName(withPrefix: "PATH="))
        #expect(variable.hasName(of: EnvironmentVariable(name: "PATH", value: "")))
        #expect(!variable.hasName(of: EnvironmentVariable(name: "PATHS", value: "")))
        #expect(EnvironmentVariable(entry: CText("PATH")) == nil)
        let cut = EnvironmentVariable(name: "A\0\0\0", value: "x")
        #expect(cut.name == "A" && cut.value == "x" && !cut.isNamed("A==x"))
    }
}
