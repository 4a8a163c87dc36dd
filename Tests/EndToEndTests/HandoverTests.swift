import Glibc
import TestSupport
import Testing

/// Sockets that outlast generations, readiness, drain, crash.
@Suite(.serialized) struct HandoverTests {
    private let directory = TemporaryDirectory()

    private func config(_ text: String = "0") -> String {
        let path = directory.file("app.conf")
        replaceFile(path, text)
        return path
    }

    // MARK: what the app is handed

    @Test func theAppIsToldOfEverySocketInEveryConvention() throws {
        let port = freePort()
        let path = directory.file("app.sock")
        let baton = try Stand.run(
            [Stand.probe, "state"],
            [
                "BATON_LISTEN":
                    "http=tcp://127.0.0.1:\(port),local=unix://\(path),dns=udp://127.0.0.1:0,tcp://[::]:0,unix://@baton-test-\(port)",
                // What Baton itself was given is not the app's.
                "LISTEN_PID": "1", "LISTEN_FDS": "9", "NOTIFY_SOCKET": "/nowhere",
            ])
        #expect(try baton.wait() == 0)
        let output = baton.output
        #expect(Stand.line("env LISTEN_PID=", in: output) == Stand.line("pid", in: output))
        #expect(Stand.line("env LISTEN_FDS=", in: output) == "5")
        #expect(Stand.line("env LISTEN_FDNAMES=", in: output)?.hasPrefix("http:local:dns:") == true)
        #expect(Stand.line("env NGINX=", in: output) == "3;4;5;6;7;")
        #expect(Stand.line("env SERVER_STARTER_PORT=", in: output)?.hasPrefix("127.0.0.1:\(port)=3;\(path)=4;") == true)
        #expect(Stand.line("env FPM_SOCKETS=", in: output)?.hasPrefix("127.0.0.1:\(port)=3,\(path)=4,") == true)
        #expect(
            Stand.line("env EINHORN_FD_COUNT=", in: output) == "5" && Stand.line("env EINHORN_FD_4=", in: output) == "7"
        )
        #expect(Stand.line("env BATON_FD_HTTP=", in: output) == "3")
        #expect(Stand.line("env NOTIFY_SOCKET=", in: output)?.hasPrefix("@baton/notify/") == true)
        for number in 3...7 { #expect(Stand.line("fd \(number) ", in: output)?.hasPrefix("socket:") == true) }
        #expect(!fileExists(path), "the socket's file is removed at the end")
    }

    @Test func throughAShellTheNumbersAreTheSame() throws {
        let baton = try Stand.run(
            ["sh", "-c", "exec \"$0\" state", Stand.probe],
            ["BATON_LISTEN": "tcp://127.0.0.1:0", "BATON_READY": "fd:9"])
        #expect(try baton.wait() == 0)
        #expect(Stand.line("env LISTEN_PID=", in: baton.output) == Stand.line("pid", in: baton.output))
        #expect(Stand.line("fd 9 ", in: baton.output)?.hasPrefix("pipe:") == true)
    }

    // MARK: readiness

    private func handover(_ command: [String], _ settings: [String: String], generations: Int = 2) throws
        -> RunningProcess
    {
        let path = config()
        var all = ["BATON_WATCH": path, "BATON_ON_CHANGE": "handover", "BATON_LISTEN": "tcp://127.0.0.1:0"]
        all.merge(settings) { $1 }
        let baton = try Stand.run(command, all)
        try baton.waitForError("generation 1 is ready")
        for generation in 2..<(generations + 1) {
            replaceFile(path, "\(generation)")
            try baton.waitForError("generation \(generation) is ready")
            try baton.waitForError("generation \(generation - 1) exited with code 0 after its drain")
        }
        return baton
    }

    @Test(arguments: [
        ("notify", ["notify", "STATUS=warming up\nEXTEND_TIMEOUT_USEC=5000000", "READY=1"]),
        ("fd:7", ["ready-fd", "7"]),
        ("delay:50ms", ["wait", "0"]), ("exec:test -n \"$BATON_PID\"", ["wait", "0"]), ("exec:true", ["wait", "0"]),
        ("auto", ["wait", "0"]), ("auto", ["notify", "READY=1"]),
    ])
    func everyWayToBeReadyHandsOver(_ ready: String, _ command: [String]) throws {
        let baton = try handover([Stand.probe] + command, ["BATON_READY": ready], generations: 3)
        // Who does not say so itself may be ready before it has its handler, on a busy machine.
        let saysSo = ready == "notify" || ready == "fd:7"
        try baton.stop(expecting: 0, saysSo ? nil : 128 + SIGTERM)
        #expect(occurrences(of: "is applied by handover", in: baton.error) == 2)
    }

