import Glibc
import TestSupport
import Testing

/// `baton pause` and `baton resume`.
@Suite(.serialized) struct PauseTests: StagingSuite {
    let directory = TemporaryDirectory()

    @Test func changesAreValidatedAndWait() throws {
        write("good1")
        let baton = try start(Stand.reader(stagedPage), ["BATON_VALIDATE": validator(), "BATON_RESTART": "always"])
        try baton.waitForOutput("sees good1.")
        try baton.waitForError("generation 1 is ready")
        let pause = try ask("pause")
        #expect(pause.code == 0 && pause.output.contains("\"baton resume\""), "\(pause)")
        #expect(try ask("status").output.contains("changes are paused"))
        write("good2")
        try baton.waitForError("change 1 waits because changes are paused")
        #expect(try ask("status").output.contains("change 1: waiting for \"baton resume\""))
        // A bad one is told at once, and does not keep the place of a good one.
        write("bad")
        try baton.waitForError("change 2 is rejected")
        write("good3")
        try baton.waitForError("change 3 waits because changes are paused")
        // A crash changes nothing about it.
        kill(try #require(children(of: baton.pid).first), SIGKILL)
        try baton.waitForError("generation 2 is ready")
        try baton.waitForOutput("sees good1.", count: 2)
        #expect(try ask("pause").code == 0)
        let resume = try ask("resume")
        #expect(resume.code == 0 && resume.output.contains("changes are applied again"))
        try baton.waitForOutput("sees good3.")
        #expect(!baton.output.contains("sees good2") && !baton.output.contains("sees bad"))
        #expect(try !ask("status").output.contains("paused"))
        #expect(try ask("resume").code == 0)
        try baton.stop(expecting: 0, 143)
    }

    @Test func withoutAStageTheyWaitToo() throws {
        write("one")
        let baton = try start(Stand.reader(page), ["BATON_STAGE_FILES": "off"])
        try baton.waitForError("generation 1 is ready")
        _ = try ask("pause")
        write("two")
        try baton.waitForError("change 1 waits because changes are paused")
        write("three")
        try baton.waitForError("change 2 waits because changes are paused")
        #expect(!baton.output.contains("sees two"))
        // What somebody asks for by hand does not wait.
        #expect(try ask("reload").code == 0)
        try baton.waitForOutput("sees three.")
        write("four")
        try baton.waitForError("change 4 waits because changes are paused")
        _ = try ask("resume")
        try baton.waitForOutput("sees four.")
        try baton.stop(expecting: 0, 143)
    }

    @Test func backToWhatIsInForceNothingWaits() throws {
        write("one")
        let baton = try start(Stand.reader(stagedPage), ["BATON_PROBATION": "0s"])
        try baton.waitForError("generation 1 is ready")
        _ = try ask("pause")
        write("two")
        try baton.waitForError("change 1 waits because changes are paused")
        write("one")
        try baton.waitForError("change 1 is superseded")
        _ = try ask("resume")
        #expect(try !ask("status").output.contains("waiting for"))
        #expect(!baton.output.contains("sees two"))
        try waitUntil("what waited to go") { versions() == 1 }
        try baton.stop(expecting: 0, 143)
    }

    @Test func aRollbackDoesNotWait() throws {
        write("one")
        let baton = try start(Stand.reader(stagedPage), ["BATON_PROBATION": "0s"])
        try baton.waitForError("generation 1 is ready")
        try prove("two", 1, baton)
        _ = try ask("pause")
        #expect(try ask("rollback").code == 0)
        try baton.waitForOutput("sees one.", count: 2)
        write("three")
        try baton.waitForError("change 3 waits because changes are paused")
        _ = try ask("resume")
        try baton.waitForOutput("sees three.")
        try baton.stop(expecting: 0, 143)
    }

    @Test(.needsAgent) func metricsTellOfAPauseAndOfTheProof() throws {
        write("one")
        let admin = freePort()
        let baton = try start(Stand.reader(stagedPage), ["BATON_ADMIN": "\(admin)"])
        try baton.waitForError("generation 1 is ready")
        func waitForMetrics(_ lines: String...) throws {
            try waitUntil("\(lines) among the metrics") {
                guard let connection = RawConnection(port: admin) else { return false }
                connection.send("GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                let metrics = try connection.readToEnd()
                return lines.allSatisfy { metrics.contains($0 + "\n") }
            }
        }
        try waitForMetrics("baton_changes_paused 0", "baton_config_applied_total{proof=\"alive\"} 0")
        _ = try ask("pause")
        write("two")
        try baton.waitForError("change 1 waits because changes are paused")
        try waitForMetrics("baton_changes_paused 1", "baton_change_in_progress 1")
        _ = try ask("resume")
        try baton.waitForError("change 1 is applied")
        try waitForMetrics(
            "baton_changes_paused 0", "baton_change_in_progress 0", "baton_config_applied_total{proof=\"alive\"} 1")
        try baton.stop(expecting: 0, 143)
    }
}
