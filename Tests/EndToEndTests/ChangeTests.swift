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
        let baton = try Stand.run(
            [Stand.probe, "reloadable"], ["BATON_WATCH": volume.directory, "BATON_PROBATION": "0s"])
        try baton.waitForError("is ready")
        for change in 1...20 {
            volume.write(["app.yaml": "\(change)"])
            try baton.waitForOutput("reload \(change) ")
        }
        try baton.waitForError("is applied by reload", count: 20)
        try baton.stop(expecting: 0)
        #expect(occurrences(of: "reload ", in: baton.output) == 20)
    }

    @Test func sameContentDoesNothing() throws {
        let volume = volume()
        let baton = try Stand.run(
            [Stand.probe, "reloadable"], ["BATON_WATCH": volume.directory, "BATON_LOG_LEVEL": "debug"])
        try baton.waitForError("is ready")
        // A new directory with the old content, as after a change of mode or of another Pod's view.
        volume.write(["app.yaml": "0"], evenIfEqual: true)
        try baton.waitForError("the content is the same")
        volume.write(["app.yaml": "1"])
        try baton.waitForOutput("reload 1 ")
        try baton.stop()
        #expect(occurrences(of: "reload ", in: baton.output) == 1)
    }

    @Test func aReloadIsHeldUntilTheAppHasItsHandler() throws {
        let volume = volume()
        let baton = try Stand.run(
            [Stand.probe, "reloadable", "1800"],
            ["BATON_WATCH": volume.directory, "BATON_ON_CHANGE": "reload", "BATON_PROBATION": "0s"])
        try baton.waitForOutput("started")
        volume.write(["app.yaml": "1"])
        try baton.waitForError("change 1:")
        try baton.waitForOutput("reload 1 ")
        try baton.waitForError("is applied by reload")
        try baton.stop(expecting: 0)
    }

    @Test func hangUpByHandIsHeldToo() throws {
        let baton = try Stand.run(
            [Stand.probe, "reloadable", "500"], ["BATON_WATCH": volume().directory, "BATON_ON_CHANGE": "reload"])
        try baton.waitForError("starting generation 1")
        baton.signal(SIGHUP)
        try baton.waitForOutput("reload 1 ")
        baton.signal(SIGHUP)
        try baton.waitForOutput("reload 2 ")
        try baton.stop(expecting: 0)
    }

    @Test func anAppThatDoesNotCatchTheSignalIsNeverKilledByIt() throws {
        let volume = volume()
        let baton = try Stand.run(
            ["sleep", "100"],
            ["BATON_WATCH": volume.directory, "BATON_ON_CHANGE": "reload", "BATON_READY_TIMEOUT": "1500ms"])
        try baton.waitForError("is ready")
        volume.write(["app.yaml": "1"])
        try baton.waitForError("change 1: waiting up to ")
        try baton.waitForError(
            "generation 1 does not catch HUP, so the signal would end it: set BATON_RELOAD_SIGNAL, BATON_RELOAD_COMMAND or "
                + "BATON_ON_CHANGE=auto")
        #expect(baton.isRunning && !baton.error.contains("was killed by signal HUP"))
        try baton.stop(expecting: 143)
    }

    @Test func anAppThatIgnoresTheSignalIsNotSaidToBeEndedByIt() throws {
        let volume = volume()
        let baton = try Stand.run(
            ["sh", "-c", "trap '' HUP; exec sleep 100"],
            ["BATON_WATCH": volume.directory, "BATON_ON_CHANGE": "reload", "BATON_READY_TIMEOUT": "1500ms"])
        try baton.waitForError("is ready")
        volume.write(["app.yaml": "1"])
        try baton.waitForError("change 1 is rejected: generation 1 ignores HUP: set BATON_RELOAD_SIGNAL")
        try baton.stop(expecting: 143)
    }

    // MARK: the other ways

    @Test func restartEndsTheOldBeforeTheNewStarts() throws {
        let volume = volume()
        let baton = try Stand.run(
            [Stand.probe, "wait"], ["BATON_WATCH": volume.directory, "BATON_PROBATION": "0s"])
        try baton.waitForError("generation 1 is ready")
        volume.write(["app.yaml": "1"])
        try baton.waitForError("is applied by restart")
        #expect(occurrences(of: "ready\n", in: baton.output) == 2)
        let log = baton.error
        let end = try #require(log.range(of: "generation 1 exited"))
        let start = try #require(log.range(of: "starting generation 2"))
        #expect(end.lowerBound < start.lowerBound)
        try baton.stop(expecting: 0)
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
        try baton.waitForError("is recorded only")
        // SIGHUP is the app's where nothing is to be done on a change.
        baton.signal(SIGHUP)
        try baton.waitForOutput("got 1\n")
        try baton.stop(expecting: 0)
        #expect(occurrences(of: "got 1\n", in: baton.output) == 1)
    }

    @Test func aWriteInPlaceIsReadOnceItHasSettled() throws {
        let path = directory.file("app.conf")
        writeFile(path, "0")
        let baton = try Stand.run(
            [Stand.probe, "reloadable"], ["BATON_WATCH": path, "BATON_SETTLE": "150ms", "BATON_PROBATION": "0s"])
        try baton.waitForError("is ready")
        for part in 0..<10 { writeFile(path, String(repeating: "x", count: part)) }
        try baton.waitForOutput("reload 1 ")
        try baton.waitForError("is applied by reload")
        writeFile(path, "the end")
        try baton.waitForOutput("reload 2 ")
        try baton.stop()
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
        try baton.stop()
    }

    @Test func splayPutsAChangeOff() throws {
        let volume = volume()
        let baton = try Stand.run([Stand.probe, "reloadable"], ["BATON_WATCH": volume.directory, "BATON_SPLAY": "1s"])
        try baton.waitForError("is ready")
        volume.write(["app.yaml": "1"])
        volume.write(["app.yaml": "2"])
        try baton.waitForOutput("reload 1 ")
        try baton.stop()
        #expect(occurrences(of: "reload ", in: baton.output) == 1)
    }

    @Test func aSourceThatVanishesOrCannotBeReadIsToldAndNothingIsDone() throws {
        let path = directory.file("app.conf")
        writeFile(path, "0")
        let baton = try Stand.run([Stand.probe, "reloadable"], ["BATON_WATCH": path])
        try baton.waitForError("is ready")
        unlink(path)
        try baton.waitForError("it no longer exists; the last good snapshot stays in force")
        symlink("app.conf", path)
        try baton.waitForError("(ELOOP)")
        unlink(path)
        writeFile(path, "1")
        try baton.waitForOutput("reload 1 ")
        try baton.stop()
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
        try baton.stop(expecting: 0)
    }

    @Test func aReloadCommandIsRunInThePlaceOfTheSignal() throws {
        writeFile(directory.file("page"), "one")
        let baton = try Stand.run(
            [Stand.probe, "wait", "0"],
            [
                "BATON_WATCH": directory.file("page"), "BATON_PROBATION": "0s",
                "BATON_RELOAD_COMMAND":
                    "sh -c 'echo told $BATON_GENERATION $BATON_PID; grep -q one \(directory.file("page"))'",
            ])
        try baton.waitForError("generation 1 is ready")
        replaceFile(directory.file("page"), "one more")
        try baton.waitForError("change 1 is applied by reload")
        #expect(baton.output.contains("told 1 "))
        replaceFile(directory.file("page"), "two")
        try baton.waitForError("change 2 is rejected: the reload command exited with code 1")
        try baton.stop(expecting: 0)
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