    @Test(arguments: [
        ("notify", ["wait"], "was not ready within 400ms"),
        ("fd:7", ["ready-fd", "7", "close"], "closed its readiness descriptor"),
        ("exec:false", ["wait"], "was not ready within 400ms"),
        ("exec:/no/such/check", ["wait"], "was not ready within 400ms"),
        ("delay:10s", ["wait"], "was not ready within 400ms"),
        ("exec:sleep 100", ["wait"], "was not ready within 400ms"),
    ])
    func whoeverIsNotReadyInTimeIsGivenUp(_ ready: String, _ command: [String], _ words: String) throws {
        let baton = try Stand.run(
            [Stand.probe] + command, ["BATON_READY": ready, "BATON_READY_TIMEOUT": "400ms", "BATON_STOP_TIMEOUT": "5s"])
        let code = try baton.wait()
        #expect(code == 0 && baton.error.contains(words), "\(code) \(baton.error)")
    }

    @Test func theReadinessCommandKnowsWhomItAsksAbout() throws {
        let file = directory.file("seen")
        let baton = try Stand.run(
            [Stand.probe, "wait"], ["BATON_READY": "exec:sh -c 'echo $BATON_GENERATION $BATON_PID > \(file)'"])
        try baton.waitForError("is ready")
        try baton.waitForOutput("ready\n")
        #expect(readFile(file) == "1 \(Stand.line("pid", in: baton.output) ?? "")\n")
        try baton.stop()
    }

    // MARK: failure

    /// A new generation that cannot live with its configuration.
    @Test(arguments: ["exit 3", "sleep 0.2; exit 3", "kill -9 $$"]) func aGenerationThatFailsLeavesTheOldOneServing(
        _ failing: String
    ) throws {
        let path = config("true")
        let port = freePort()
        let baton = try Stand.run(
            [
                "sh", "-c", "if ! sh -c \"$(cat $2)\"; then exit 3; fi; exec $0 $1", Stand.server,
                directory.file("page"), path,
            ],
            ["BATON_WATCH": path, "BATON_ON_CHANGE": "handover", "BATON_LISTEN": "tcp://127.0.0.1:\(port)"])
        writeFile(directory.file("page"), "serving")
        // The first one may have come before the page: the policy says never, so begin again only if it did.
        try baton.waitForError("generation 1 is ready")
        let load = HTTPLoad(port: port, clients: 2)
        replaceFile(path, failing)
        try baton.waitForError("is rolled back")
        try waitUntil("more answers") { load.current.requests > 200 }
        replaceFile(path, "exit 0 # again")
        try baton.waitForError("generation 3 is ready")
        let result = load.stop()
        #expect(result.failed == 0 && result.bodies["serving"] == result.requests, "\(result.failures)")
        try baton.stop(expecting: 0)
    }

    @Test func aNewerChangeSupersedesTheHandoverUnderWay() throws {
        let path = config()
        let baton = try Stand.run(
            [Stand.probe, "wait"], ["BATON_WATCH": path, "BATON_ON_CHANGE": "handover", "BATON_READY": "delay:700ms"])
        try baton.waitForError("generation 1 is ready")
        replaceFile(path, "1")
        try baton.waitForError("starting generation 2")
        replaceFile(path, "2")
        try baton.waitForError("change 1 is superseded")
        try baton.waitForError("change 2 is applied by handover")
        // On a busy machine it is old enough to be ready before it has its handler.
        try baton.stop(expecting: 0, 128 + SIGTERM)
        #expect(!baton.error.contains("generation 2 is ready"))
    }

    @Test func anOldGenerationThatDoesNotEndIsKilled() throws {
        let path = config()
        let baton = try Stand.run(
            [Stand.probe, "deaf"],
            [
                "BATON_WATCH": path, "BATON_ON_CHANGE": "handover", "BATON_READY": "notify",
                "BATON_DRAIN_TIMEOUT": "300ms",
                "BATON_STOP_TIMEOUT": "300ms",
            ])
        try baton.waitForError("generation 1 is ready")
        replaceFile(path, "1")
        try baton.waitForError("did not exit within the drain timeout of 300ms")
        try baton.waitForError("generation 1 was killed by signal KILL after its drain")
        try baton.stop(expecting: 137)
    }

    @Test func generationsThatNeverEndDoNotPileUp() throws {
        let path = config()
        let baton = try Stand.run(
            [Stand.probe, "deaf"],
            [
                "BATON_WATCH": path, "BATON_ON_CHANGE": "handover", "BATON_READY": "notify",
                "BATON_DRAIN_TIMEOUT": "1h",
                "BATON_MAX_DRAINING": "2", "BATON_STOP_TIMEOUT": "200ms",
            ])
        try baton.waitForError("generation 1 is ready")
        for change in 2...8 {
            replaceFile(path, "\(change)")
            try baton.waitForError("generation \(change) is ready")
        }
        try waitUntil("two draining and one serving") {
            children(of: baton.pid).count == 3
        }
        try baton.stop(expecting: 137)
    }

    // MARK: crash

