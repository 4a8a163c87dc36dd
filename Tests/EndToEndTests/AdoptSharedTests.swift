import Glibc
import TestSupport
import Testing

/// Adoption where a seccomp profile does not let Baton steer (SO_ATTACH_REUSEPORT_CBPF): all generations share one socket.
@Suite(.serialized, .enabled(if: access("/usr/bin/python3", X_OK) == 0, "needs /usr/bin/python3"))
struct AdoptSharedTests {
    private let directory = TemporaryDirectory()

    /// Answers with the generation's number. At SIGTERM it finishes the request that it has, and accepts no other.
    private func server(_ ports: String) -> [String] {
        writeFile(
            directory.file("server.py"),
            """
            import os, select, signal, socket, sys
            generation = os.environ["BATON_GENERATION"]
            told, tell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
            signal.signal(signal.SIGTERM, lambda *_: None); signal.set_wakeup_fd(tell)
            poller, listeners = select.epoll(), {}
            poller.register(told, select.EPOLLIN)
            def listening(port):
                s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                s.bind(("127.0.0.1", port)); s.listen(64)
                # Late, as many do: until then the description is a blocking one.
                s.setblocking(False); listeners[s.fileno()] = s
                return s
            for port in (\(ports)): listening(port)
            print("open", flush=True)
            for fd in listeners: poller.register(fd, select.EPOLLIN)
            while True:
                ready = [fd for fd, _ in poller.poll()]
                if told in ready: sys.exit(0)
                for fd in ready:
                    try: c, _ = listeners[fd].accept()
                    except BlockingIOError: continue
                    except OSError: continue  # shut down, and not yet repaired
                    c.setblocking(True); c.recv(4096)
                    c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n%s"
                              % (len(generation), generation.encode())); c.close()
            """)
        return ["/usr/bin/python3", directory.file("server.py")]
    }

    private func start(_ command: [String], _ settings: [String: String] = [:], _ errno: Int32 = EPERM) throws
        -> RunningProcess
    {
        writeFile(directory.file("config"), "0")
        var options = RunningProcess.Options()
        options.environment = ["BATON_WATCH": directory.file("config"), "BATON_ON_CHANGE": "handover"]
            .merging(settings) { _, new in new }
        return try RunningProcess(
            [Stand.probe, "without", "reuseport", "\(errno)", "--", Stand.baton, "--"] + command, options)
    }

    private func stop(_ baton: RunningProcess) throws {
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0, "\(baton.error.suffix(2000))")
    }

    @Test(arguments: [EPERM, ENOSYS, ENOPROTOOPT, EINVAL]) func anAppThatBindsItselfIsHandedOver(_ errno: Int32) throws
    {
        let port = freePort()
        let baton = try start(server("\(port),"), [:], errno)
        try baton.waitForError("generation 1 is ready")
        let load = HTTPLoad(port: port)
        for number in 1...5 {
            replaceFile(directory.file("config"), "\(number)")
            try baton.waitForError("change \(number) is applied by handover")
            try waitUntil("an answer with it") { load.current.bodies["\(number + 1)", default: 0] > 20 }
            try baton.waitForError("generation \(number) exited with code 0")
        }
        let result = load.stop()
        #expect(result.failed == 0, "\(result.failures)")
        #expect(occurrences(of: "all generations share one socket", in: baton.error) == 1, "\(baton.error)")
        // Each got its signal at its handover, not at a timeout.
        #expect(!baton.error.contains("cannot be counted"))
        try stop(baton)
    }

    @Test func onRefusesToListenAndSaysWhy() throws {
        let baton = try start(server("\(freePort()),"), ["BATON_STEER": "on", "BATON_ADOPT": "on"])
        #expect(try baton.wait() == 1)
        #expect(baton.output.isEmpty && baton.error.contains("PermissionError"))
        #expect(baton.error.contains("as BATON_STEER=on asks for what is forbidden"), "\(baton.error)")
    }

    @Test func aProbeAsksBeforeTheHandover() throws {
        let port = freePort()
        let baton = try start(server("\(port),"), ["BATON_READY": "http:/"])
        try baton.waitForError("generation 1 is ready")
        replaceFile(directory.file("config"), "1")
        try baton.waitForError("change 1 is applied by handover")
        try waitUntil("an answer of the second") { (try? httpGet(port: port).get()) == "2" }
        try stop(baton)
    }

    @Test func anAddressThatIsGivenUpRefusesItsClientsAgain() throws {
        let (port, extra) = (freePort(), freePort())
        let baton = try start(server("(\(port), \(extra)) if generation == '1' else (\(port),)"))
        try baton.waitForError("generation 1 is ready")
        #expect(try httpGet(port: extra).get() == "1")
        replaceFile(directory.file("config"), "1")
        try baton.waitForError("but not on tcp://127.0.0.1:\(extra)")
        try baton.waitForError("generation 1 exited")
        try waitUntil("a refusal") { !isOpen(extra) }
        #expect(try httpGet(port: port).get() == "2")
        try stop(baton)
    }

    private func isOpen(_ port: UInt16) -> Bool {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(fd) }
        var address = loopback(port)
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    @Test func aListenerThatWasShutDownListensAgain() throws {
        let port = freePort()
        let command = server("\(port),")
        let path = directory.file("server.py")
        writeFile(
            path,
            readFile(path).replacing(
                "if told in ready: sys.exit(0)",
                with: "if told in ready: [s.shutdown(socket.SHUT_RD) for s in listeners.values()]; sys.exit(0)"))
        let baton = try start(command)
        try baton.waitForError("generation 1 is ready")
        replaceFile(directory.file("config"), "1")
        try baton.waitForError("tcp://127.0.0.1:\(port) had been shut down and listens again")
        try waitUntil("an answer of the second") { (try? httpGet(port: port).get()) == "2" }
        try stop(baton)
    }

    /// One that closes its listener and opens it again, beside another generation that has it open.
    @Test func aGenerationMayListenAnewBesideAnother() throws {
        let port = freePort()
        let command = server("\(port),")
        let path = directory.file("server.py")
        writeFile(
            path,
            readFile(path).replacing(
                "print(\"open\"",
                with: """
                    try: listening(\(port)); print("twice", flush=True)
                    except OSError as error: print("taken", error.errno, flush=True)
                    for s in listeners.values(): s.close()
                    listeners.clear(); listening(\(port))
                    print("open"
                    """))
        let baton = try start(command)
        try baton.waitForError("generation 1 is ready")
        replaceFile(directory.file("config"), "1")
        try baton.waitForError("change 1 is applied by handover")
        try waitUntil("an answer of the second") { (try? httpGet(port: port).get()) == "2" }
        #expect(occurrences(of: "taken \(EADDRINUSE)", in: baton.output) == 2, "\(baton.output)")
        try stop(baton)
    }

    @Test func aCrashWithConnectionsWaitingServesThemAfterTheRestart() throws {
        let port = freePort()
        let command = server("\(port),")
        let path = directory.file("server.py")
        writeFile(
            path,
            readFile(path).replacing(
                "print(\"open\"", with: "if generation == '1': signal.pause()\nprint(\"open\""))
        let baton = try start(command, ["BATON_RESTART": "always"])
        try baton.waitForError("generation 1 listens on")
        let load = HTTPLoad(port: port, clients: 3)
        let child = try #require(Stand.children(of: baton.pid).first)
        kill(child, SIGKILL)
        try waitUntil("answers of the second") { load.current.bodies["2", default: 0] > 10 }
        #expect(load.stop().failed == 0)
        try stop(baton)
    }
}
