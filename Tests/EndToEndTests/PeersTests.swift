import Glibc
import TestSupport
import Testing

/// What tini, dumb-init and catatonit promise in their manuals, asked of them (where they are installed) and of Baton: the same
/// scenario, the same answer. Each test has the manual's name for the thing.
@Suite(.serialized) struct PeersTests {
    /// A peer's options, or Baton's settings, for the thing under test.
    struct Init: Sendable, CustomTestStringConvertible {
        let name: String
        var options: [String] = []
        var settings: [String: String] = [:]
        var testDescription: String {
            ([name] + options + settings.map { "\($0)=\($1)" }.sorted()).joined(separator: " ")
        }

        static func tini(_ options: String...) -> Init { Init(name: "tini", options: ["-s"] + options) }
        static func dumbInit(_ options: String...) -> Init { Init(name: "dumb-init", options: options) }
        static func catatonit(_ options: String...) -> Init { Init(name: "catatonit", options: options) }
        static func baton(_ settings: [String: String] = [:]) -> Init { Init(name: "baton", settings: settings) }

        var isThere: Bool { name == "baton" || Stand.has(name) }

        func command(_ app: [String]) -> [String] {
            [name == "baton" ? Stand.baton : name] + options + ["--"] + app
        }

        func run(_ app: [String], _ change: (inout RunningProcess.Options) -> Void = { _ in }) throws -> RunningProcess
        {
            var options = RunningProcess.Options()
            options.environment = settings
            change(&options)
            return try RunningProcess(command(app), options)
        }
    }

    private static func these(_ all: Init...) -> [Init] { all.filter(\.isThere) }
    private static let everyone = these(.tini(), .dumbInit(), .catatonit(), .baton())

    // MARK: exit codes

