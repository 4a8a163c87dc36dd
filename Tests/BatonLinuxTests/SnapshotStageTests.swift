import BatonCore
import BatonLinux
import Glibc
import TestSupport
import Testing

/// The directory that the app reads: Baton's links and versions come and go, everything else stays.
@Suite struct SnapshotStageTests {
    private let directory = TemporaryDirectory()
    private var path: String { directory.file("stage") }
    private let before = "2026_11_22_10_00_00.5.7"

    private func stage(_ run: String = "2026_11_22_11_00_00.123456789.4194304", own: [String] = []) throws
        -> SnapshotStage
    {
        mkdir(path, 0o755)
        return SnapshotStage(path, run: run, own: own)
    }

    /// What a copy leaves behind: a version with these files.
    private func fill(_ version: String, _ names: [String]) {
        mkdir(version, 0o755)
        for name in names {
            if let parent = name.split(separator: "/").dropLast().first { mkdir("\(version)/\(parent)", 0o755) }
            writeFile("\(version)/\(name)", name)
        }
    }

    private func link(to name: String) -> String? { try? readLink("\(path)/\(name)") }

    /// One of each kind that somebody else may have put there.
    private func makeForeign() {
        writeFile("\(path)/notes", "x")
        mkfifo("\(path)/pipe", 0o600)
        mkdir("\(path)/folder", 0o755)
        writeFile("\(path)/folder/file", "x")
        symlink("/etc/hostname", "\(path)/link")
        symlink("..data/other", "\(path)/alias")
        symlink("./..data/near", "\(path)/near")
        writeFile("\(path)/..hidden", "x")
        mkdir("\(path)/..2026_report", 0o755)
        writeFile("\(path)/..2026_report/file", "x")
    }

    private static let foreign = [
        "..2026_report", "..hidden", "alias", "folder", "link", "near", "notes", "pipe",
    ]

    @Test func namesThatOnlyLookAlikeAreTwoLinks() throws {
        let stage = try stage()
        fill(stage.directory(of: 1), ["\u{e9}", "e\u{301}"])
        let findings = try stage.promote(1)
        #expect(link(to: "\u{e9}") != nil && link(to: "e\u{301}") != nil)
        #expect(findings.failure == nil && findings.foreign.isEmpty)
        fill(stage.directory(of: 2), ["\u{e9}"])
        #expect(try stage.promote(2).foreign.isEmpty)
        #expect(link(to: "\u{e9}") != nil && link(to: "e\u{301}") == nil)
    }

    @Test func onlyWhatBatonMadeGoes() throws {
        let stage = try stage()
        makeForeign()
        symlink("..data/gone", "\(path)/gone")
        try stage.prepare()
        fill(stage.directory(of: 1), ["files/app.yaml"])
        let findings = try stage.promote(1)
        #expect(findings.foreign.sorted() == Self.foreign.map { "\(path)/\($0)" })
        #expect(findings.replaced == nil && findings.failure == nil)
        fill(stage.directory(of: 2), ["configmap"])
        try stage.promote(2)
        let versions = ["..2026_11_22_11_00_00.123456789.4194304.1", "..2026_11_22_11_00_00.123456789.4194304.2"]
        #expect(listDirectory(path) == (Self.foreign + versions + ["..data", "configmap"]).sorted())
        #expect(readFile("\(path)/configmap") == "configmap")
        #expect(readFile("\(path)/folder/file") == "x" && readFile("\(path)/..2026_report/file") == "x")
    }

    @Test func aPathOfASocketOfItsOwnIsNotForeignHoweverItIsWritten() throws {
        mkdir(path, 0o755)
        mkdir("\(path)/run", 0o755)
        symlink(path, directory.file("other"))
        for name in ["a.sock", "b.sock", "run/c.sock"] { writeFile("\(path)/\(name)", "") }
        let stage = try stage(own: [
            "\(path)/./a.sock", directory.file("other//b.sock"), "\(path)/run/c.sock", directory.file("d.sock"), "",
        ])
        try SnapshotStage.makeAgentDirectory(of: path)
        fill(stage.directory(of: 1), ["files/app.yaml"])
        #expect(try stage.promote(1).foreign == [])
        #expect(fileExists("\(path)/a.sock") && fileExists("\(path)/b.sock") && fileExists("\(path)/run/c.sock"))
    }

