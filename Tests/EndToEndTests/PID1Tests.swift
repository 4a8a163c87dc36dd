import Glibc
import TestSupport
import Testing

/// What an init has to do, each case one in which some init of today fails.
@Suite(.serialized) struct PID1Tests {
    // MARK: exit codes

    @Test func everyExitCodeIsPassedOn() throws {
        for code in 0...255 {
            #expect(try Stand.run([Stand.probe, "exit", "\(code)"]).wait() == code)
        }
    }

    @Test(arguments: [1, 2, 9, 11, 15, 34, 64]) func deathBySignalIs128PlusN(_ signal: Int32) throws {
        #expect(try Stand.run([Stand.probe, "die", "\(signal)"]).wait() == 128 + signal)
    }

    @Test func missingAndUnusableCommandsAreToldApart() throws {
        let directory = TemporaryDirectory()
        writeFile(directory.file("plain"), "x")
        writeFile(directory.file("garbage"), "\u{1}\u{2}\u{3}", mode: 0o755)
        writeFile(directory.file("script"), "exit 5\n", mode: 0o755)
        for (command, code, words) in [
            ("/nope", 127, "No such file or directory (ENOENT)"), ("no-such-program", 127, "in no directory of PATH"),
            (directory.file("plain"), 126, "Permission denied (EACCES)"),
            (directory.path, 126, "Permission denied (EACCES)"),
            // As execvp(3): without an interpreter line the shell takes it.
            (directory.file("script"), 5, "exited with code 5"),
        ] as [(String, Int32, String)] {
            let baton = try Stand.run([command])
            #expect(try baton.wait() == code, "\(command)")
            #expect(baton.error.contains(words), "\(baton.error)")
        }
    }

    @Test func exitCodesCanCountAsGood() throws {
        #expect(try Stand.run([Stand.probe, "exit", "143"], ["BATON_EXIT_OK": "143,7"]).wait() == 0)
        #expect(try Stand.run([Stand.probe, "die", "15"], ["BATON_EXIT_OK": "143"]).wait() == 0)
        #expect(try Stand.run([Stand.probe, "exit", "8"], ["BATON_EXIT_OK": "143,7"]).wait() == 8)
    }

    // MARK: what the app is given

    /// In nanoseconds, as /proc/PID/sched has it; nil where the kernel does not tell.
    private static func slice(of pid: String) -> Int? {
        readFile("/proc/\(pid)/sched").split(separator: "\n").first { $0.hasPrefix("se.slice ") }
            .flatMap { $0.split(separator: " ").last }.flatMap { Int($0) }
    }

    @Test(.enabled(if: slice(of: "self") != nil, "needs slices in /proc/PID/sched"))
    func batonAsksForLittleOfTheProcessorAndTheAppForWhatItWasGiven() throws {
        let usual = Self.slice(of: "self")
        let baton = try Stand.run(["sh", "-c", "echo $$; exec sleep 100"])
        try baton.waitForOutput("\n")
        #expect(Self.slice(of: "\(baton.pid)") == 400_000)
        #expect(Self.slice(of: baton.output.filter(\.isNumber)) == usual)
    }

    private func state(_ change: @escaping (inout RunningProcess.Options) -> Void) throws -> (
        bare: String, under: String
    ) {
        var options = RunningProcess.Options()
        change(&options)
        let bare = try RunningProcess([Stand.probe, "state"], options)
        try bare.wait()
        let under = try Stand.run([Stand.probe, "state"], [:], change)
        try under.wait()
        return (bare.output, under.output)
    }

