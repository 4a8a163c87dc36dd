import BatonCore
import BatonLinux
import Glibc
import TestSupport
import Testing

@testable import BatonWatch

@Suite(.serialized) struct WatcherTests {
    @Test func severalSourcesAreOneSnapshot() throws {
        let directory = TemporaryDirectory()
        for name in ["a", "b"] { writeFile(directory.file(name), name) }
        let stand = try WatchStand([directory.file("a"), directory.file("b")], .auto)
        let first = stand.digest
        writeFile(directory.file("b"), "B")
        try stand.waitForChange("the second source")
        writeFile(directory.file("b"), "b")
        try stand.waitForChange("going back")
        #expect(stand.digest == first)
    }

    /// A writer that never pauses, and a reader that must never see half of it.
    @Test func snapshotsAreNeverTorn() throws {
        let directory = TemporaryDirectory()
        let volume = KubeletVolume(directory.file("vol"))
        var whole: Set<Digest> = []
        let contents = (0..<2).map { number in
            Dictionary(uniqueKeysWithValues: (0..<20).map { ("key\($0)", String(repeating: "\(number)", count: 2000)) })
        }
        for content in contents {
            volume.write(content)
            whole.insert(try #require(try WatchStand([volume.directory], .auto).digest))
        }
        #expect(whole.count == 2)
        let stand = try WatchStand([volume.directory], .auto)
        let writer = try RunningProcess(["sh", "-c", Self.swapForEver, "sh", directory.file("vol")])
        var readings = 0
        try waitUntil("500 readings under fire", seconds: 60) {
            stand.pump()
            stand.read()
            readings += 1
            if let digest = stand.digest, !whole.contains(digest) { throw TimedOut("a torn snapshot: \(digest)") }
            return readings >= 500
        }
        writer.signal(SIGKILL)
        try writer.wait()
    }

    /// kubelet's steps, as fast as a shell can: two directories with the two contents take turns behind `..data`.
    private static let swapForEver = """
        cd "$1"; i=0; old=$(readlink ..data); cp -r "$old" ..2026_11_22_11_00_00.0
        for n in 0 1; do mkdir ..2026_11_22_12_00_0$n.1; done
        for k in $(seq 0 19); do
          head -c 2000 /dev/zero | tr '\\0' 0 > ..2026_11_22_12_00_00.1/key$k
          head -c 2000 /dev/zero | tr '\\0' 1 > ..2026_11_22_12_00_01.1/key$k
        done
        while :; do
          i=$((1-i)); ln -sfn ..2026_11_22_12_00_0$i.1 ..data_tmp; mv -T ..data_tmp ..data
        done
        """

    @Test func anAuditFindsWhatInotifyMissedAndTrustsItNoMore() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("app.yaml")
        writeFile(path, "one")
        let stand = try WatchStand([path], .inotify, audit: .milliseconds(50))
        // Blind it: the watches are taken away behind its back, as a file system that never tells would.
        for watch in stand.watcher.sightings.owners.keys { stand.watcher.sightings.inotify?.remove(watch) }
        stand.watcher.sightings.owners = [:]
        writeFile(path, "two")
        try stand.waitForChange("the audit")
        try waitUntil("that inotify has not told of it") {
            stand.pump()
            return stand.logged(.sourceDegraded)
        }
        #expect(stand.watcher.sightings.missed == 1 && stand.logged(.sourceDegraded))
        #expect(stand.strategy(0).current == .poll && stand.strategy(0).isInotifyDistrusted)
        writeFile(path, "three")
        try stand.waitForChange("the poll afterwards")
    }

    /// A swap in the very moment of an audit is seen before inotify has told of it. That is not something that inotify has missed.
    @Test func anAuditThatIsQuickerThanInotifyDoesNotDistrustIt() throws {
        let directory = TemporaryDirectory()
        let volume = KubeletVolume(directory.file("vol"))
        volume.write(["key0": "one"])
        let stand = try WatchStand([volume.directory], .auto, audit: .milliseconds(1))
        let writer = try RunningProcess(["sh", "-c", Self.swapForEver, "sh", directory.file("vol")])
        var changes = 0
        var last = stand.digest
        try waitUntil("100 changes under audits", seconds: 60) {
            stand.pump()
            stand.read()
            if stand.digest != last { changes += 1 }
            last = stand.digest
            return changes >= 100 || stand.watcher.sightings.missed > 0
        }
        writer.signal(SIGKILL)
        try writer.wait()
        #expect(stand.watcher.sightings.missed == 0 && stand.strategy(0).current == .inotify)
    }