    @Test(arguments: everyone) func exitCode(_ peer: Init) throws {
        for code: Int32 in [0, 1, 42, 255] { #expect(try peer.run([Stand.probe, "exit", "\(code)"]).wait() == code) }
    }

    @Test(arguments: everyone) func exitCodeOfADeathBySignalIs128PlusN(_ peer: Init) throws {
        for signal in [SIGTERM, SIGKILL, SIGHUP] {
            #expect(try peer.run([Stand.probe, "die", "\(signal)"]).wait() == 128 + signal)
        }
    }

    @Test(arguments: these(.tini("-e", "143"), .baton(["BATON_EXIT_OK": "143"])))
    func exitCodeRemapping(_ peer: Init) throws {
        #expect(try peer.run([Stand.probe, "die", "15"]).wait() == 0)
        #expect(try peer.run([Stand.probe, "exit", "3"]).wait() == 3)
    }

    /// dumb-init and catatonit have codes of their own for it.
    @Test(arguments: these(.tini(), .baton())) func aCommandThatCannotBeRun(_ peer: Init) throws {
        #expect(try peer.run(["/no/such/program"]).wait() == 127)
        #expect(try peer.run(["/etc/passwd"]).wait() == 126)
    }

    // MARK: signals

    /// "The default signal handlers will be applied": an app without one ends by SIGTERM.
    @Test(arguments: everyone) func defaultSignalHandlersWork(_ peer: Init) throws {
        let process = try peer.run(["sh", "-c", "echo ready; exec sleep 100"])
        try process.waitForOutput("ready")
        try process.stop(expecting: 143)
    }

    @Test(.needsRoot, arguments: everyone) func defaultSignalHandlersWorkAsPID1(_ peer: Init) throws {
        var options = RunningProcess.Options()
        options.environment = peer.settings
        let outer = try RunningProcess(
            ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
                + peer.command(["sh", "-c", "echo ready; exec sleep 100"]),
            options)
        try outer.waitForOutput("ready")
        let pid1 = try #require(children(of: outer.pid).first)
        kill(pid1, SIGTERM)
        #expect(try outer.wait() == 143)
    }

    @Test(arguments: everyone) func signalForwarding(_ peer: Init) throws {
        let process = try peer.run([Stand.probe, "signals"])
        try process.waitForOutput("ready")
        for signal in [SIGHUP, SIGINT, SIGUSR1, SIGUSR2, SIGALRM, SIGWINCH, SIGCONT] {
            process.signal(signal)
            try process.waitForOutput("got \(signal)\n")
        }
        process.signal(SIGQUIT)
        #expect(try process.wait() == 0)
    }

    @Test(
        .needs("bash"),
        arguments: these(.tini("-g"), .dumbInit(), .catatonit("-g"), .baton(), .baton(["BATON_SIGNAL_TARGET": "group"]))
    )
    func signalForwardingToTheProcessGroup(_ peer: Init) throws {
        let process = try peer.run(Stand.shellAndChild)
        try process.waitForOutput("ready")
        process.signal(SIGUSR1)
        try process.waitForOutput("shell")
        try process.waitForOutput("got \(SIGUSR1)\n")
        try process.stop()
    }

    @Test(
        .needs("bash"),
        arguments: these(.tini(), .dumbInit("--single-child"), .catatonit(), .baton(["BATON_SIGNAL_TARGET": "child"])))
    func singleChild(_ peer: Init) throws {
        let process = try peer.run(Stand.shellAndChild)
        try process.waitForOutput("ready")
        process.signal(SIGUSR1)
        try process.waitForOutput("shell")
        #expect(!process.output.contains("got \(SIGUSR1)\n"))
        for child in children(of: process.pid) { for own in children(of: child) { kill(own, SIGTERM) } }
        #expect(try process.wait() == 0)
    }

    @Test(arguments: these(.dumbInit("--rewrite", "15:3"), .baton(["BATON_SIGNAL_MAP": "15=3"])))
    func signalRewriting(_ peer: Init) throws {
        let process = try peer.run([Stand.probe, "signals"])
        try process.waitForOutput("ready")
        process.signal(SIGTERM)
        try process.waitForOutput("got \(SIGQUIT)\n")
        #expect(try process.wait() == 0)
        #expect(!process.output.contains("got \(SIGTERM)\n"))
    }

    @Test(arguments: these(.dumbInit("--rewrite", "10:0"), .baton(["BATON_SIGNAL_MAP": "10=0"])))
    func signalRewritingToZeroDropsIt(_ peer: Init) throws {
        let process = try peer.run([Stand.probe, "signals"])
        try process.waitForOutput("ready")
        process.signal(SIGUSR1)
        process.signal(SIGUSR2)
        try process.waitForOutput("got \(SIGUSR2)\n")
        try process.stop()
        #expect(!process.output.contains("got \(SIGUSR1)\n"))
    }

    @Test(arguments: these(.dumbInit(), .baton())) func jobControlSignalsSuspendBoth(_ peer: Init) throws {
        let process = try peer.run(["sh", "-c", "echo ready $$; exec sleep 100"])
        try process.waitForOutput("ready")
        let app = try #require(pid_t(Stand.line("ready", in: process.output) ?? ""))
        try Stand.suspendAndContinue(process, app: app, by: SIGTSTP)
        try process.stop(expecting: 143)
    }

    /// "-p SIGNAL: trigger SIGNAL when parent dies".
    @Test(arguments: these(.tini("-p", "SIGTERM"), .baton(["BATON_PARENT_DEATH_SIGNAL": "TERM"])))
    func parentDeath(_ peer: Init) throws {
        var options = RunningProcess.Options()
        options.environment = peer.settings
        let words = peer.command([Stand.probe, "signals"])
        let shell = try RunningProcess(["sh", "-c", "\"$@\" & wait", "sh"] + words, options)
        try shell.waitForOutput("ready")
        shell.signal(SIGKILL)
        try shell.waitForOutput("got \(SIGTERM)\n")
        try shell.wait()
    }

    /// catatonit leaves SIGTSTP, SIGTTIN and SIGTTOU ignored.
    @Test(arguments: these(.tini(), .dumbInit(), .baton())) func theChildHasTheSignalStateOfAPlainStart(_ peer: Init)
        throws
    {
        let bare = try RunningProcess([Stand.probe, "state"])
        let under = try peer.run([Stand.probe, "state"])
        try bare.wait()
        try under.wait()
        for name in ["SigBlk:", "SigIgn:", "SigCgt:"] {
            #expect(Stand.line(name, in: bare.output) == Stand.line(name, in: under.output), "\(name)")
        }
    }

    // MARK: processes

    @Test(.needsRoot, arguments: everyone) func zombieReaping(_ peer: Init) throws {
        var options = RunningProcess.Options()
        options.environment = peer.settings
        let outer = try RunningProcess(
            ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
                + peer.command([Stand.probe, "orphans", "500"]),
            options)
        try outer.waitForOutput("orphaned", seconds: 60)
        let pid1 = try #require(children(of: outer.pid).first)
        try waitUntil("one child left") { children(of: pid1).count == 1 }
        kill(pid1, SIGTERM)
        try outer.wait()
    }

    /// "-s: register as a process subreaper".
    @Test(arguments: these(.tini(), .catatonit(), .baton())) func subreaper(_ peer: Init) throws {
        let process = try peer.run([Stand.probe, "orphans", "50"])
        try process.waitForOutput("orphaned")
        try waitUntil("one child left") { children(of: process.pid).count == 1 }
        try process.stop()
    }

    /// "If your process dies, dumb-init will also die, taking care to clean up any other processes that might still remain."
    @Test(arguments: these(.dumbInit(), .baton())) func whatRemainsIsCleanedUp(_ peer: Init) throws {
        let process = try peer.run(["sh", "-c", "\"$0\" signals & sleep 0.3; exit 4", Stand.probe])
        #expect(try process.wait() == 4)
        try process.waitForOutput("got \(SIGTERM)\n")
    }

    /// "You can even string multiple together."
    @Test(arguments: these(.dumbInit("-c"), .tini(), .baton())) func stringedTogether(_ peer: Init) throws {
        let process = try peer.run(peer.command(["echo", "oh, hi"]))
        #expect(try process.wait() == 0)
        #expect(process.output.contains("oh, hi"))
    }

    @Test(arguments: these(.dumbInit(), .baton())) func inTheShebang(_ peer: Init) throws {
        let directory = TemporaryDirectory()
        let name = peer.name == "baton" ? "\(Stand.baton) --" : try #require(Stand.find(peer.name))
        writeFile(directory.file("script"), "#!\(name) /bin/sh\necho \"script $1\"; exit 5\n", mode: 0o755)
        let process = try RunningProcess([directory.file("script"), "a word"])
        #expect(try process.wait() == 5)
        #expect(process.output.contains("script a word"))
    }

    // MARK: the terminal

    /// The child's group is the terminal's foreground group: field 8 of its stat is field 5 (proc_pid_stat(5)).
    @Test(.needs("setsid"), arguments: these(.tini(), .baton(["BATON_LOG_LEVEL": "error"])))
    func theTTYIsGivenToTheChild(_ peer: Init) throws {
        let terminal = try PseudoTerminal()
        var options = RunningProcess.Options()
        options.environment = peer.settings
        options.input = terminal.slave
        options.output = terminal.slave
        options.error = terminal.slave
        options.newGroup = false
        let script = "read -r _ _ _ _ group _ _ foreground _ < /proc/$$/stat; echo $((group == foreground)) foreground"
        let process = try RunningProcess(["setsid", "--ctty", "--wait"] + peer.command(["sh", "-c", script]), options)
        try terminal.waitFor("1 foreground")
        #expect(try process.wait() == 0)
    }
}
