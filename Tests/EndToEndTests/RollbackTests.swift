import Glibc
import TestSupport
import Testing

/// `baton rollback`, by every way a change can be applied.
@Suite(.serialized) struct RollbackTests: StagingSuite {
    let directory = TemporaryDirectory()

    private func server(_ port: UInt16, _ settings: [String: String] = [:]) throws -> RunningProcess {
        write("one")
        let own = ["BATON_ON_CHANGE": "handover", "BATON_LISTEN": "tcp://127.0.0.1:\(port)", "BATON_WATCH": page]
        let baton = try start(
            [Stand.server, stagedPage], own.merging(settings) { _, new in new })
        try baton.waitForError("generation 1 is ready")
        return baton
    }

    @Test func underLoadNothingIsLostByAHandoverThereAndBack() throws {
        let port = freePort()
        let baton = try server(port)
        let load = HTTPLoad(port: port)
        try prove("two", 1, baton)
        func waitForAnswers(of page: String) throws {
            func count() -> Int { load.current.bodies.filter { $0.key.contains(page) }.values.reduce(0, +) }
            let before = count()
            try waitUntil("answers of \(page)") { count() > before + 500 }
        }
        try waitForAnswers(of: "two")
        for page in ["one", "two", "one"] {
            let answer = try ask("rollback")
            #expect(answer.code == 0 && answer.output.contains("applied by handover"), "\(answer)")
            try waitForAnswers(of: page)
        }
        let result = load.stop()
        #expect(result.failed == 0, "\(result.failures)")
        #expect(baton.error.contains("rollback requested"))
        #expect(try ask("history").output.contains("rollback requested"))
        try baton.stop(expecting: 0, 143)
    }

    @Test(arguments: ["reload", "restart"]) func theContentBeforeIsBackUntilTheSourceChanges(_ way: String) throws {
        write("one")
        let baton = try start(fragile(), ["BATON_ON_CHANGE": way, "BATON_PROBATION": "0s"])
        try baton.waitForError("generation 1 is ready")
        try prove("two", 1, baton)
        try baton.waitForOutput("sees two.")
        let back = try ask("rollback")
        #expect(back.code == 0 && back.output.contains("applied by \(way)"), "\(back)")
        try baton.waitForOutput("sees one.", count: 2)
        // The source is what it was: nothing happens.
        let before = baton.output
        write("two")
        let again = try ask("status")
        #expect(again.code == 0 && baton.output == before)
        write("three")
        try baton.waitForOutput("sees three.")
        try baton.waitForError("change 3 is applied")
        // Before it was what had been gone back to.
        #expect(try ask("rollback").code == 0)
        try baton.waitForOutput("sees one.", count: 3)
        try waitUntil("the others to go") { versions() == 2 }
        try baton.stop(expecting: 0, 143)
    }

    @Test func itOutlivesTheContainer() throws {
        write("one")
        let settings = ["BATON_ON_CHANGE": "restart"]
        let first = try start(fragile(), settings)
        try first.waitForError("generation 1 is ready")
        try prove("two", 1, first)
        #expect(try ask("rollback").code == 0)
        try first.stop()
        let second = try start(fragile(), settings)
        try second.waitForError("starting the app with the last good configuration")
        try second.waitForOutput("sees one.")
        try second.waitForError("generation 1 is ready")
        // Forward again, which outlives the container as well.
        #expect(try ask("rollback").code == 0)
        try second.waitForOutput("sees two.")
        try second.stop()
        let third = try start(fragile(), settings)
        try third.waitForOutput("sees two.")
        try third.waitForError("generation 1 is ready")
        #expect(!third.output.contains("sees one"))
        #expect(try ask("rollback").code == 0)
        try third.stop()
        // A source that changes while no container runs ends it.
        write("three")
        let fourth = try start(fragile(), settings)
        try fourth.waitForOutput("sees three.")
        try fourth.stop(expecting: 0, 143)
    }

    @Test func whereThereIsNothingToGoBackToItIsRefused() throws {
        write("one")
        let baton = try start(Stand.reader(stagedPage), [:])
        try baton.waitForError("generation 1 is ready")
        let early = try ask("rollback")
        #expect(early.code == 69 && early.error.contains("no earlier configuration has been proven yet"), "\(early)")
        try baton.stop(expecting: 0, 143)
        let unstaged = try start(Stand.reader(page), ["BATON_STAGE_FILES": "off"])
        try unstaged.waitForError("generation 1 is ready")
        let answer = try ask("rollback")
        #expect(answer.code == 69 && answer.error.contains("set BATON_STAGE_FILES=on"), "\(answer)")
        try unstaged.stop(expecting: 0, 143)
    }

    /// What it goes back to does not work any more: what was in force is so again.
    @Test(arguments: ["restart", "reload"]) func oneThatFailsIsUndone(_ way: String) throws {
        write("bad1")
        writeFile(directory.file("mended"), "")
        let baton = try start(fragile(), ["BATON_ON_CHANGE": way, "BATON_RESTART": "on-failure"])
        try baton.waitForError("generation 1 is ready")
        try prove("good2", 1, baton)
        unlink(directory.file("mended"))
        let back = try ask("rollback")
        #expect(back.code == 1 && back.output.contains("rolled back"), "\(back)")
        try baton.waitForOutput("sees good2.", count: 2)
        #expect(readFile(stagedPage) == "good2")
        // It is still what a rollback goes back to.
        writeFile(directory.file("mended"), "")
        #expect(try ask("rollback").code == 0)
        try baton.stop(expecting: 0, 143)
    }

    /// While a change is not proven yet, the last proven content is gone back to, not the one before it.
    @Test func ofAChangeThatIsNotProvenItGoesToTheLastGoodOne() throws {
        write("one")
        let baton = try start(Stand.reader(stagedPage), ["BATON_PROBATION": "3s"])
        try baton.waitForError("generation 1 is ready")
        try prove("two", 1, baton)
        write("three")
        try baton.waitForOutput("sees three.")
        #expect(try ask("rollback").code == 0)
        try baton.waitForError("change 2 is superseded")
        try baton.waitForOutput("sees two.", count: 2)
        try baton.stop(expecting: 0, 143)
    }
}