    /// Every audit finds it as it was: what could not be read is nothing that inotify has missed.
    @Test func aSourceThatCannotBeReadIsNoReasonToDistrustInotify() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("app.yaml")
        writeFile(path, "one")
        let stand = try WatchStand([path], .inotify, audit: .milliseconds(20))
        truncate(path, off_t(SourceScanner.Limits.bytes) + 1)
        try waitUntil("the complaint") {
            stand.pump()
            stand.read()
            return stand.logged(.sourceUnreadable)
        }
        let end = Clock.now() + StrategyInUse.noticeTime + .milliseconds(500)
        try waitUntil("audits for longer than inotify has time to tell") {
            stand.pump()
            return Clock.now() > end
        }
        #expect(stand.watcher.sightings.missed == 0 && stand.strategy(0).current == .inotify)
        writeFile(path, "two")
        try stand.waitForChange("a content that can be read")
    }

    /// The way to a directory without links is not looked at for every change. A link that takes a parent's place later is found.
    @Test func aKnownTraceThatIsNoLongerTrueIsMadeAnew() throws {
        let directory = TemporaryDirectory()
        mkdir(directory.file("app"), 0o755)
        let volume = KubeletVolume(directory.file("app/config"))
        volume.write(["key": "one"])
        let stand = try WatchStand([volume.directory], .inotify, audit: .milliseconds(50))
        let source = stand.watcher.sources[0]
        let first = stand.digest
        #expect(source.knownTrace != nil)
        volume.write(["key": "two"])
        try stand.waitForChange("a swap")
        #expect(source.knownTrace != nil && stand.watcher.sightings.missed == 0)
        rename(directory.file("app"), directory.file("moved"))
        mkdir(directory.file("other"), 0o755)
        KubeletVolume(directory.file("other/config")).write(["key": "one"])
        symlink("other", directory.file("app"))
        try stand.waitForChange("a link in the place of a parent")
        #expect(source.knownTrace == nil && stand.digest == first)
    }

    /// Audits are off here: it is inotify, or nothing, that tells of each of these.
    @Test func whateverTakesAFilesPlaceIsWatchedFromThenOn() throws {
        let directory = TemporaryDirectory()
        let folder = directory.file("app/config")
        let path = folder + "/app.yaml"
        for name in ["app", "app/config"] { mkdir(directory.file(name), 0o755) }
        writeFile(path, "one")
        let stand = try WatchStand([path], .inotify)
        let source = stand.watcher.sources[0]
        func replace(_ text: String) {
            writeFile(folder + "/new", text)
            rename(folder + "/new", path)
        }
        for text in ["two", "three"] {
            replace(text)
            try stand.waitForChange("a rename over it")
            #expect(source.knownTrace != nil && source.watch.watches.count == 2)
        }
        link(path, directory.file("other name"))
        writeFile(directory.file("other name"), "four")
        try stand.waitForChange("a write through another name of the new file")

        writeFile(directory.file("target"), "five")
        symlink(directory.file("target"), folder + "/new")
        rename(folder + "/new", path)
        try stand.waitForChange("a link in its place")
        #expect(source.knownTrace == nil)
        writeFile(directory.file("target"), "six")
        try stand.waitForChange("a write where the link leads")
        replace("seven")
        try stand.waitForChange("a file in the link's place")
        #expect(source.knownTrace != nil)

        rename(folder, directory.file("moved"))
        mkdir(folder, 0o755)
        replace("eight")
        try stand.waitForChange("a directory in the directory's place")
        replace("nine")
        try stand.waitForChange("a rename in the new directory")

        // Nobody watches what is above: what still happens in the old directory tells of it.
        rename(directory.file("app"), directory.file("moved app"))
        for name in ["app", "app/config"] { mkdir(directory.file(name), 0o755) }
        writeFile(path, "ten")
        writeFile(directory.file("moved app/config/new"), "elsewhere")
        rename(directory.file("moved app/config/new"), directory.file("moved app/config/app.yaml"))
        try stand.waitForChange("a directory in a parent's place")
        replace("eleven")
        try stand.waitForChange("a rename below the new parent")

        unlink(path)
        rmdir(folder)
        mkdir(folder, 0o755)
        replace("twelve")
        try stand.waitForChange("a directory that was made again")
        replace("thirteen")
        try stand.waitForChange("a rename in the directory that was made again")
        #expect(stand.watcher.sightings.missed == 0 && stand.strategy(0).current == .inotify)
    }

    /// Audits are off here, too. A swap of `..data` leaves the watches as they are, but not that of a link to the volume.
    @Test(arguments: ["", "/app.yaml"]) func aVolumeBehindALinkThatIsMovedIsWatchedFromThenOn(_ key: String) throws {
        let directory = TemporaryDirectory()
        let volumes = ["first", "second"].map { KubeletVolume(directory.file($0)) }
        for (volume, text) in zip(volumes, ["one", "two"]) { volume.write(["app.yaml": text]) }
        symlink("first", directory.file("current"))
        let stand = try WatchStand([directory.file("current") + key], .inotify)
        for text in ["three", "four"] {
            volumes[0].write(["app.yaml": text])
            try stand.waitForChange("a swap")
        }
        symlink("second", directory.file("new"))
        rename(directory.file("new"), directory.file("current"))
        try stand.waitForChange("another volume behind the link")
        for text in ["five", "six"] {
            volumes[1].write(["app.yaml": text])
            try stand.waitForChange("a swap in the other volume")
        }
    }

    @Test func overflowLooksAtEverythingAgain() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("conf")
        mkdir(path, 0o755)
        let stand = try WatchStand([path], .inotify)
        let limit = Int(readFile("/proc/sys/fs/inotify/max_queued_events").filter(\.isNumber)) ?? 16384
        for index in 0..<(limit / 2 + 10) {
            writeFile(path + "/file\(index % 7)", "\(index)")
        }
        try stand.waitForChange("the flood")
        #expect(stand.logged(.inotifyOverflow))
        writeFile(path + "/after", "x")
        try stand.waitForChange("what comes after the flood")
    }

    @Test func aSourceThatIsTooLargeIsRefusedInWords() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("big")
        let fd = open(path, O_WRONLY | O_CREAT, 0o644)
        ftruncate(fd, off_t(SourceScanner.Limits.bytes) + 1)
        close(fd)
        guard case .failed(let reason) = SourceScanner(path: Path(path), mounts: MountTable(mounts: [])).read() else {
            Issue.record("not refused")
            return
        }
        #expect(reason.contains("EFBIG"))
    }

    /// As in Kata Containers: the swap is seen before the content that it leads to.
    @Test(arguments: ["", "/app.yaml"]) func aSwapAheadOfItsContentIsTornAndNotADeletion(_ name: String) throws {
        let directory = TemporaryDirectory()
        let volume = KubeletVolume(directory.file("vol"))
        volume.write(["app.yaml": "one"])
        let scanner = SourceScanner(path: Path(volume.directory + name), mounts: MountTable(mounts: []))
        symlink("..2026_11_22_13_00_00.1", directory.file("vol/..data_tmp"))
        rename(directory.file("vol/..data_tmp"), directory.file("vol/..data"))
        guard case .torn = scanner.read() else {
            Issue.record("\(scanner.read())")
            return
        }
        mkdir(directory.file("vol/..2026_11_22_13_00_00.1"), 0o755)
        writeFile(directory.file("vol/..2026_11_22_13_00_00.1/app.yaml"), "two")
        guard case .content = scanner.read() else {
            Issue.record("\(scanner.read())")
            return
        }
    }

    @Test func linksThatRunInACircleAreRefusedInWords() {
        let directory = TemporaryDirectory()
        symlink("b", directory.file("a"))
        symlink("a", directory.file("b"))
        guard
            case .failed(let reason) = SourceScanner(path: Path(directory.file("a")), mounts: MountTable(mounts: []))
                .read()
        else {
            Issue.record("not refused")
            return
        }
        #expect(reason.contains("ELOOP"))
    }

    /// Linux takes any bytes for a name. Such a file cannot be opened, which must not look like a change that is under way.
    @Test func aNameThatIsNotUTF8IsRefusedInWordsUntilItIsGone() throws {
        let directory = TemporaryDirectory()
        writeFile(directory.file("app.yaml"), "one")
        let stand = try WatchStand([directory.path], .auto)
        let first = stand.digest
        let name: [CChar] = Array(directory.file("caf").utf8CString.dropLast()) + [CChar(bitPattern: 0xE9), 0]
        close(open(name, O_WRONLY | O_CREAT, 0o644))
        try waitUntil("the complaint") {
            stand.pump()
            stand.read()
            return stand.logged(.sourceUnreadable)
        }
        #expect(stand.tornReadings == 0 && stand.digest == first && stand.strategy(0).current == .inotify)
        unlink(name)
        writeFile(directory.file("app.yaml"), "two")
        try stand.waitForChange("the file beside it")
        #expect(stand.logged(.sourceReadable))
    }

    @Test func aFIFOInTheWayNeverBlocks() throws {
        let directory = TemporaryDirectory()
        mkfifo(directory.file("fifo"), 0o644)
        _ = SourceScanner(path: Path(directory.file("fifo")), mounts: MountTable(mounts: [])).read()
        _ = SourceScanner(path: Path(directory.path), mounts: MountTable(mounts: [])).read()
    }

    /// The helper that looks at file systems which may hang, here at one that does not.
    @Test func remoteSourcesAreReadByAHelper() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("app.yaml")
        writeFile(path, "one")
        let helper = try PollHelper(Path(path), known: nil, deadline: Clock.now() + .seconds(10))
        var answer: PollHelper.Answer?
        try waitUntil("the helper's answer") {
            answer = helper.receive()
            return answer != nil
        }
        guard case .reading(.content(let identity, let digest)) = answer else {
            Issue.record("\(String(describing: answer))")
            return
        }
        #expect(
            SourceScanner(path: Path(path), mounts: MountTable(mounts: [])).read()
                == .content(identity: identity, digest))
        let again = try PollHelper(Path(path), known: identity, deadline: Clock.now() + .seconds(10))
        try waitUntil("the second answer") {
            answer = again.receive()
            return answer != nil
        }
        #expect(answer == .unchanged)
        let gone = try PollHelper(Path(path + "/nope"), known: nil, deadline: Clock.now() + .seconds(10))
        try waitUntil("the third answer") {
            answer = gone.receive()
            return answer != nil
        }
        guard case .reading(.failed(let reason)) = answer else {
            Issue.record("\(String(describing: answer))")
            return
        }
        #expect(reason.contains("ENOTDIR"))
        while case .ended = Reaper.next() {}
    }
}
