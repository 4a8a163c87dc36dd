import BatonCore
import TestSupport
import Testing

@testable import BatonLinux

@Suite struct FileTreeTests {
    @Test func directoriesWhoseNamesBeginWithAnAccentAreMade() throws {
        let directory = TemporaryDirectory()
        try makeDirectories(Path(directory.file("\u{301}one/\u{301}two")))
        #expect(listDirectory(directory.file("\u{301}one")).map { Array($0.utf8) } == [Array("\u{301}two".utf8)])
    }
}
