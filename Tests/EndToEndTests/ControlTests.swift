import Glibc
import TestSupport
import Testing

/// `baton status`, `history` and `reload`, and those who mean no good.
@Suite(.serialized) struct ControlTests {
    private let directory = TemporaryDirectory()
    private var socket: String { directory.file("control.sock") }

    private func start(_ settings: [String: String] = [:], port: UInt16) throws -> RunningProcess {
        writeFile(directory.file("page"), "one")
        let own = [
            "BATON_CONTROL": socket, "BATON_WATCH": directory.file("page"), "BATON_ON_CHANGE": "handover",
            "BATON_LISTEN": "tcp://127.0.0.1:\(port)", "BATON_STAGE": directory.file("stage"),
        ]
        let baton = try Stand.run([Stand.server, directory.file("page")], own.merging(settings) { _, new in new })
        try baton.waitForError("generation 1 is ready")
        return baton
    }

    private func ask(_ words: String...) throws -> (code: Int32, output: String, error: String) {
        try Stand.call(words, ["BATON_CONTROL": socket])
    }

    private func stop(_ baton: RunningProcess) throws {
        try baton.stop(expecting: 0)
        #expect(!fileExists(socket))
    }

    @Test func statusAndHistorySayWhatThereIsAndWas() throws {
        let baton = try start(port: freePort())
        replaceFile(directory.file("page"), "two")
        try baton.waitForError("change 1 is applied")
        let status = try ask("status")
        #expect(status.code == 0)
        for words in [
            "running, ready", directory.file("page"), "inotify", "  2  ready", "changes: 1 applied",
            "connections killed: 0", " in use\n", "on change: handover (BATON_ON_CHANGE=handover)",
        ] {
            #expect(status.output.contains(words), "\(words) in \(status.output)")
        }
        let history = try ask("history")
        #expect(
            history.output.contains("change 1, ")
                && history.output.contains("applied by handover, proof: app, generation 2"))
        #expect(history.output.contains("settle ") && history.output.contains("apply "))
        #expect(try ask("history", "--json").output.contains("\"outcome\":\"applied\""))
        let json = try ask("status", "--json").output
        #expect(json.hasPrefix("{\"baton\":{\"type\":\"baton\"") && json.contains("\"generations\":[{"))
        let explain = try Stand.call(["explain"], ["BATON_CONTROL": socket, "BATON_WATCH": directory.file("page")])
        #expect(explain.code == 0)
        #expect(
            explain.output.contains("strategy: inotify")
                && explain.output.contains("current strategy: \(directory.file("page")) by inotify"))
        #expect(!json.contains("\u{1b}") && !status.output.contains("\u{1b}"))
        try stop(baton)
    }

    @Test func reloadTellsItsOutcomeByItsExitCode() throws {
        writeFile(directory.file("verdict"), "0")
        let baton = try start(
            ["BATON_VALIDATE": "sh -c 'exit $(cat \(directory.file("verdict")))'"], port: freePort())
        let good = try ask("reload")
        #expect(good.code == 0 && good.output.contains("applied by handover, proof: app, generation 2"), "\(good)")
        writeFile(directory.file("verdict"), "3")
        let bad = try ask("reload")
        #expect(bad.output.contains("its output is in the log"))
        #expect(bad.code == 1 && bad.output.contains("rejected") && bad.output.contains("exited with code 3"), "\(bad)")
        #expect(try ask("reload", "--no-wait").code == 0)
        #expect(try ask("reload", "--sideways").code == 64)
        try stop(baton)
    }

    @Test func whatIsRejectedIsSeenInTheStatus() throws {
        let baton = try start(
            ["BATON_VALIDATE": "sh -c '! grep -rq bad $BATON_SNAPSHOT'", "BATON_LOG_LEVEL": "debug"], port: freePort())
        replaceFile(directory.file("page"), "bad")
        try baton.waitForError("change 1 is rejected")
        let rejected = try ask("status").output
        #expect(
            rejected.contains(" in use; the newest, ") && rejected.contains(", was rejected (change 1)\n"),
            "\(rejected)")
        replaceFile(directory.file("page"), "one")
        try baton.waitForError("the configuration is again the one that the app runs with")
        let mended = try ask("status").output
        #expect(mended.contains(" in use\n"), "\(mended)")
        replaceFile(directory.file("page"), "one")
        try baton.waitForError("the content is the same")
        let touched = try ask("status").output
        #expect(touched.contains(" ago with the same content"), "\(touched)")
        try stop(baton)
    }

    @Test func whatIsRecordedOnlyIsNotSaidToBeApplied() throws {
        let baton = try start(["BATON_ON_CHANGE": "none"], port: freePort())
        #expect(try ask("status").output.contains("no change seen yet"))
        let reload = try ask("reload")
        #expect(reload.code == 0 && reload.output.hasPrefix("recorded only (BATON_ON_CHANGE=none)"), "\(reload)")
        #expect(try ask("history").output.contains("ago, recorded only (BATON_ON_CHANGE=none)"))
        #expect(try ask("history", "--json").output.contains("\"outcome\":\"applied\""))
        #expect(try ask("status").output.contains("changes: 1 recorded only, 0 superseded"))
        try stop(baton)
    }

    @Test func nobodyThereIsToldInWords() throws {
        let answer = try ask("status")
        #expect(answer.code == 69 && answer.error.contains("no Baton listens there"), "\(answer)")
    }

    @Test(.needsRoot, .needs("setpriv")) func whoMayNotAskGetsNoAnswer() throws {
        chmod(directory.path, 0o755)
        let baton = try start(port: freePort())
        var info = stat()
        #expect(stat(socket, &info) == 0 && info.st_mode & 0o777 == 0o600)
        var options = RunningProcess.Options()
        options.environment = ["BATON_CONTROL": socket]
        let nobody = Stand.asNobody + [Stand.baton, "status"]
        let shut = try RunningProcess(nobody, options)
        #expect(try shut.wait() == 69 && shut.error.contains("Permission denied"))
        // Even where the file would let anyone in.
        chmod(socket, 0o666)
        let open = try RunningProcess(nobody, options)
        #expect(try open.wait() == 69 && open.output.isEmpty)
        try baton.waitForError("cannot answer user 65534")
        try stop(baton)
    }

    @Test func aPlaceThatIsTakenOrOffIsToldAbout() throws {
        let baton = try start(port: freePort())
        let second = try Stand.run(["true"], ["BATON_CONTROL": socket])
        #expect(
            try second.wait() == 71 && second.error.contains("cannot bind unix://\(socket): Address already in use"))
        #expect(try ask("status").code == 0)
        try stop(baton)
        // Left behind by one that was killed: taken over.
        let killed = try start(port: freePort())
        let orphans = children(of: killed.pid)
        killed.signal(SIGKILL)
        try killed.wait()
        for orphan in orphans { kill(orphan, SIGKILL) }
        #expect(fileExists(socket))
        let next = try Stand.run(["true"], ["BATON_CONTROL": socket])
        #expect(try next.wait() == 0 && !fileExists(socket))
    }

    /// Garbage, questions without an end, answers that nobody reads, ten thousand who come and go: the app loses nothing and
    /// Baton keeps nothing.
    @Test func whoMeansNoGoodChangesNothing() throws {
        let port = freePort()
        let baton = try start(port: port)
        func descriptors() -> Int { descriptorCount(of: baton.pid) }
        let before = descriptors()
        let load = HTTPLoad(port: port)
        var random = SystemRandomNumberGenerator()
        for round in 0..<200 {
            let garbage = (0..<Int.random(in: 1...300)).map { _ in UInt8.random(in: 0...255, using: &random) }
            let connection = RawConnection(path: socket)
            connection?.send(garbage)
            if round % 3 == 0 { connection?.send("\n") }
        }
        let silent = (0..<50).compactMap { _ in RawConnection(path: socket) }
        for connection in silent { connection.send("sta") }
        for _ in 0..<10_000 { _ = RawConnection(path: socket) }
        // Those who wait in silence are sent away in time, and the next one is served.
        try waitUntil("an answer") { (try? ask("status").code) == 0 }
        try waitUntil("their descriptors to be closed") { descriptors() <= before }
        let result = try load.stop(after: 100)
        #expect(result.failed == 0, "\(result.failures)")
        #expect(silent.count == 50)
        try stop(baton)
    }
}
