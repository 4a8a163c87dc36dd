import Glibc
import TestSupport
import Testing

/// Real mounts as a container has them: subPath, single files, Secret volumes, user-space file systems.
@Suite(.serialized) struct MountTests {
    private let directory = TemporaryDirectory()

    /// A container's view: a Secret volume on a tmpfs, with one of its files mounted as a subPath, and a plain bind mount.
    private var mounts: String {
        """
        mkdir -p \(directory.path)/mnt && mount -t tmpfs tmpfs \(directory.path)/mnt && cd \(directory.path)/mnt &&
        \(KubeletVolume.commands("vol", key: "tls.crt", "one")) && \(KubeletVolume.mountCommands("vol", key: "tls.crt", at: "sub.crt")) &&
        echo one > host.conf && touch bind.conf && mount --bind host.conf bind.conf &&
        cd /
        """
    }

    @Test(.needsRoot) func aSupersededSubPathIsNoticedAtOnce() throws {
        let path = directory.file("mnt/sub.crt")
        let baton = try Stand.runAsPID1(
            [Stand.probe, "wait", "0"], ["BATON_WATCH": path, "BATON_POLL_INTERVAL": "1h"], preparation: mounts)
        try baton.outer.waitForError("(subPath mount) by poll")
        try baton.outer.waitForError("generation 1 is ready")
        KubeletVolume(try baton.path(directory.file("mnt/vol"))).write(["tls.crt": "two"])
        try baton.outer.waitForError("was replaced, but this mount still shows the old file")
        #expect(baton.outer.isRunning)
        try baton.stop(expecting: 0)
    }

    @Test(.needsRoot, arguments: ["auto", "poll"]) func aSupersededSubPathEndsTheContainerWhereWanted(
        _ strategy: String
    ) throws {
        let baton = try Stand.runAsPID1(
            [Stand.probe, "wait", "9"],
            [
                "BATON_WATCH": directory.file("mnt/sub.crt"), "BATON_SUBPATH": "exit", "BATON_POLL_INTERVAL": "50ms",
                "BATON_STRATEGY": strategy,
            ], preparation: mounts)
        try baton.outer.waitForError("generation 1 is ready")
        KubeletVolume(try baton.path(directory.file("mnt/vol"))).write(["tls.crt": "two"])
        #expect(try baton.outer.wait() == 9)
        #expect(baton.outer.error.contains("draining and exiting"))
    }

    @Test(.needsRoot) func aMountedFileEditedInPlaceIsAnOrdinaryChangeAReplacedOneIsSuperseded() throws {
        let baton = try Stand.runAsPID1(
            [Stand.probe, "reloadable"],
            ["BATON_WATCH": directory.file("mnt/bind.conf"), "BATON_POLL_INTERVAL": "50ms"],
            preparation: mounts)
        try baton.outer.waitForError("(single-file mount) by poll")
        try baton.outer.waitForError("is ready")
        writeFile(try baton.path(directory.file("mnt/host.conf")), "two")
        try baton.outer.waitForOutput("reload 1 ")
        replaceFile(try baton.path(directory.file("mnt/host.conf")), "three")
        try baton.outer.waitForError("this mount still shows the old file")
        try baton.stop(expecting: 0)
        #expect(occurrences(of: "reload ", in: baton.outer.output) == 1)
    }

    /// As `docker run -v file:/dir/file` mounts it, where `/dir` is watched. No audit takes it for a change that inotify has missed.
    @Test(.needsRoot) func aFileMountedInAWatchedDirectoryIsWatchedToo() throws {
        let conf = directory.file("mnt/conf")
        let baton = try Stand.runAsPID1(
            [Stand.probe, "reloadable"],
            [
                "BATON_WATCH": conf, "BATON_POLL_INTERVAL": "1h", "BATON_AUDIT_INTERVAL": "50ms",
                "BATON_CONTROL": directory.file("control.sock"),
            ],
            preparation: mounts + """
                && mkdir \(conf) && echo one > \(conf)/other.conf && echo one > \(directory.path)/mnt/behind.conf &&
                touch \(conf)/app.conf && mount --bind \(directory.path)/mnt/behind.conf \(conf)/app.conf
                """)
        try baton.outer.waitForError("\(conf)/app.conf (single-file mount) by poll")
        try baton.outer.waitForError("is ready")
        let behind = try baton.path(directory.file("mnt/behind.conf"))
        writeFile(behind, "two")
        try baton.outer.waitForOutput("reload 1 ")
        replaceFile(behind, "three")
        try baton.outer.waitForError("\(conf)/app.conf was replaced, but this mount still shows the old file")
        // For longer than inotify has to tell of what an audit has found.
        let replacedAt = try checkedAt(conf)
        try waitUntil("two seconds of audits") { try checkedAt(conf) > replacedAt + 2000 }
        writeFile(try baton.path("\(conf)/other.conf"), "two")
        try baton.outer.waitForOutput("reload 2 ")
        try baton.stop(expecting: 0)
        #expect(!baton.outer.error.contains("an audit found a change"))
        #expect(occurrences(of: "reload ", in: baton.outer.output) == 2)
    }

