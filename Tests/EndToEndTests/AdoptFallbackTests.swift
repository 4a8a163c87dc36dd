import Glibc
import TestSupport
import Testing

/// Where adoption cannot be, or is not wanted: a change restarts the app, or the start fails, and the log says why.
@Suite(.serialized, .needsPython) struct AdoptFallbackTests: AdoptingSuite {
    let directory = TemporaryDirectory()

    /// A filter that asks somebody is there already: another one above it is refused.
    private func within(_ outer: [String: String], _ inner: [String: String], _ command: [String]) throws
        -> RunningProcess
    {
        writeFile(config, "0")
        let settings = inner.map { "\($0.key)=\($0.value)" }
        return try Stand.run(["env"] + settings + [Stand.baton, "--"] + command, outer)
    }

    @Test func autoFallsBackToARestartAndSaysWhy() throws {
        let port = freePort()
        let baton = try within(
            ["BATON_ADOPT": "on"],
            [
                "BATON_WATCH": config, "BATON_ON_CHANGE": "handover", "BATON_ADOPT": "auto", "BATON_PROBATION": "0s",
            ], server("listening('127.0.0.1', \(port))"))
        try baton.waitForError("so a change restarts the app instead of handing over: cannot intercept")
        try baton.waitForError("Device or resource busy (EBUSY)")
        try baton.waitForOutput("open")
        try waitForAnswer(port: port, "1")
        replaceFile(config, "2")
        try baton.waitForError("change 1 is applied by restart")
        try waitForAnswer(port: port, "2")
        try baton.stop(expecting: 0)
    }

    @Test func onFailsAtTheStart() throws {
        let baton = try within(["BATON_ADOPT": "on"], ["BATON_ADOPT": "on"], ["true"])
        #expect(try baton.wait() == 71)
        #expect(baton.error.contains("cannot intercept bind(2) and listen(2): Device or resource busy (EBUSY)"))
    }

    /// Not dumpable: nobody may look into it (prctl(2), PR_SET_DUMPABLE).
    @Test(.needs("setpriv")) func anAppThatCannotBeLookedIntoKeepsItsSockets() throws {
        let port = freePort()
        let hide = "import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)"
        let command = server("\(hide)\nlistening('127.0.0.1', \(port))")
        writeFile(config, "0")
        chmod(directory.path, 0o755)
        let baton = try Stand.runAsNobody(
            command, ["BATON_WATCH": config, "BATON_ON_CHANGE": "handover", "BATON_PROBATION": "0s"])
        try baton.waitForError("so a change restarts the app instead of handing over")
        try baton.waitForOutput("open")
        replaceFile(config, "2")
        try baton.waitForError("change 1 is applied by restart")
        try waitForAnswer(port: port, "2")
        try baton.stop(expecting: 0)
    }

    @Test func nothingIsAdoptedUnasked() throws {
        let port = freePort()
        let command = server("listening('127.0.0.1', \(port))")
        for settings in [["BATON_ON_CHANGE": "reload"], ["BATON_ADOPT": "off"], ["BATON_ON_CHANGE": "restart"]] {
            let baton = try start(command, settings)
            try baton.waitForOutput("open")
            #expect(!baton.error.contains("listens on tcp"))
            let app = try #require(children(of: baton.pid).first)
            #expect(Stand.line("Seccomp:", in: readFile("/proc/\(app)/status")) == "0")
            try baton.stop(expecting: 0)
        }
    }
}
