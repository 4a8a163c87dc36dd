import BatonCore
import BatonLinux
import Glibc
import TestSupport
import Testing

@testable import BatonWatch

/// Linux compares names by their bytes. To Swift's String "é" is the same in one code point and in two, and "/" with an accent behind it
/// is no "/".
@Suite(.serialized) struct PathBytesTests {
    /// In one code point, and in two.
    private static let composed = "\u{E9}"
    private static let decomposed = "e\u{301}"

    @Test(arguments: [StrategyChoice.inotify, .poll])
    func aLinkLedToANameThatOnlyLooksTheSame(_ strategy: StrategyChoice) throws {
        let directory = TemporaryDirectory()
        for name in ["conf", Self.composed, Self.decomposed] { mkdir(directory.file(name), 0o755) }
        symlink("../" + Self.composed, directory.file("conf/link"))
        let stand = try WatchStand([directory.file("conf")], strategy)
        symlink("../" + Self.decomposed, directory.file("new"))
        rename(directory.file("new"), directory.file("conf/link"))
        try stand.waitForChange("the link")
    }

    @Test func whatHappensToANameThatOnlyLooksTheSameIsNoTouch() throws {
        let directory = TemporaryDirectory()
        for name in [Self.composed, Self.decomposed] { writeFile(directory.file(name), name) }
        let stand = try WatchStand([directory.file(Self.decomposed)], .inotify)
        writeFile(directory.file(Self.composed), "other")
        writeFile(directory.file(Self.decomposed), "own")
        try stand.waitForChange("its own")
        let touches = stand.touches
        replaceFile(directory.file(Self.composed), "another")
        let mark = directory.file("mark")
        let witness = try WatchStand([directory.path], .inotify)
        writeFile(mark, "")
        try witness.waitForChange("what was written last")
        stand.pump()
        #expect(stand.touches == touches)
    }

    @Test func aSubPathMountBelowIsFoundWhateverItsNameBeginsWith() {
        let directory = TemporaryDirectory()
        let point = directory.file("\u{301}key")
        let root = "/pods/1/volumes/kubernetes.io~configmap/v/..2026_11_22_10_00_00.1/\u{301}key"
        let table = MountTable(mounts: [
            .init(root: "/", mountPoint: "/", fileSystem: "ext4"),
            .init(root: Path(root), mountPoint: Path(point), fileSystem: "ext4"),
        ])
        let found = SubpathSources([Path(directory.path)], table)
        #expect(found.hidden == [SubpathMount(point: point, volume: "v", path: "\u{301}key")])
    }

    @Test func whatIsTakenOverBelowAMountWithAnUmlautKeepsItsPath() throws {
        let directory = TemporaryDirectory()
        for name in ["\u{FC}ber", "\u{FC}ber/deep", "agent", "agent/deep"] { mkdir(directory.file(name), 0o755) }
        writeFile(directory.file("\u{FC}ber/deep/app.yaml"), "one")
        writeFile(directory.file("agent/deep/app.yaml"), "two")
        let paths = ["\u{FC}ber", "\u{FC}ber/deep", "\u{FC}ber/deep/app.yaml"].map { directory.file($0) }
        let stand = try WatchStand(paths, .auto)
        let point = directory.file("\u{FC}ber")
        let mount = MountTable.Mount(
            root: "/..2026_11_22_10_00_00.1/x", mountPoint: Path(point), fileSystem: "ext4")
        for source in stand.watcher.sources {
            source.classification = .choose(.init(end: .directory(source.path), mount: mount), .auto)
        }
        stand.takeOver(SubpathMount(point: point, volume: "v", path: "x"), from: directory.file("agent"))
        #expect(
            stand.watcher.sources.map { "\($0.path)" }
                == ["agent", "agent/deep", "agent/deep/app.yaml"].map { directory.file($0) })
    }
}