    @Test(
        arguments: [
            ([], []), ([SIGUSR1, 34], [SIGPIPE]), ([SIGTERM, SIGCHLD], [SIGCHLD, SIGHUP, 64]),
            ([], [SIGXFSZ, SIGTTOU]),
        ] as [([Int32], [Int32])])
    func theAppGetsTheSignalStateThatBatonWasGiven(_ blocked: [Int32], _ ignored: [Int32]) throws {
        let (bare, under) = try state {
            $0.blockedSignals = blocked; $0.ignoredSignals = ignored
        }
        for name in ["SigBlk:", "SigIgn:", "SigCgt:"] {
            #expect(Stand.line(name, in: bare) == Stand.line(name, in: under), "\(name)")
            #expect(Stand.line(name, in: bare) != nil)
        }
    }

    @Test func noDescriptorLeaksToTheApp() throws {
        let (bare, under) = try state { _ in }
        func numbers(_ output: String) -> [String] {
            output.split(separator: "\n").filter { $0.hasPrefix("fd ") }.map { String($0.split(separator: " ")[1]) }
                .sorted()
        }
        #expect(numbers(bare) == numbers(under) && Set(numbers(under)).isSuperset(of: ["0", "1", "2"]))
    }

    @Test func closedStandardDescriptorsAreOpenedOnNull() throws {
        let directory = TemporaryDirectory()
        let baton = try Stand.run(["sh", "-c", "exec \"$0\" state > \"$1\"", Stand.probe, directory.file("out")]) {
            $0.closedDescriptors = [0, 1, 2]
        }
        #expect(try baton.wait() == 0)
        let output = readFile(directory.file("out"))
        #expect(Stand.line("fd 0", in: output) == "/dev/null" && Stand.line("fd 2", in: output) == "/dev/null")
    }

    @Test func argumentsAndVariablesNeedNotBeUTF8() throws {
        let directory = TemporaryDirectory()
        let shell = try RunningProcess([
            "sh", "-c",
            "X=$(printf 'a\\377b') exec \"$0\" -- sh -c 'printf %s \"$X$1\" > \"$2\"' sh \"$(printf '\\200c')\" \"$1\"",
            Stand.baton, directory.file("out"),
        ])
        #expect(try shell.wait() == 0)
        let fd = open(directory.file("out"), O_RDONLY)
        defer { close(fd) }
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = read(fd, &bytes, 16)
        #expect(Array(bytes.prefix(max(0, count))) == [0x61, 0xff, 0x62, 0x80, 0x63])
    }

    @Test(arguments: ["$2", "$1/$2"]) func theProgramsPathNeedNotBeUTF8(_ program: String) throws {
        let directory = TemporaryDirectory()
        let shell = try RunningProcess([
            "sh", "-c",
            "set -- \"$1/$(printf 'd\\351')\" \"$(printf 'p\\351')\"; mkdir \"$1\"; printf '#!/bin/sh\\nexit 7\\n' > \"$1/$2\"; "
                + "chmod +x \"$1/$2\"; PATH=\"$1:$PATH\" exec \"$0\" -- \"\(program)\"",
            Stand.baton, directory.path,
        ])
        #expect(try shell.wait() == 7, "\(shell.error)")
    }

    @Test func theAppLeadsItsOwnGroupUnderBaton() throws {
        let baton = try Stand.run([Stand.probe, "state"])
        try baton.wait()
        #expect(Stand.line("pid", in: baton.output) == Stand.line("pgid", in: baton.output))
        #expect(Stand.line("ppid", in: baton.output) == "\(baton.pid)")
    }

