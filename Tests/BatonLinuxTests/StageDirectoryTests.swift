import BatonLinux
import Glibc
import TestSupport
import Testing

@Suite struct StageDirectoryTests {
    /// What comes over the network names files, and must not choose where they lie.
    @Test(arguments: ["../out", "..data", "a/../../out", "/etc/out", "a//b", ".", "", "a/./b"])
    func aNameThatLeadsAwayIsRefusedAndTheContentBeforeStays(_ name: String) throws {
        let directory = TemporaryDirectory()
        let stage = StageDirectory(directory.file("stage/deep"), isSecret: false)
        try stage.prepare()
        try stage.write([.init(name: "a", content: [1])], stamp: "2026_1")
        #expect(throws: LinuxError("lay down", name, errno: EINVAL)) {
            try stage.write([.init(name: "b", content: [2]), .init(name: name, content: [3])], stamp: "2026_2")
        }
        #expect(stage.version == "..2026_1")
        #expect(try directoryEntries(directory.file("stage/deep"), limit: 10) == ["..2026_1", "..data", "a"])
        #expect(try directoryEntries(directory.file("stage"), limit: 10) == ["deep"])
    }

    @Test func namesMayHaveDotsAndDirectories() throws {
        let directory = TemporaryDirectory()
        let stage = StageDirectory(directory.file("stage"), isSecret: true)
        try stage.prepare()
        try stage.write(
            [.init(name: ".a", content: []), .init(name: "b..c/..d/e.", content: [2])], stamp: "2026_1")
        #expect(readFile(directory.file("stage/b..c/..d/e.")) == "\u{2}")
    }
}