    @Test func aCrashedAppIsStartedAgainAndTheQueueWaits() throws {
        let page = directory.file("page")
        writeFile(page, "hello")
        let port = freePort()
        let baton = try Stand.run(
            [Stand.server, page], ["BATON_LISTEN": "tcp://127.0.0.1:\(port)", "BATON_RESTART": "always"])
        try baton.waitForError("generation 1 is ready")
        let load = HTTPLoad(port: port, clients: 3)
        for crash in 1...3 {
            let requests = load.current.requests
            try waitUntil("answers") { load.current.requests > requests + 50 }
            let app = try #require(children(of: baton.pid).first)
            kill(app, SIGSTOP)
            kill(app, SIGKILL)
            try baton.waitForError("generation \(crash + 1) is ready")
        }
        let result = load.stop()
        // What the crashed process held is lost with it; nobody else is refused.
        #expect(
            result.failed <= 9 && result.failures.keys.allSatisfy { !$0.hasPrefix("connect") }, "\(result.failures)")
        try baton.stop(expecting: 0)
    }

    @Test func whoWaitsForAGenerationThatIsGivenUpIsServedByTheNext() throws {
        let volume = KubeletVolume(directory.file("volume"))
        volume.write(["page": "first"])
        let port = freePort()
        let script = "[ $BATON_GENERATION = 1 ] && exec sleep 1000; exec \(Stand.server) \(volume.directory)/page"
        let baton = try Stand.run(
            ["sh", "-c", script],
            [
                "BATON_WATCH": volume.directory, "BATON_LISTEN": "tcp://127.0.0.1:\(port)",
                "BATON_ON_CHANGE": "handover",
            ])
        try baton.waitForError("starting generation 1")
        let client = try #require(RawConnection(port: port))
        #expect(client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"))
        volume.write(["page": "second"])
        #expect(try client.readToEnd().hasSuffix("second"))
        try baton.stop()
    }

    @Test(arguments: [("never", "3", 3), ("on-failure", "0", 0)] as [(String, String, Int32)])
    func anAppThatEndsEndsBatonWhereThatIsThePolicy(_ policy: String, _ code: String, _ expected: Int32) throws {
        #expect(try Stand.run([Stand.probe, "exit", code], ["BATON_RESTART": policy]).wait() == expected)
    }

    @Test func aCrashLoopBacksOff() throws {
        let baton = try Stand.run([Stand.probe, "exit", "3"], ["BATON_RESTART": "on-failure"])
        try baton.waitForError("attempt 4")
        try baton.stop(expecting: 3)
    }

    // MARK: what an old process does to what is shared

    @Test func aUnixPathThatTheOldProcessRemovesIsBack() throws {
        let path = config()
        let socket = directory.file("app.sock")
        let baton = try Stand.run(
            ["sh", "-c", "trap 'rm -f \(socket); exit 0' TERM; while :; do sleep 0.02; done"],
            [
                "BATON_LISTEN": "unix://\(socket)", "BATON_WATCH": path, "BATON_ON_CHANGE": "handover",
                "BATON_READY": "delay:50ms",
                "BATON_SIGNAL_TARGET": "child",
            ])
        try baton.waitForError("generation 1 is ready")
        for change in 1...3 {
            replaceFile(path, "\(change)")
            try baton.waitForError("unix://\(socket) was removed and exists again", count: change)
            #expect(fileExists(socket))
        }
        try baton.stop()
        #expect(listDirectory(directory.path) == ["app.conf"])
    }

    /// Each generation's own socket, or one for all.
    @Test(
        .needsPython,
        arguments: [("auto", "handover"), ("off", "restart")])
    func aListenerThatTheOldProcessShutsDownListensAgain(_ steer: String, _ onChange: String) throws {
        let path = config()
        let port = freePort()
        writeFile(
            directory.file("app.py"),
            """
            import os, select, signal, socket
            s = socket.socket(fileno=3); s.setblocking(False)
            # By a descriptor: Python does not see a SIGTERM that comes just before it begins to wait, until something else comes.
            told, tell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            signal.set_wakeup_fd(tell); signal.signal(signal.SIGTERM, lambda *_: None)
            poller = select.epoll(); poller.register(s, select.EPOLLIN); poller.register(told, select.EPOLLIN)
            while True:
                if told in [fd for fd, _ in poller.poll()]:
                    s.shutdown(socket.SHUT_RD); os._exit(0)
                try: c, _ = s.accept()
                except OSError: continue
                c.setblocking(True); c.recv(4096)
                c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok"); c.close()
            """)
        let baton = try Stand.run(
            [Stand.python, directory.file("app.py")],
            [
                "BATON_LISTEN": "tcp://127.0.0.1:\(port)", "BATON_WATCH": path, "BATON_ON_CHANGE": onChange,
                "BATON_STEER": steer, "BATON_READY": "delay:300ms",
            ])
        try baton.waitForError("generation 1 is ready")
        #expect(try httpGet(port: port).get() == "ok")
        let load = onChange == "handover" ? HTTPLoad(port: port, clients: 3) : nil
        for change in 1...3 {
            replaceFile(path, "\(change)")
            try baton.waitForError("was shut down and listens again", count: change)
            try baton.waitForError("generation \(change + 1) is ready")
            #expect(try httpGet(port: port).get() == "ok")
        }
        if let result = try load?.stop(after: 1000) { #expect(result.failed == 0, "\(result.failures)") }
        try baton.stop()
    }
}