    // MARK: signals

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
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0)
        #expect(!baton.output.contains("got \(SIGPIPE)\n"))
    }

    @Test func signalsGoToTheGroupOrToTheChildAlone() throws {
        let script =
            "\"$0\" signals & child=$!; trap 'echo shell' USR1; while kill -0 $child 2>/dev/null; do wait $child; done; exit 0"
        for (target, reachesChild) in [("group", true), ("child", false)] {
            let baton = try Stand.run(["bash", "-c", script, Stand.probe], ["BATON_SIGNAL_TARGET": target])
            try baton.waitForOutput("ready")
            baton.signal(SIGUSR1)
            try baton.waitForOutput("shell")
            if reachesChild { try baton.waitForOutput("got \(SIGUSR1)\n") }
            #expect(baton.output.contains("got \(SIGUSR1)\n") == reachesChild)
            baton.signal(SIGTERM)
            try baton.wait()
        }
    }

    @Test func signalsAreRewritten() throws {
        let baton = try Stand.run([Stand.probe, "signals"], ["BATON_SIGNAL_MAP": "TERM=QUIT,USR1=,USR2=RTMIN+5"])
        try baton.waitForOutput("ready")
        baton.signal(SIGUSR1)
        baton.signal(SIGUSR2)
        try baton.waitForOutput("got 39")
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0)
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

    @Test func aSIGTERMWhileTheAppStartsReachesIt() throws {
        for round in 0..<100 {
            let baton = try Stand.run(["sleep", "100"])
            poll(nil, 0, Int32(round % 5))
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
        try waitUntil("the app stopped") { readFile("/proc/\(app)/stat").contains(") T ") }
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
        try waitUntil("the app's end") { !fileExists("/proc/\(app)") || readFile("/proc/\(app)/stat").contains(") Z ") }
    }

    // MARK: children

    @Test(.needsRoot) func tenThousandOrphansAreReaped() throws {
        let baton = try Stand.runAsPID1([Stand.probe, "orphans", "10000"])
        // With the address sanitizer built in each of the app's own forks takes five milliseconds.
        try baton.outer.waitForOutput("orphaned", seconds: 180)
        let pid = try baton.pid()
        try waitUntil("no zombie left") {
            readFile("/proc/\(pid)/task/\(pid)/children").split(separator: " ").count == 1
        }
        try baton.signal(SIGTERM)
        #expect(try baton.outer.wait() == 0)
    }

    @Test func orphansComeToBatonWhereItIsNotPID1() throws {
        let baton = try Stand.run([Stand.probe, "orphans", "200"])
        try baton.waitForOutput("orphaned")
        try waitUntil("no zombie left") {
            readFile("/proc/\(baton.pid)/task/\(baton.pid)/children").split(separator: " ").count == 1
        }
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0)
    }

    @Test(arguments: [true, false]) func whatNeedsAMomentAfterTERMIsWaitedFor(_ asPID1: Bool) throws {
        if asPID1, !Stand.isRoot { return }
        let directory = TemporaryDirectory()
        let command = [Stand.probe, "grandchild", "300", directory.file("mark")]
        let outer: RunningProcess
        if asPID1 {
            let baton = try Stand.runAsPID1(command)
            try baton.outer.waitForOutput("ready")
            try baton.signal(SIGTERM)
            outer = baton.outer
            #expect(try outer.wait() == 0)
        } else {
            outer = try Stand.run(command)
            try outer.waitForOutput("ready")
            outer.signal(SIGTERM)
            #expect(try outer.wait() == 0)
        }
        #expect(readFile(directory.file("mark")).hasSuffix("finished\n"))
    }

    @Test func whatNeverEndsIsKilledAtTheStopTimeout() throws {
        let directory = TemporaryDirectory()
        let baton = try Stand.run(
            [Stand.probe, "deaf-grandchild", "0", directory.file("mark")], ["BATON_STOP_TIMEOUT": "300ms"])
        try baton.waitForOutput("ready")
        let deaf = try #require(pid_t(Stand.line("started", in: readFile(directory.file("mark"))) ?? ""))
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0)
        #expect(!fileExists("/proc/\(deaf)"))
        #expect(baton.error.contains("not everything has ended within 300ms"))
    }

    @Test func anAppThatIgnoresSIGTERMIsKilledAtTheStopTimeout() throws {
        let baton = try Stand.run([Stand.probe, "deaf"], ["BATON_STOP_TIMEOUT": "300ms"])
        try baton.waitForOutput("ready")
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 137)
    }

    @Test func theStopDelayKeepsTheAppServing() throws {
        let baton = try Stand.run([Stand.probe, "signals"], ["BATON_STOP_DELAY": "1s"])
        try baton.waitForOutput("ready")
        let asked = monotonicNow()
        baton.signal(SIGTERM)
        try baton.waitForError("serving on for 1s")
        baton.signal(SIGUSR1)
        try baton.waitForOutput("got \(SIGUSR1)\n")
        #expect(try baton.wait() == 0)
        #expect(monotonicNow() - asked >= 1_000_000_000)
    }

    @Test func anAppThatForksAwayIsToldAboutAndEndsBaton() throws {
        let baton = try Stand.run([Stand.probe, "daemonize"])
        try baton.waitForError("must be told not to")
        #expect(try baton.wait() == 0)
        #expect(baton.output.contains("background done"))
    }

    @Test func anAppThatForksAwayAndSaysWhereIsFollowed() throws {
        let baton = try Stand.run([Stand.probe, "daemonize-mainpid"], ["BATON_READY": "notify"])
        try baton.waitForError("as its main process now")
        try baton.waitForError("is ready")
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 5)
    }

    // MARK: the log must never matter

    @Test func aReaderThatIsGoneDoesNotMatter() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let baton = try Stand.run([Stand.probe, "wait", "4"], ["BATON_LOG_LEVEL": "debug"]) { $0.error = ends[1] }
        close(ends[1])
        close(ends[0])
        try baton.waitForOutput("ready")
        for _ in 0..<100 { baton.signal(SIGWINCH) }
        baton.signal(SIGTERM)
        #expect(try baton.wait(seconds: 10) == 4)
    }

    @Test(arguments: ["pipe", "socket"]) func aReaderThatNeverReadsDoesNotMatter(_ kind: String) throws {
        var ends: [Int32] = [0, 0]
        #expect((kind == "pipe" ? pipe(&ends) : socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)) == 0)
        // Filled to the brim before Baton writes its first line.
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        let filling = [UInt8](repeating: 0x2e, count: 4096)
        while write(ends[1], filling, filling.count) > 0 {}
        while write(ends[1], filling, 1) > 0 {}
        _ = fcntl(ends[1], F_SETFL, 0)
        let baton = try Stand.run([Stand.probe, "wait", "4"], ["BATON_LOG_LEVEL": "debug"]) { $0.error = ends[1] }
        try baton.waitForOutput("ready")
        // The flags of the description that the app shares are as they were.
        #expect(fcntl(ends[1], F_GETFL) & O_NONBLOCK == 0)
        baton.signal(SIGTERM)
        #expect(try baton.wait(seconds: 10) == 4)
        close(ends[0])
        close(ends[1])
    }

    @Test func logLinesAreJSONOnRequest() throws {
        let baton = try Stand.run([Stand.probe, "exit", "0"], ["BATON_LOG": "json"])
        try baton.wait()
        let lines = baton.error.split(separator: "\n")
        #expect(lines.count >= 3 && lines.allSatisfy { $0.hasPrefix("{\"time\":\"") && $0.hasSuffix("}") })
        #expect(baton.error.contains("\"event\":\"generation_starting\""))
    }

    @Test func idleBatonNeverWakes() throws {
        let baton = try Stand.run([Stand.probe, "wait"], ["BATON_WATCH": "/etc/passwd", "BATON_AUDIT_INTERVAL": "0s"])
        try baton.waitForError("is ready after 1")
        func switches() -> String? { Stand.line("voluntary_ctxt_switches:", in: readFile("/proc/\(baton.pid)/status")) }
        let before = switches()
        poll(nil, 0, 1500)
        #expect(switches() == before)
        #expect(readFile("/proc/\(baton.pid)/status").contains("Threads:\t1\n"))
        baton.signal(SIGTERM)
        try baton.wait()
    }
}