    /// Only what has the name of a version, to the letter, and is a directory, was one.
    @Test(arguments: [
        "..2026_report", "..2026_11_22", "..2026_11_22_10_00_00", "..2026_11_22_10_00_00.5",
        "..2026_11_22_10_00_00.5.7",
        "..2026_11_22_10_00_00.5.7.1.1", "..2026_11_22_10_00_00.5.7.01", "..2026_11_22_10_00_00.5.7.x",
        "..2026_11_22_10_00_00.5.7.", "..2026_13_22_10_00_00.5.7.1", "..2026_1_22_10_00_00.5.7.1",
        "..2026_11_22_10_00_00.5.7.1.bak", "..2026_11_22_10_00_00.5.7.1~", "...2026_11_22_10_00_00.5.7.1",
        "..20_empty", "2026_11_22_10_00_00.5.7.1", "..2026_11_22_10_00_00.5.7.٣", "..2026_11_22_24_00_00.5.7.1",
    ]) func whatIsAlmostNamedLikeAVersionStays(_ name: String) throws {
        let stage = try stage()
        fill("\(path)/\(name)", ["file"])
        symlink(name, "\(path)/..data")
        try stage.prepare()
        fill(stage.directory(of: 1), ["files/app.yaml"])
        let findings = try stage.promote(1)
        #expect(findings.replaced == name && findings.foreign == ["\(path)/\(name)"])
        try waitForChildren()
        #expect(readFile("\(path)/\(name)/file") == "file")
    }

    @Test func whatARunBeforeHasLeftGoes() throws {
        let stage = try stage()
        for version in ["..\(before).1", "..\(before).22", "..1970_01_01_00_00_09.0.1.1"] {
            fill("\(path)/\(version)", ["files/app.yaml"])
        }
        symlink("..\(before).1", "\(path)/..data")
        symlink("..data/files", "\(path)/files")
        // Neither of these is a directory that Baton has made.
        symlink(directory.path, "\(path)/..\(before).3")
        writeFile("\(path)/..\(before).4", "x")
        try stage.prepare()
        #expect(listDirectory(path) == ["..\(before).1", "..\(before).3", "..\(before).4", "..data", "files"])
        fill(stage.directory(of: 1), ["files/app.yaml"])
        let findings = try stage.promote(1)
        #expect(findings.foreign == ["\(path)/..\(before).3", "\(path)/..\(before).4"] && findings.replaced == nil)
        try waitForChildren()
        #expect(!fileExists("\(path)/..\(before).1") && fileExists("\(path)/..\(before).4"))
        #expect(link(to: "..\(before).3") == directory.path)
    }

    @Test(arguments: ["../important", "..data/../../important", "..", ".", "/", "important", "..old"])
    func whatAForeignDataLinkLeadsToStays(_ target: String) throws {
        let stage = try stage()
        for name in [directory.file("important"), "\(path)/important", "\(path)/..old"] { fill(name, ["file"]) }
        symlink(target, "\(path)/..data")
        try stage.prepare()
        fill(stage.directory(of: 1), ["files/app.yaml"])
        #expect(try stage.promote(1).replaced == target)
        try waitForChildren()
        #expect(readFile(directory.file("important/file")) == "file" && readFile("\(path)/important/file") == "file")
        #expect(readFile("\(path)/..old/file") == "file" && readFile("\(path)/files/app.yaml") == "files/app.yaml")
    }

    enum Obstacle: CaseIterable { case file, fifo, directory, link, linkToAnother }

    private func put(_ obstacle: Obstacle, at place: String) {
        switch obstacle {
        case .file: writeFile(place, "foreign")
        case .fifo: mkfifo(place, 0o600)
        case .directory: mkdir(place, 0o755)
        case .link: symlink("/etc/hostname", place)
        case .linkToAnother: symlink("..data/another", place)
        }
    }

