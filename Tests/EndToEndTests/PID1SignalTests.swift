import Glibc
import TestSupport
import Testing

/// What becomes of the signals that Baton gets, each case one in which some init of today fails.
@Suite(.serialized) struct PID1SignalTests {
    /// TSTP, TTIN and TTOU stop Baton too and have their own test; CHLD and PIPE are never forwarded.
    private static let forwardable = (1...64 as ClosedRange<Int32>).filter {
        ![
            SIGKILL, SIGSTOP, SIGCHLD, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU, SIGTERM, SIGQUIT, SIGSEGV, SIGBUS, SIGFPE,
            SIGILL,
            SIGTRAP, SIGABRT, SIGSYS, 32, 33,
        ].contains($0)
    }

    @Test(arguments: ["group", "child"]) func everyForwardableSignalIsForwarded(_ target: String) throws {
        let baton = try Stand.run([Stand.probe, "signals"], ["BATON_SIGNAL_TARGET": target])
        try baton.waitForOutput("ready")
        for signal in Self.forwardable {
            baton.signal(signal)
            try baton.waitForOutput("got \(signal)\n")
        }
        baton.signal(SIGPIPE)
        try baton.stop(expecting: 0)
        #expect(!baton.output.contains("got \(SIGPIPE)\n"))
    }

    @Test func signalsGoToTheGroupOrToTheChildAlone() throws {
        for (target, reachesChild) in [("group", true), ("child", false)] {
            let baton = try Stand.run(Stand.shellAndChild, ["BATON_SIGNAL_TARGET": target])
            try baton.waitForOutput("ready")
            baton.signal(SIGUSR1)
            try baton.waitForOutput("shell")
            if reachesChild { try baton.waitForOutput("got \(SIGUSR1)\n") }
            #expect(baton.output.contains("got \(SIGUSR1)\n") == reachesChild)
            try baton.stop()
        }
    }

    @Test func signalsAreRewritten() throws {
        let baton = try Stand.run([Stand.probe, "signals"], ["BATON_SIGNAL_MAP": "TERM=QUIT,USR1=,USR2=RTMIN+5"])
        try baton.waitForOutput("ready")
        baton.signal(SIGUSR1)
        baton.signal(SIGUSR2)
        try baton.waitForOutput("got 39")
        try baton.stop(expecting: 0)
        #expect(baton.output.contains("got \(SIGQUIT)") && !baton.output.contains("got \(SIGTERM)\n"))
        #expect(!baton.output.contains("got \(SIGUSR1)\n") && !baton.output.contains("got \(SIGUSR2)\n"))
    }

    /// As PID 1 a signal without a handler is dropped by the kernel unless it is blocked: it must be, before main.
    @Test(.needsRoot) func aSIGTERMInTheFirstMillisecondsIsKept() throws {
        for round in 0..<100 {
            let baton = try Stand.runAsPID1(["sleep", "100"])
            let pid = try baton.pid()
            // From the moment that the kernel shows Baton's mask; before that no program of its could do anything.
            try waitUntil("the constructor") {
                Stand.line("SigBlk:", in: readFile("/proc/\(pid)/status")) != "0000000000000000"
            }
            kill(pid, SIGTERM)
            #expect(try baton.outer.wait(seconds: 10) == 143, "round \(round)")
        }
    }

    /// In the order in which they come.
    enum Moment: CaseIterable {
        case spawned, masked, forked, executed, told

        func hasCome(to baton: RunningProcess) -> Bool {
            let app = children(of: baton.pid).first
            return switch self {
            case .spawned: true
            case .masked: Stand.line("SigBlk:", in: readFile("/proc/\(baton.pid)/status")) != "0000000000000000"
            case .forked: app != nil
            case .executed: app.map { readFile("/proc/\($0)/comm") } == "sleep\n"
            case .told: baton.error.contains("starting generation 1")
            }
        }
    }

    @Test(arguments: Moment.allCases) func aSIGTERMWhileTheAppStartsReachesIt(_ moment: Moment) throws {
        for round in 0..<20 {
            let baton = try Stand.run(["sleep", "100"])
            try waitUntil("the moment", pause: 0) { moment.hasCome(to: baton) }
            baton.signal(SIGTERM)
            #expect(try baton.wait(seconds: 10) == 143, "round \(round)")
        }
    }

    @Test func anIgnoredSIGCHLDDoesNotDeafenBaton() throws {
        let baton = try Stand.run([Stand.probe, "exit", "7"]) { $0.ignoredSignals = [SIGCHLD] }
        #expect(try baton.wait(seconds: 10) == 7)
    }

    @Test func aStoppedAppStillStops() throws {
        let baton = try Stand.run([Stand.probe, "wait", "3"])
        try baton.waitForOutput("ready")
        let app = try #require(pid_t(Stand.line("pid", in: baton.output) ?? ""))
        kill(app, SIGSTOP)
        try waitUntil("the app stopped") { state(of: app) == "T" }
        baton.signal(SIGTERM)
        #expect(try baton.wait(seconds: 10) == 3)
    }

    @Test func batonGetsASignalWhenItsParentDies() throws {
        let directory = TemporaryDirectory()
        let parent = try RunningProcess(
            [
                "sh", "-c", "BATON_PARENT_DEATH_SIGNAL=TERM \"$0\" -- \"$1\" wait 0 > \"$2\" & wait", Stand.baton,
                Stand.probe, directory.file("out"),
            ])
        try waitUntil("the app") { readFile(directory.file("out")).contains("ready") }
        let app = try #require(pid_t(Stand.line("pid", in: readFile(directory.file("out"))) ?? ""))
        parent.signal(SIGKILL)
        try parent.wait()
        try waitUntil("the app's end") { !fileExists("/proc/\(app)") || state(of: app) == "Z" }
    }
}
