import Glibc
import TestSupport
import Testing

/// From a changed file to what the app gets of it.
@Suite(.serialized) struct ChangeTests {
    private let directory = TemporaryDirectory()

    /// A volume as kubelet writes it, and Baton that watches it.
    private func volume() -> KubeletVolume {
        let volume = KubeletVolume(directory.file("config"))
        volume.write(["app.yaml": "0"])
        return volume
    }

    private func app(_ output: String) throws -> pid_t { try #require(pid_t(Stand.line("pid", in: output) ?? "")) }

    // MARK: reload

    @Test func aKubeletUpdateIsReloadedEachTimeOnce() throws {
        let volume = volume()
        let baton = try Stand.run([Stand.probe, "reloadable"], ["BATON_WATCH": volume.directory])
        try baton.waitForError("is ready")
        for change in 1...20 {
            volume.write(["app.yaml": "\(change)"])
            try baton.waitForOutput("reload \(change) ")
        }
        try baton.waitForError("is applied by reload", count: 20)
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0)
        #expect(occurrences(of: "reload ", in: baton.output) == 20)
    }

    @Test func sameContentDoesNothing() throws {
        let volume = volume()
        let baton = try Stand.run(
            [Stand.probe, "reloadable"], ["BATON_WATCH": volume.directory, "BATON_LOG_LEVEL": "debug"])
        try baton.waitForError("is ready")
        // A new directory with the old content, as after a change of mode or of another Pod's view.
        let path = volume.directory + "/..2026_01_01_00_00_00.1"
        mkdir(path, 0o755)
        writeFile(path + "/app.yaml", "0")
        symlink("..2026_01_01_00_00_00.1", volume.directory + "/..data_tmp")
        rename(volume.directory + "/..data_tmp", volume.directory + "/..data")
        try baton.waitForError("the content is the same")
        volume.write(["app.yaml": "1"])
        try baton.waitForOutput("reload 1 ")
        baton.signal(SIGTERM)
        try baton.wait()
        #expect(occurrences(of: "reload ", in: baton.output) == 1)
    }