    /// When Baton last looked at this source, in milliseconds.
    private func checkedAt(_ source: String) throws -> Int64 {
        let status = try Stand.call(["status", "--json"], ["BATON_CONTROL": directory.file("control.sock")]).output
        let record = try #require(
            status.split(separator: "{").first { $0.contains("\"source\":\"\(source)\"") }, "\(status)")
        let time = try #require(record.firstRange(of: "\"checked_at\":")).upperBound
        return try #require(Int64(record[time...].prefix { $0.isNumber }))
    }

    @Test(.needsRoot) func aSecretVolumeOnATmpfsIsWatched() throws {
        let baton = try Stand.runAsPID1(
            [Stand.probe, "reloadable"],
            ["BATON_WATCH": directory.file("mnt/vol") + "," + directory.file("mnt/host.conf")],
            preparation: mounts)
        try baton.outer.waitForError("(kubelet volume) by inotify")
        try baton.outer.waitForError("is ready")
        KubeletVolume(try baton.path(directory.file("mnt/vol"))).write(["tls.crt": "very secret"])
        try baton.outer.waitForOutput("reload 1 ")
        try baton.stop(expecting: 0)
        #expect(!baton.outer.error.contains("very secret"))
    }

    /// A real user-space file system, in a mount namespace of its own: written from the other side, and then dead.
    @Test(.needsRoot, .needs("bindfs"), .enabled(if: fileExists("/dev/fuse"), "needs /dev/fuse"))
    func aUserSpaceFileSystemIsPolledAndMayDie() throws {
        for name in ["behind", "front"] { mkdir(directory.file(name), 0o755) }
        writeFile(directory.file("behind/app.conf"), "0")
        let baton = try Stand.runAsPID1(
            [Stand.probe, "reloadable"],
            [
                "BATON_WATCH": directory.file("front/app.conf"), "BATON_POLL_INTERVAL": "50ms",
                "BATON_STOP_TIMEOUT": "2s",
            ],
            // -f keeps it in the foreground, so that its pid is known.
            preparation:
                "{ bindfs -f -o attr_timeout=0,entry_timeout=0 \(directory.path)/behind \(directory.path)/front & "
                + "echo $! > \(directory.path)/pid; until grep -q \(directory.path)/front /proc/self/mountinfo; do :; done; }"
        )
        try baton.outer.waitForError("(network or user-space file system) by poll: fuse")
        try baton.outer.waitForError("read the first snapshot")
        try baton.outer.waitForError("is ready")
        for change in 1...3 {
            writeFile(directory.file("behind/app.conf"), "\(change)")
            try baton.outer.waitForOutput("reload \(change) ")
        }
        // Now nobody answers: a look at the file would hang for ever, and PID 1 with it.
        let server = try #require(Int(readFile(directory.file("pid")).filter(\.isNumber)))
        let pid = try baton.pid()
        let fuse = try #require(
            children(of: pid).first {
                Stand.line("NSpid:", in: readFile("/proc/\($0)/status"))?.hasSuffix("\t\(server)") == true
            })
        kill(fuse, SIGSTOP)
        try waitUntil("a helper that hangs") {
            // It is a copy of Baton, which starts no program.
            children(of: pid).contains { readFile("/proc/\($0)/comm") == "baton\n" }
        }
        let asked = monotonicNow()
        try baton.signal(SIGHUP)
        try baton.outer.waitForOutput("reload 4 ")
        #expect(monotonicNow() - asked < 5_000_000_000)
        kill(fuse, SIGCONT)
        writeFile(directory.file("behind/app.conf"), "back")
        try baton.outer.waitForOutput("reload 5 ")
        try baton.stop(expecting: 0)
    }

    @Test(.needsRoot) func explainSaysWhatEachSourceIsAndWhy() throws {
        var options = RunningProcess.Options()
        options.environment = [
            "BATON_WATCH": ["vol", "vol/tls.crt", "sub.crt", "bind.conf", "host.conf", "nothing"].map {
                directory.file("mnt/\($0)")
            }.joined(separator: ",")
        ]
        let explain = try RunningProcess(
            ["unshare", "--mount", "sh", "-c", "\(mounts) && exec \"$0\" explain", Stand.baton], options)
        #expect(try explain.wait() == 0)
        let kinds = explain.output.split(separator: "\n").filter { $0.contains("what:") }.map {
            $0.split(separator: ":")[1].drop { $0 == " " }
        }
        #expect(
            kinds == [
                "kubelet volume", "file in a kubelet volume", "subPath mount", "single-file mount", "file",
                "not there yet",
            ])
        #expect(occurrences(of: "why:", in: explain.output) == 6)
    }
}
