import BatonCore
import Glibc
import TestSupport
import Testing

/// README and the pages must not fall behind the program.
@Suite struct ReadmeTests {
    private let readme = Document("README.md")

    @Test func theSettingsTableIsTheListOfSettings() {
        let page = readFile(Stand.package + "/" + Document.catalogue + "/Settings.md")
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `BATON_") }.map(String.init)
        let expected = SettingDefinition.all.map {
            "| `\($0.name)` | \($0.defaultText) | \($0.summary). *\($0.allowed)* |"
        }
        #expect(rows == expected)
    }

    @Test func itsLengthIsTwoHundredLinesAtMost() {
        let lines = readme.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        #expect(!lines.isEmpty && lines.count <= 200)
    }

    @Test func theCommandsThatItNamesExist() {
        for command in ["examples/quickstart/run", "Tests/run"] {
            #expect(readme.text.contains("    ./\(command)\n") && access(Stand.package + "/" + command, X_OK) == 0)
        }
    }
}
