import BatonCore
import Glibc
import TestSupport
import Testing

@testable import BatonWatch

/// What every strategy must see, whoever writes and however. Each way of writing is one case for each strategy.
@Suite(.serialized) struct StrategyConformanceTests {
    struct Way: CustomTestStringConvertible, Sendable {
        let testDescription: String
        /// Lays out the source below a directory and gives its path.
        let layOut: @Sendable (TemporaryDirectory) -> String
        let change: @Sendable (TemporaryDirectory) -> Void
    }

    private static let file: @Sendable (TemporaryDirectory) -> String = { directory in
        writeFile(directory.file("app.yaml"), "one")
        return directory.file("app.yaml")
    }

    private static let tree: @Sendable (TemporaryDirectory) -> String = { directory in
        mkdir(directory.file("conf"), 0o755)
        mkdir(directory.file("conf/sub"), 0o755)
        mkdir(directory.file("conf/sub/deep"), 0o755)
        writeFile(directory.file("conf/a"), "a")
        writeFile(directory.file("conf/sub/deep/b"), "b")
        return directory.file("conf")
    }

    private static let volume: @Sendable (TemporaryDirectory) -> String = { directory in
        KubeletVolume(directory.file("vol")).write(["app.yaml": "one", "nested/x": "y"])
        return directory.file("vol")
    }

    static let ways: [Way] = [
        Way(testDescription: "a file written in place", layOut: file) { writeFile($0.file("app.yaml"), "two") },
        Way(testDescription: "a file of the same size written in place", layOut: file) {
            writeFile($0.file("app.yaml"), "eno")
        },
        Way(testDescription: "a file replaced by rename", layOut: file) { replaceFile($0.file("app.yaml"), "two") },
        Way(testDescription: "a file removed and made again", layOut: file) {
            unlink($0.file("app.yaml"))
            writeFile($0.file("app.yaml"), "two")
        },
        Way(testDescription: "a file saved as vim does", layOut: file) {
            writeFile($0.file("4913"), "")
            unlink($0.file("4913"))
            rename($0.file("app.yaml"), $0.file("app.yaml~"))
            writeFile($0.file("app.yaml"), "two")
            unlink($0.file("app.yaml~"))
        },
        Way(
            testDescription: "a file written through another name of it",
            layOut: { directory in
                writeFile(directory.file("app.yaml"), "one")
                mkdir(directory.file("other"), 0o755)
                link(directory.file("app.yaml"), directory.file("other/name"))
                return directory.file("app.yaml")
            }
        ) { writeFile($0.file("other/name"), "two") },
        Way(
            testDescription: "a link led elsewhere",
            layOut: { directory in
                writeFile(directory.file("v1"), "one")
                writeFile(directory.file("v2"), "two")
                symlink("v1", directory.file("current"))
                return directory.file("current")
            }
        ) {
            symlink("v2", $0.file("current.new"))
            rename($0.file("current.new"), $0.file("current"))
        },
        Way(
            testDescription: "a link to a directory in the middle of the path led elsewhere",
            layOut: { directory in
                for version in ["1", "2"] {
                    mkdir(directory.file("release\(version)"), 0o755)
                    writeFile(directory.file("release\(version)/app.yaml"), version)
                }
                symlink("release1", directory.file("current"))
                return directory.file("current/app.yaml")
            }
        ) {
            symlink("release2", $0.file("next"))
            rename($0.file("next"), $0.file("current"))
        },
        Way(
            testDescription: "the file at the end of a chain of links",
            layOut: { directory in
                writeFile(directory.file("c"), "one")
                symlink("c", directory.file("b"))
                symlink(directory.file("b"), directory.file("a"))
                return directory.file("a")
            }
        ) { writeFile($0.file("c"), "two") },
        Way(testDescription: "a file that did not exist", layOut: { $0.file("later.yaml") }) {
            writeFile($0.file("later.yaml"), "one")
        },
        Way(testDescription: "a file in a directory that did not exist", layOut: { $0.file("x/y/later.yaml") }) {
            mkdir($0.file("x"), 0o755)
            mkdir($0.file("x/y"), 0o755)
            writeFile($0.file("x/y/later.yaml"), "one")
        },
        Way(
            testDescription: "the directory of the file replaced",
            layOut: { directory in
                mkdir(directory.file("d"), 0o755)
                mkdir(directory.file("d2"), 0o755)
                writeFile(directory.file("d/app.yaml"), "one")
                writeFile(directory.file("d2/app.yaml"), "two")
                return directory.file("d/app.yaml")
            }
        ) {
            rename($0.file("d"), $0.file("old"))
            rename($0.file("d2"), $0.file("d"))
        },
        Way(testDescription: "a file in a directory", layOut: tree) { writeFile($0.file("conf/a"), "A") },
        Way(testDescription: "a file in a nested directory", layOut: tree) {
            writeFile($0.file("conf/sub/deep/b"), "B")
        },
        Way(testDescription: "a new file in a directory", layOut: tree) { writeFile($0.file("conf/new"), "") },
        Way(testDescription: "a file gone from a directory", layOut: tree) { unlink($0.file("conf/a")) },
        Way(testDescription: "a new directory in a directory, with a file", layOut: tree) {
            mkdir($0.file("conf/more"), 0o755)
            writeFile($0.file("conf/more/c"), "c")
        },
        Way(testDescription: "a kubelet volume", layOut: volume) {
            KubeletVolume($0.file("vol")).write(["app.yaml": "two", "nested/x": "y"])
        },
        Way(testDescription: "a key added to a kubelet volume", layOut: volume) {
            KubeletVolume($0.file("vol")).write(["app.yaml": "one", "nested/x": "y", "new": "1"])
        },
        Way(testDescription: "a nested item of a kubelet volume", layOut: volume) {
            KubeletVolume($0.file("vol")).write(["app.yaml": "one", "nested/x": "z"])
        },
        Way(testDescription: "a file in a kubelet volume", layOut: { volume($0) + "/app.yaml" }) {
            KubeletVolume($0.file("vol")).write(["app.yaml": "two", "nested/x": "y"])
        },
        Way(testDescription: "a key that was not there in a kubelet volume", layOut: { volume($0) + "/later" }) {
            KubeletVolume($0.file("vol")).write(["app.yaml": "one", "later": "now"])
        },
        Way(
            testDescription: "a kubelet volume inside a directory",
            layOut: { directory in
                mkdir(directory.file("etc"), 0o755)
                KubeletVolume(directory.file("etc/vol")).write(["app.yaml": "one"])
                return directory.file("etc")
            }
        ) { KubeletVolume($0.file("etc/vol")).write(["app.yaml": "two"]) },
    ]

