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
        #expect(throws: LinuxError("write", name, errno: EINVAL)) {
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

    /// "é" in one code point and in two looks alike, and is the name of two files.
    @Test func namesThatOnlyLookAlikeAreTwoFiles() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("stage")
        let stage = StageDirectory(path, isSecret: false)
        try stage.prepare()
        try stage.write(
            [.init(name: "\u{e9}", content: [1]), .init(name: "e\u{301}", content: [2])], stamp: Self.stamp)
        #expect(readFile("\(path)/\u{e9}") == "\u{1}" && readFile("\(path)/e\u{301}") == "\u{2}")
        try stage.write([.init(name: "e\u{301}", content: [3])], stamp: Self.stamp + ".1")
        #expect(try directoryEntries(path, limit: 10).map { Array($0.utf8) }.contains(Array("e\u{301}".utf8)))
        #expect(readFile("\(path)/e\u{301}") == "\u{3}" && (try? readLink("\(path)/\u{e9}")) == nil)
    }

    private static let stamp = "2026_11_22_10_00_00.123456789"

    @Test func onlyVersionsAndLinksOfItsOwnGo() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("stage")
        let stage = StageDirectory(path, isSecret: false)
        try stage.prepare()
        mkfifo("\(path)/pipe", 0o600)
        mkdir("\(path)/folder", 0o755)
        symlink("..data/other", "\(path)/alias")
        let almost = ["..2026_report", "..\(Self.stamp).1.1", "..\(Self.stamp).x"]
        for name in almost {
            mkdir("\(path)/\(name)", 0o755)
            writeFile("\(path)/\(name)/file", "x")
        }
        // kubelet's writer, or a run before, has left it.
        mkdir("\(path)/..2026_11_22_09_00_00.4294967295", 0o755)
        symlink("..data/gone", "\(path)/gone")
        try stage.write([.init(name: "a", content: [1])], stamp: "\(Self.stamp).1")
        let findings = try stage.write([.init(name: "b/c", content: [2])], stamp: "\(Self.stamp).2")
        let foreign = (almost + ["alias", "folder", "pipe"]).sorted()
        #expect(findings.foreign.sorted() == foreign.map { "\(path)/\($0)" })
        #expect(listDirectory(path) == (foreign + ["..\(Self.stamp).2", "..data", "b"]).sorted())
        #expect(readFile("\(path)/..2026_report/file") == "x" && readFile("\(path)/b/c") == "\u{2}")
    }

    @Test(arguments: ["../important", "../important/", "..", "..old"])
    func whatAForeignDataLinkLeadsToStays(_ target: String) throws {
        let directory = TemporaryDirectory()
        let path = directory.file("stage")
        mkdir(path, 0o755)
        for name in [directory.file("important"), "\(path)/..old"] {
            mkdir(name, 0o755)
            writeFile("\(name)/file", "x")
        }
        symlink(target, "\(path)/..data")
        let stage = StageDirectory(path, isSecret: false)
        try stage.prepare()
        #expect(target == "..old" || stage.isEmpty)
        try stage.write([.init(name: "a", content: [1])], stamp: "\(Self.stamp).1")
        #expect(readFile(directory.file("important/file")) == "x" && readFile("\(path)/..old/file") == "x")
        #expect(readFile("\(path)/a") == "\u{1}")
    }

    @Test(arguments: ["b", "..data_tmp"]) func whatIsInTheWayIsToldAndTheContentBeforeStays(_ name: String) throws {
        let directory = TemporaryDirectory()
        let path = directory.file("stage")
        let stage = StageDirectory(path, isSecret: false)
        try stage.prepare()
        try stage.write([.init(name: "a", content: [1])], stamp: "\(Self.stamp).1")
        writeFile("\(path)/\(name)", "foreign")
        let error = #expect(throws: LinuxError.self) {
            try stage.write([.init(name: "b/c", content: [2])], stamp: "\(Self.stamp).2")
        }
        #expect(
            error?.description.hasPrefix("\(path)/\(name) already exists, and Baton did not create it: move") == true)
        #expect(stage.version == "..\(Self.stamp).1" && readFile("\(path)/\(name)") == "foreign")
        #expect(listDirectory(path) == ["..\(Self.stamp).1", "..data", "a", name].sorted())
        unlink("\(path)/\(name)")
        try stage.write([.init(name: "b/c", content: [2])], stamp: "\(Self.stamp).3")
        #expect(readFile("\(path)/b/c") == "\u{2}")
    }

    @Test func aVersionThatIsThereAlreadyIsNotOverwritten() throws {
        let directory = TemporaryDirectory()
        let stage = StageDirectory(directory.file("stage"), isSecret: false)
        try stage.prepare()
        try stage.write([.init(name: "a", content: [1])], stamp: "\(Self.stamp).1")
        #expect(throws: LinuxError("make", "\(stage.path)/..\(Self.stamp).1", errno: EEXIST)) {
            try stage.write([.init(name: "b", content: [2])], stamp: "\(Self.stamp).1")
        }
        #expect(readFile(directory.file("stage/a")) == "\u{1}")
    }
}
