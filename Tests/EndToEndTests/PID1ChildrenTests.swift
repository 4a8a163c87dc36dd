import Glibc
import TestSupport
import Testing

/// Orphans, those that outlive the app, and those that never end.
@Suite(.serialized) struct PID1ChildrenTests {
    @Test(.needsRoot) func tenThousandOrphansAreReaped() throws {
        let baton = try Stand.runAsPID1([Stand.probe, "orphans", "10000"])
        // With the address sanitizer built in each of the app's own forks takes five milliseconds.
        try baton.outer.waitForOutput("orphaned", seconds: 180)
        let pid = try baton.pid()
        try waitUntil("no zombie left") {
            children(of: pid).count == 1
        }
        try baton.stop(expecting: 0)
    }

    @Test func orphansComeToBatonWhereItIsNotPID1() throws {
        let baton = try Stand.run([Stand.probe, "orphans", "200"])
        try baton.waitForOutput("orphaned")
        try waitUntil("no zombie left") {
            children(of: baton.pid).count == 1
        }
        try baton.stop(expecting: 0)
    }

    @Test func whatNeedsAMomentAfterTERMIsWaitedFor() throws {
        let directory = TemporaryDirectory()
        let baton = try Stand.run([Stand.probe, "grandchild", "300", directory.file("mark")])
        try baton.waitForOutput("ready")
        try baton.stop(expecting: 0)
        #expect(readFile(directory.file("mark")).hasSuffix("finished\n"))
    }

    @Test(.needsRoot) func whatNeedsAMomentAfterTERMIsWaitedForByPID1() throws {
        let directory = TemporaryDirectory()
        let baton = try Stand.runAsPID1([Stand.probe, "grandchild", "300", directory.file("mark")])
        try baton.outer.waitForOutput("ready")
        try baton.stop(expecting: 0)
        #expect(readFile(directory.file("mark")).hasSuffix("finished\n"))
    }

    @Test func whatNeverEndsIsKilledAtTheStopTimeout() throws {
        let directory = TemporaryDirectory()
        let baton = try Stand.run(
            [Stand.probe, "deaf-grandchild", "0", directory.file("mark")], ["BATON_STOP_TIMEOUT": "300ms"])
        try baton.waitForOutput("ready")
        let deaf = try #require(pid_t(Stand.line("started", in: readFile(directory.file("mark"))) ?? ""))
        try baton.stop(expecting: 0)
        #expect(!fileExists("/proc/\(deaf)"))
        #expect(baton.error.contains("processes still run 300ms after the stop signal"))
    }

    @Test func anAppThatIgnoresSIGTERMIsKilledAtTheStopTimeout() throws {
        let baton = try Stand.run([Stand.probe, "deaf"], ["BATON_STOP_TIMEOUT": "300ms"])
        try baton.waitForOutput("ready")
        try baton.stop(expecting: 137)
    }

    @Test func theStopDelayKeepsTheAppServing() throws {
        let baton = try Stand.run([Stand.probe, "signals"], ["BATON_STOP_DELAY": "1s"])
        try baton.waitForOutput("ready")
        let asked = monotonicNow()
        baton.signal(SIGTERM)
        try baton.waitForError("serving for another 1s")
        baton.signal(SIGUSR1)
        try baton.waitForOutput("got \(SIGUSR1)\n")
        #expect(try baton.wait() == 0)
        #expect(monotonicNow() - asked >= 1_000_000_000)
    }

    @Test func anAppThatForksAwayIsToldAboutAndEndsBaton() throws {
        let baton = try Stand.run([Stand.probe, "daemonize"])
        try baton.waitForError("configure the app to stay in the foreground")
        #expect(try baton.wait() == 0)
        #expect(baton.output.contains("background done"))
    }

    @Test func anAppThatForksAwayAndSaysWhereIsFollowed() throws {
        let baton = try Stand.run([Stand.probe, "daemonize-mainpid"], ["BATON_READY": "notify"])
        try baton.waitForError("the main process of generation 1 is now")
        try baton.waitForError("is ready")
        try baton.stop(expecting: 5)
    }
}