    @Test(arguments: Obstacle.allCases) func whatIsInTheWayIsToldBeforeAnythingIsDone(_ obstacle: Obstacle) throws {
        let stage = try stage()
        fill(stage.directory(of: 1), ["files/app.yaml"])
        try stage.promote(1)
        put(obstacle, at: "\(path)/configmap")
        try stage.checkFree(["files/app.yaml", "secret/key"])
        let error = #expect(throws: LinuxError.self) { try stage.checkFree(["files/x", "configmap/web/app.yaml"]) }
        #expect(
            error?.description == "\(path)/configmap already exists, and Baton did not create it: move it, or set "
                + "BATON_STAGE to another directory")
        #expect(error?.errno == EEXIST)
        // Where it came after the check the rest is in force all the same, and it is told.
        fill(stage.directory(of: 2), ["configmap/app.yaml", "files/new.yaml"])
        let findings = try stage.promote(2)
        #expect(findings.failure == error && findings.foreign == ["\(path)/configmap"])
        #expect(readFile("\(path)/files/new.yaml") == "files/new.yaml")
        #expect(link(to: "configmap") != "..data/configmap")
    }

    @Test(arguments: ["..data", "..data_tmp"], [Obstacle.file, .fifo, .directory])
    func theNamesOfTheSwapMayBeTakenToo(_ name: String, _ obstacle: Obstacle) throws {
        let stage = try stage()
        put(obstacle, at: "\(path)/\(name)")
        fill(stage.directory(of: 1), ["files/app.yaml"])
        #expect(throws: LinuxError.self) { try stage.checkFree([]) }
        let error = #expect(throws: LinuxError.self) { try stage.promote(1) }
        #expect(error?.description.hasPrefix("\(path)/\(name) already exists, and Baton did not create it") == true)
        var info = stat()
        #expect(lstat("\(path)/\(name)", &info) == 0 && info.st_mode & S_IFMT != S_IFLNK)
        #expect(obstacle != .file || readFile("\(path)/\(name)") == "foreign")
    }

    @Test func aLinkThatACrashHasLeftIsNotInTheWay() throws {
        let stage = try stage()
        symlink("..\(before).1", "\(path)/..data_tmp")
        fill(stage.directory(of: 1), ["files/app.yaml"])
        try stage.checkFree(["files"])
        #expect(try stage.promote(1).foreign == [])
        #expect(readFile("\(path)/files/app.yaml") == "files/app.yaml" && link(to: "..data_tmp") == nil)
    }

    /// A swap to another one may have failed: nobody who asks for this one to go knows it then.
    @Test func whatIsInForceIsNotRemoved() throws {
        let stage = try stage()
        fill(stage.directory(of: 1), ["page"])
        try stage.promote(1)
        try stage.remove(1)
        #expect(readFile("\(path)/page") == "page")
    }

    @Test func moreForeignEntriesThanCanBeLookedAtHoldNothingUp() throws {
        let stage = try stage()
        for number in 0..<1100 { writeFile("\(path)/\(number)", "") }
        fill(stage.directory(of: 1), ["files/app.yaml"])
        #expect(try stage.promote(1).failure == nil)
        #expect(readFile("\(path)/files/app.yaml") == "files/app.yaml")
        #expect(listDirectory(path).count == 1103)
    }

    @Test func theLockIsSeenByAllAndGoesWithItsHolder() throws {
        mkdir(path, 0o755)
        symlink(path, directory.file("other"))
        do {
            let lock = try StageLock.take(path)
            let isHeld = lock != nil
            #expect(isHeld)
            let error = #expect(throws: LinuxError.self) { _ = try StageLock.take(directory.file("other")) }
            #expect(error?.errno == EAGAIN && error?.description.contains("another running Baton uses it") == true)
            _ = consume lock
        }
        let isFree = try StageLock.take(directory.file("other")) != nil
        #expect(isFree)
        // It is no entry of the directory.
        #expect(listDirectory(path) == [])
    }

    @Test func eachForeignEntryIsToldOnceAndNotWithoutEnd() throws {
        let stage = try stage()
        symlink("../x", "\(path)/..data")
        for number in 10..<70 { writeFile("\(path)/\(number)", "") }
        fill(stage.directory(of: 1), ["files/app.yaml"])
        fill(stage.directory(of: 2), ["files/app.yaml"])
        var reporter = StageReporter()
        let first = reporter.records(try stage.promote(1))
        #expect(first.count == 61 && first.allSatisfy { $0.event == .stageForeign && $0.level == .warn })
        #expect(first.first?.message.hasPrefix("\(path)/..data led to ../x, which Baton did not create") == true)
        #expect(
            first.last?.message == "\(path)/69 is on the stage, and Baton did not create it: Baton does not touch it")
        for number in 70..<90 { writeFile("\(path)/\(number)", "") }
        let second = reporter.records(try stage.promote(2))
        #expect(second.count == 4 && second.last?.message.hasSuffix("no further entries are reported") == true)
        #expect(reporter.records(try stage.promote(1)) == [])
    }

    // MARK: the record

    private var recordPath: String { "\(path)/..record" }

    private func version(_ number: Int, _ digest: UInt64) -> StageRecord.Version {
        .init(name: "..\(before).\(number)", digest: Digest(digest, 0, 0, 0))
    }

    /// Of a run before: 1 to 4 are there, 4 is in force, and the record names 3 and 2.
    private func leaveFour() throws -> (stage: SnapshotStage, record: StageRecord) {
        let stage = try stage()
        for number in 1...4 { fill("\(path)/..\(before).\(number)", ["files/app.yaml"]) }
        symlink("..\(before).4", "\(path)/..data")
        symlink("..data/files", "\(path)/files")
        var record = StageRecord()
        (record.good, record.before) = (version(3, 3), version(2, 2))
        (record.held, record.salt) = (Digest(9, 9, 9, 9), 12)
        try stage.keep(record)
        return (stage, record)
    }

    @Test func whatTheRecordNamesStaysUntilItIsRemoved() throws {
        let (old, record) = try leaveFour()
        #expect(try old.prepare() == record)
        #expect(!fileExists("\(path)/..\(before).1") && fileExists("\(path)/..\(before).4"))
        let next = SnapshotStage(path, run: "2026_11_22_12_00_00.1.1", record: record)
        #expect(next.name(1) == "..\(before).2" && next.name(2) == "..\(before).3")
        fill(next.directory(of: 3), ["files/app.yaml"])
        // What was in force and is not named goes, what is named stays, in force or not.
        #expect(try next.promote(3).foreign == [])
        try waitForChildren()
        #expect(!fileExists("\(path)/..\(before).4"))
        try next.promote(2)
        try next.promote(3)
        try next.promote(1)
        try waitForChildren()
        #expect(link(to: "..data") == "..\(before).2" && readFile("\(path)/files/app.yaml") == "files/app.yaml")
        #expect(fileExists("\(path)/..\(before).3") && fileExists(next.directory(of: 3)))
        try next.remove(2)
        try waitForChildren()
        #expect(!fileExists("\(path)/..\(before).3"))
    }

    @Test func theRecordIsItsOwnersAloneAndLeadsNowhere() throws {
        let stage = try stage()
        var record = StageRecord()
        record.salt = 7
        writeFile(directory.file("target"), "untouched")
        for name in ["..record", "..record_tmp"] { symlink(directory.file("target"), "\(path)/\(name)") }
        #expect(try stage.prepare() == StageRecord())
        try stage.keep(record)
        var info = stat()
        #expect(lstat(recordPath, &info) == 0 && info.st_mode == S_IFREG | 0o600)
        #expect(try stage.prepare() == record && readFile(directory.file("target")) == "untouched")
        #expect(listDirectory(path) == ["..record"])
        // It is not foreign, nor is what a crash has left of one.
        writeFile("\(path)/..record_tmp", "half")
        fill(stage.directory(of: 1), ["files/app.yaml"])
        #expect(try stage.promote(1).foreign == [])
        try stage.keep(record)
        #expect(!fileExists("\(path)/..record_tmp"))
    }

    /// None of these is there as a directory that Baton has made, or on this stage at all.
    @Test(arguments: [
        "..2026_11_22_10_00_00.5.7.9", "../important", "..2026_11_22_10_00_00.5.7.1/files", ".", "..", "/", "..data",
        "files", "..2026_11_22_10_00_00.5.7.8", "..2026_11_22_10_00_00.5.7.7", "..2026_report",
    ]) func aNameThatIsNotOneOfAVersionIsLeftOut(_ name: String) throws {
        var (stage, record) = try leaveFour()
        mkdir("\(directory.path)/important", 0o755)
        mkdir("\(path)/..2026_report", 0o755)
        symlink("../important", "\(path)/..\(before).8")
        writeFile("\(path)/..\(before).7", "x")
        record.good = .init(name: name, digest: Digest(1, 1, 1, 1))
        try stage.keep(record)
        // The one before it has been proven, too.
        let found = try stage.prepare()
        #expect(found.good == record.before && found.before == nil && found.salt == 12)
        record.before = record.good
        try stage.keep(record)
        let none = try stage.prepare()
        #expect(none.versions.isEmpty && none.held == record.held)
        #expect(fileExists("\(directory.path)/important") && fileExists("\(path)/..\(before).4/files/app.yaml"))
        #expect(!fileExists("\(path)/..\(before).3"))
    }

    @Test func oneDirectoryIsOneVersion() throws {
        var (stage, record) = try leaveFour()
        record.before = .init(name: version(3, 3).name, digest: Digest(8, 0, 0, 0))
        try stage.keep(record)
        #expect(try stage.prepare().versions == [version(3, 3)])
    }

    enum Garbage: CaseIterable { case empty, bytes, huge, fifo, directory, link, unreadableLines }

    @Test(arguments: Garbage.allCases) func aRecordThatIsNoneCountsAsNone(_ garbage: Garbage) throws {
        let (stage, record) = try leaveFour()
        unlink(recordPath)
        switch garbage {
        case .empty: writeFile(recordPath, "")
        case .bytes: writeFile(recordPath, "\0\u{1}good \u{7f}\n\n")
        case .huge: writeFile(recordPath, String(repeating: "\(record.text)x", count: 20_000))
        case .fifo: mkfifo(recordPath, 0o600)
        case .directory: mkdir(recordPath, 0o755)
        case .link:
            writeFile(directory.file("other"), record.text)
            symlink(directory.file("other"), recordPath)
        case .unreadableLines: writeFile(recordPath, "good \(version(3, 3).name)\nbefore x\nheld\nsalt y\n")
        }
        #expect(try stage.prepare() == StageRecord())
        // What is in force is there all the same.
        #expect(readFile("\(path)/files/app.yaml") == "files/app.yaml")
        #expect(!fileExists("\(path)/..\(before).3"))
        guard garbage == .directory else {
            try stage.keep(record)
            return #expect(readFile(recordPath) == record.text)
        }
        #expect(throws: LinuxError.self) { try stage.keep(record) }
        #expect(!fileExists("\(path)/..record_tmp"))
    }

    /// Its versions are removed after it: a record that is not replaced would lead to what is half gone.
    @Test func aRecordThatCannotBeReplacedIsNotLeftBehind() throws {
        let (stage, record) = try leaveFour()
        mkdir("\(path)/..record_tmp", 0o755)
        #expect(throws: LinuxError.self) { try stage.keep(record) }
        #expect(!fileExists(recordPath))
        #expect(try stage.prepare() == StageRecord())
    }

    /// A version is removed in a child, which is this same program.
    private func waitForChildren() throws {
        let own = readFile("/proc/self/cmdline")
        try waitUntil("the removal to end") {
            listDirectory("/proc/self/task").flatMap { thread in
                readFile("/proc/self/task/\(thread)/children").split(separator: " ")
            }.allSatisfy { readFile("/proc/\($0)/cmdline") != own }
        }
    }
}
