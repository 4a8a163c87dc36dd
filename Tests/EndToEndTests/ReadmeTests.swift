import BatonCore
import Glibc
import TestSupport
import Testing

/// What a person sees who calls Baton by hand.

/// The README must not fall behind the program.
@Suite struct ReadmeTests {
    private let readme = readFile(
        Stand.package + "/README.md")

    @Test func theSettingsTableIsTheListOfSettings() {
        let rows = readme.split(separator: "\n").filter { $0.hasPrefix("| `BATON_") }.map(String.init)
        let expected = SettingDefinition.all.map {
            "| `\($0.name)` | \($0.defaultText) | \($0.summary). *\($0.allowed)* |"
        }
        #expect(rows == expected)
    }

    @Test func theCommandsThatItNamesExist() {
        for command in ["examples/quickstart/run", "Tests/run"] {
            #expect(readme.contains("    ./\(command)\n") && access(Stand.package + "/" + command, X_OK) == 0)
        }
    }
}