    @Test(arguments: [StrategyChoice.inotify, .poll], ways)
    func sees(_ strategy: StrategyChoice, _ way: Way) throws {
        let directory = TemporaryDirectory()
        let stand = try WatchStand([way.layOut(directory)], strategy)
        way.change(directory)
        try stand.waitForChange(way.testDescription)
        #expect(stand.watcher.sightings.missed == 0)
    }

    /// Deafness after the first change is the classic fault of file watchers.
    @Test(arguments: [StrategyChoice.inotify, .poll], ways)
    func seesTheNextChangeToo(_ strategy: StrategyChoice, _ way: Way) throws {
        let directory = TemporaryDirectory()
        let path = way.layOut(directory)
        let stand = try WatchStand([path], strategy)
        way.change(directory)
        try stand.waitForChange(way.testDescription)
        for round in 0..<3 {
            if way.testDescription.contains("kubelet") {
                let volume = fileExists(directory.file("vol")) ? directory.file("vol") : directory.file("etc/vol")
                KubeletVolume(volume).write(["app.yaml": "round \(round)", "later": "round \(round)"])
            } else {
                var info = stat()
                let isDirectory = stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
                replaceFile(isDirectory ? path + "/round" : path, "round \(round)")
            }
            try stand.waitForChange("round \(round)")
        }
    }

    @Test(arguments: [StrategyChoice.inotify, .poll])
    func sameContentIsTheSameDigest(_ strategy: StrategyChoice) throws {
        let directory = TemporaryDirectory()
        let path = Self.file(directory)
        let stand = try WatchStand([path], strategy)
        let before = stand.digest
        replaceFile(path, "one")
        try waitUntil("the touch") {
            stand.pump()
            return stand.touches > 0
        }
        stand.read()
        #expect(stand.digest == before)
    }

    @Test(arguments: [StrategyChoice.inotify, .poll])
    func aVanishedSourceKeepsItsLastGoodSnapshot(_ strategy: StrategyChoice) throws {
        let directory = TemporaryDirectory()
        let path = Self.file(directory)
        let stand = try WatchStand([path], strategy)
        let before = stand.digest
        unlink(path)
        try waitUntil("the touch") {
            stand.pump()
            return stand.touches > 0
        }
        stand.read()
        #expect(stand.digest == before && stand.logged(.sourceUnreadable))
        writeFile(path, "two")
        try stand.waitForChange("coming back")
        #expect(stand.logged(.sourceReadable))
    }

    @Test(arguments: [StrategyChoice.inotify, .poll])
    func editorsTemporaryFilesAreNoConfiguration(_ strategy: StrategyChoice) throws {
        let directory = TemporaryDirectory()
        let path = Self.tree(directory)
        let stand = try WatchStand([path], strategy)
        let before = stand.digest
        for name in [".a.swp", "a~", "4913", ".#a", "#a#"] { writeFile(path + "/" + name, "x") }
        stand.read()
        #expect(stand.digest == before)
        writeFile(path + "/a", "changed")
        try stand.waitForChange("a real change")
    }
}
