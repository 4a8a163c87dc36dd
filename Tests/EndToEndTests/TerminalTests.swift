import Glibc
import TestSupport
import Testing

/// Job control, with a real shell on a real terminal.
@Suite(.serialized) struct TerminalTests {
    private func shell(_ terminal: PseudoTerminal) throws -> RunningProcess {
        var options = RunningProcess.Options()
        options.environment = ["PS1": "prompt> ", "TERM": "dumb"]
        options.input = terminal.slave
        options.output = terminal.slave
        options.error = terminal.slave
        options.newGroup = false
        let shell = try RunningProcess(["setsid", "--ctty", "--wait", "bash", "--norc", "--noprofile", "-i"], options)
        try terminal.waitFor("prompt> ")
        return shell
    }

    @Test(.needs("setsid"), .needs("bash")) func theAppHasTheTerminalAndCanBeStoppedAndContinued() throws {
        let terminal = try PseudoTerminal()
        let shell = try shell(terminal)
        terminal.type("BATON_LOG_LEVEL=error \(Stand.baton) -- \(Stand.probe) read\n")
        try terminal.waitFor("ready")
        terminal.type("hello\n")
        try terminal.waitFor("read hello")
        for _ in 0..<3 {
            terminal.type("\u{1a}")
            try terminal.waitFor("Stopped")
            try terminal.waitFor("prompt> ")
            terminal.type("fg\n")
            terminal.type("again\n")
            try terminal.waitFor("read again")
        }
        terminal.type("\u{3}")
        try terminal.waitFor("interrupted")
        terminal.type("echo code=$?\n")
        try terminal.waitFor("code=42")
        terminal.type("exit\n")
        try shell.wait()
    }

    @Test(.needs("setsid"), .needs("bash")) func inTheBackgroundTheTerminalStaysTheShells() throws {
        let terminal = try PseudoTerminal()
        let shell = try shell(terminal)
        terminal.type("BATON_LOG_LEVEL=error \(Stand.baton) -- \(Stand.probe) signals &\n")
        try terminal.waitFor("ready")
        terminal.type("echo still mi''ne\n")
        try terminal.waitFor("still mine")
        terminal.type("kill %1; wait %1; echo code=$?\n")
        try terminal.waitFor("code=0")
        terminal.type("exit\n")
        try shell.wait()
    }

    @Test(.needs("setsid"), .needs("bash")) func anAppThatReadsFromTheBackgroundIsAStoppedJob() throws {
        let terminal = try PseudoTerminal()
        let shell = try shell(terminal)
        terminal.type("BATON_LOG_LEVEL=error \(Stand.baton) -- \(Stand.probe) read & wait %1\n")
        try terminal.waitFor("Stopped")
        terminal.type("fg\n")
        terminal.type("now\n")
        try terminal.waitFor("read now")
        terminal.type("\u{3}")
        try terminal.waitFor("interrupted")
        terminal.type("exit\n")
        try shell.wait()
    }

    @Test(arguments: [SIGTSTP, SIGTTIN, SIGTTOU]) func aTerminalStopStopsTheAppAndBaton(_ signal: Int32) throws {
        let baton = try Stand.run(["sleep", "100"])
        try baton.waitForError("starting generation 1")
        try waitUntil("the app") { !children(of: baton.pid).isEmpty }
        let app = try #require(children(of: baton.pid).first)
        try waitUntil("the exec") { readFile("/proc/\(app)/comm").hasPrefix("sleep") }
        try Stand.suspendAndContinue(baton, app: app, by: signal)
        try baton.stop(expecting: 143)
    }

    /// On a terminal the log has colours, and what lasts shows how far it is.
    @Test func aDrainThatLastsShowsHowFarItIs() throws {
        let terminal = try PseudoTerminal()
        let directory = TemporaryDirectory()
        let port = freePort()
        writeFile(directory.file("page"), "one")
        let baton = try Stand.run(
            [Stand.server, directory.file("page")],
            [
                "TERM": "xterm", "BATON_WATCH": directory.file("page"), "BATON_ON_CHANGE": "handover",
                "BATON_CONTROL": "off",
                "BATON_LISTEN": "tcp://127.0.0.1:\(port)",
            ]
        ) { $0.error = terminal.slave }
        try terminal.waitFor("\u{1b}[32minfo\u{1b}[0m generation 1 is ready")
        let client = try #require(RawConnection(port: port))
        client.send("GET / HTTP/1.1\r\nHost: x\r\n")
        replaceFile(directory.file("page"), "two")
        try terminal.waitFor("\r\u{1b}[K[#")
        try terminal.waitFor("] draining generation 1, 1 connection left, 2")
        client.send("Connection: close\r\n\r\n")
        #expect(try client.readToEnd().hasSuffix("one"))
        try terminal.waitFor("after its drain")
        try baton.stop(expecting: 0)
    }
}