    @Test func aReloadIsHeldUntilTheAppHasItsHandler() throws {
        let volume = volume()
        let baton = try Stand.run(
            [Stand.probe, "reloadable", "1800"], ["BATON_WATCH": volume.directory, "BATON_ON_CHANGE": "reload"])
        try baton.waitForOutput("started")
        volume.write(["app.yaml": "1"])
        try baton.waitForError("change 1:")
        try baton.waitForOutput("reload 1 ")
        try baton.waitForError("is applied by reload")
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0)
    }

    @Test func hangUpByHandIsHeldToo() throws {
        let baton = try Stand.run(
            [Stand.probe, "reloadable", "500"], ["BATON_WATCH": volume().directory, "BATON_ON_CHANGE": "reload"])
        try baton.waitForError("starting generation 1")
        baton.signal(SIGHUP)
        try baton.waitForOutput("reload 1 ")
        baton.signal(SIGHUP)
        try baton.waitForOutput("reload 2 ")
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0)
    }

    @Test func anAppThatDoesNotCatchTheSignalIsNeverKilledByIt() throws {
        let volume = volume()
        let baton = try Stand.run(
            ["sleep", "100"],
            ["BATON_WATCH": volume.directory, "BATON_ON_CHANGE": "reload", "BATON_READY_TIMEOUT": "1500ms"])
        try baton.waitForError("is ready")
        volume.write(["app.yaml": "1"])
        try baton.waitForError("does not catch HUP, which would end it")
        #expect(baton.isRunning && !baton.error.contains("was ended by signal HUP"))
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 143)
    }

    // MARK: the other ways

    @Test func restartEndsTheOldBeforeTheNewStarts() throws {
        let volume = volume()
        let baton = try Stand.run([Stand.probe, "wait"], ["BATON_WATCH": volume.directory])
        try baton.waitForError("generation 1 is ready")
        volume.write(["app.yaml": "1"])
        try baton.waitForError("is applied by restart")
        #expect(occurrences(of: "ready\n", in: baton.output) == 2)
        let log = baton.error
        let end = try #require(log.range(of: "generation 1 exited"))
        let start = try #require(log.range(of: "starting generation 2"))
        #expect(end.lowerBound < start.lowerBound)
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0)
    }

    @Test func exitDrainsAndExits() throws {
        let volume = volume()
        let baton = try Stand.run(
            [Stand.probe, "wait", "6"], ["BATON_WATCH": volume.directory, "BATON_ON_CHANGE": "exit"])
        try baton.waitForError("is ready")
        volume.write(["app.yaml": "1"])
        #expect(try baton.wait() == 6)
    }

    @Test func noneOnlyNotes() throws {
        let volume = volume()
        let baton = try Stand.run(
            [Stand.probe, "signals"], ["BATON_WATCH": volume.directory, "BATON_ON_CHANGE": "none"])
        try baton.waitForError("is ready")
        volume.write(["app.yaml": "1"])
        try baton.waitForError("is noted and nothing is done")
        // SIGHUP is the app's where nothing is to be done on a change.
        baton.signal(SIGHUP)
        try baton.waitForOutput("got 1\n")
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0)
        #expect(occurrences(of: "got 1\n", in: baton.output) == 1)
    }

    @Test func aWriteInPlaceIsReadOnceItHasSettled() throws {
        let path = directory.file("app.conf")
        writeFile(path, "0")
        let baton = try Stand.run([Stand.probe, "reloadable"], ["BATON_WATCH": path, "BATON_SETTLE": "150ms"])
        try baton.waitForError("is ready")
        for part in 0..<10 { writeFile(path, String(repeating: "x", count: part)) }
        try baton.waitForOutput("reload 1 ")
        try baton.waitForError("is applied by reload")
        writeFile(path, "the end")
        try baton.waitForOutput("reload 2 ")
        baton.signal(SIGTERM)
        try baton.wait()
        #expect(occurrences(of: "reload ", in: baton.output) == 2)
    }

    @Test(.needs("vim.tiny")) func aFileSavedByVimIsReloaded() throws {
        let path = directory.file("app.conf")
        writeFile(path, "one\n")
        let baton = try Stand.run([Stand.probe, "reloadable"], ["BATON_WATCH": directory.path])
        try baton.waitForError("is ready")
        let vim = try RunningProcess([
            "vim.tiny", "-n", "-es", "-u", "NONE", "-c", "set backup writebackup", "-c", "%s/one/two/", "-c", "wq",
            path,
        ])
        try vim.wait()
        #expect(readFile(path) == "two\n")
        try baton.waitForOutput("reload 1 ")
        baton.signal(SIGTERM)
        try baton.wait()
    }

    @Test func splayPutsAChangeOff() throws {
        let volume = volume()
        let baton = try Stand.run([Stand.probe, "reloadable"], ["BATON_WATCH": volume.directory, "BATON_SPLAY": "1s"])
        try baton.waitForError("is ready")
        volume.write(["app.yaml": "1"])
        volume.write(["app.yaml": "2"])
        try baton.waitForOutput("reload 1 ")
        baton.signal(SIGTERM)
        try baton.wait()
        #expect(occurrences(of: "reload ", in: baton.output) == 1)
    }

    @Test func aSourceThatVanishesOrCannotBeReadIsToldAndNothingIsDone() throws {
        let path = directory.file("app.conf")
        writeFile(path, "0")
        let baton = try Stand.run([Stand.probe, "reloadable"], ["BATON_WATCH": path])
        try baton.waitForError("is ready")
        unlink(path)
        try baton.waitForError("not there any more; the last good snapshot stays")
        symlink("app.conf", path)
        try baton.waitForError("(ELOOP)")
        unlink(path)
        writeFile(path, "1")
        try baton.waitForOutput("reload 1 ")
        baton.signal(SIGTERM)
        try baton.wait()
        #expect(occurrences(of: "reload ", in: baton.output) == 1)
    }

    // MARK: limits

    /// inotify's limits belong to the user namespace, so one of its own can have none left.
    @Test(
        .needsRoot,
        arguments: [
            ("max_inotify_instances", "(EMFILE); raise fs.inotify.max_user_instances"),
            ("max_inotify_watches", "(ENOSPC); raise fs.inotify.max_user_watches"),
        ])
    func withoutInotifyItIsPolledAndSaysWhy(_ limit: String, _ words: String) throws {
        let volume = volume()
        var options = RunningProcess.Options()
        options.environment = ["BATON_WATCH": volume.directory, "BATON_POLL_INTERVAL": "30ms"]
        let baton = try RunningProcess(
            [
                "unshare", "--user", "--map-root-user", "sh", "-c",
                "echo 0 > /proc/sys/user/\(limit) && exec \"$0\" -- \"$@\"", Stand.baton, Stand.probe, "reloadable",
            ], options)
        try baton.waitForError(words)
        try baton.waitForError("is ready")
        volume.write(["app.yaml": "1"])
        try baton.waitForOutput("reload 1 ")
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0)
    }

    @Test func aReloadCommandIsRunInThePlaceOfTheSignal() throws {
        writeFile(directory.file("page"), "one")
        let baton = try Stand.run(
            [Stand.probe, "wait", "0"],
            [
                "BATON_WATCH": directory.file("page"),
                "BATON_RELOAD_COMMAND":
                    "sh -c 'echo told $BATON_GENERATION $BATON_PID; grep -q one \(directory.file("page"))'",
            ])
        try baton.waitForError("generation 1 is ready")
        replaceFile(directory.file("page"), "one more")
        try baton.waitForError("change 1 is applied by reload")
        #expect(baton.output.contains("told 1 "))
        replaceFile(directory.file("page"), "two")
        try baton.waitForError("change 2 is rejected: the reload command exited with code 1")
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0)
    }

    // MARK: mounts

    /// A container's view: a Secret volume on a tmpfs, with one of its files mounted as a subPath, and a plain bind mount.
    private var mounts: String {
        """
        mkdir -p \(directory.path)/mnt && mount -t tmpfs tmpfs \(directory.path)/mnt && cd \(directory.path)/mnt &&
        mkdir vol vol/..2026_01_01_00_00_00.1 && echo one > vol/..2026_01_01_00_00_00.1/tls.crt &&
        ln -s ..2026_01_01_00_00_00.1 vol/..data && ln -s ..data/tls.crt vol/tls.crt &&
        touch sub.crt && mount --bind vol/..2026_01_01_00_00_00.1/tls.crt sub.crt && mount -o remount,ro,bind sub.crt &&
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
        try baton.outer.waitForError("has been replaced, but this mount pins the old file")
        #expect(baton.outer.isRunning)
        try baton.signal(SIGTERM)
        #expect(try baton.outer.wait() == 0)
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
        try baton.outer.waitForError("this mount pins the old file")
        try baton.signal(SIGTERM)
        #expect(try baton.outer.wait() == 0)
        #expect(occurrences(of: "reload ", in: baton.outer.output) == 1)
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
        try baton.signal(SIGTERM)
        #expect(try baton.outer.wait() == 0)
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
        try baton.outer.waitForError("the first snapshot is read")
        try baton.outer.waitForError("is ready")
        for change in 1...3 {
            writeFile(directory.file("behind/app.conf"), "\(change)")
            try baton.outer.waitForOutput("reload \(change) ")
        }
        // Now nobody answers: a look at the file would hang for ever, and PID 1 with it.
        let server = try #require(Int(readFile(directory.file("pid")).filter(\.isNumber)))
        func children() throws -> [pid_t] {
            let pid = try baton.pid()
            return readFile("/proc/\(pid)/task/\(pid)/children").split(separator: " ").compactMap { pid_t($0) }
        }
        let fuse = try #require(
            try children().first {
                Stand.line("NSpid:", in: readFile("/proc/\($0)/status"))?.hasSuffix("\t\(server)") == true
            })
        kill(fuse, SIGSTOP)
        try waitUntil("a helper that hangs") {
            // It is a copy of Baton, which starts no program.
            try children().contains { readFile("/proc/\($0)/comm") == "baton\n" }
        }
        let asked = monotonicNow()
        try baton.signal(SIGHUP)
        try baton.outer.waitForOutput("reload 4 ")
        #expect(monotonicNow() - asked < 5_000_000_000)
        kill(fuse, SIGCONT)
        writeFile(directory.file("behind/app.conf"), "back")
        try baton.outer.waitForOutput("reload 5 ")
        try baton.signal(SIGTERM)
        #expect(try baton.outer.wait() == 0)
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

extension String {
    /// Of the first occurrence, by bytes.
    fileprivate func range(of text: String) -> Range<Int>? {
        let whole = Array(utf8)
        let part = Array(text.utf8)
        guard part.count <= whole.count else { return nil }
        for start in 0...(whole.count - part.count) where whole[start..<(start + part.count)].elementsEqual(part) {
            return start..<(start + part.count)
        }
        return nil
    }
}
