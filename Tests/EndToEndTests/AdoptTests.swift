import Glibc
import TestSupport
import Testing

/// Apps that open their listening sockets themselves. The servers here are small ones in Python, each with a habit of its own;
/// the real ones are under load in `LoadTests`.
@Suite(.serialized, .needsPython)
struct AdoptTests {
    private let directory = TemporaryDirectory()

    /// Answers with the generation's number; `body` opens the listening sockets into `listeners`.
    private func server(_ body: String, serve: String = "serve(listeners)") -> [String] {
        writeFile(
            directory.file("server.py"),
            """
            import os, select, socket, sys, time, signal
            generation = os.environ["BATON_GENERATION"]
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            listeners = []
            def tcp(host, port, family=socket.AF_INET, options=()):
                s = socket.socket(family, socket.SOCK_STREAM)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                for option in options: s.setsockopt(*option)
                s.bind((host, port))
                return s
            def listening(*arguments, **options):
                s = tcp(*arguments, **options); s.listen(64); s.setblocking(False); listeners.append(s); return s
            def serve(listeners):
                poller = select.epoll()
                for s in listeners: poller.register(s.fileno(), select.EPOLLIN)
                # Or Python does not see a SIGTERM that comes just before it begins to wait, until something else comes.
                told, tell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
                signal.set_wakeup_fd(tell); poller.register(told, select.EPOLLIN)
                while True:
                    for fd, _ in poller.poll():
                        if fd == told: continue
                        try: c, _ = next(s for s in listeners if s.fileno() == fd).accept()
                        except BlockingIOError: continue
                        c.setblocking(True); c.recv(4096)
                        c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n%s"
                                  % (len(generation), generation.encode())); c.close()
            \(body)
            print("open", flush=True)
            \(serve)
            """)
        return ["/usr/bin/python3", directory.file("server.py")]
    }

    private func start(
        _ command: [String], _ settings: [String: String] = [:],
        _ change: (inout RunningProcess.Options) -> Void = { _ in }
    ) throws -> RunningProcess {
        writeFile(directory.file("config"), "0")
        let base = ["BATON_WATCH": directory.file("config"), "BATON_ON_CHANGE": "handover"]
        return try Stand.run(command, base.merging(settings) { _, new in new }, change)
    }

    /// A handover, and an answer of the new generation.
    private func handOver(_ baton: RunningProcess, _ port: UInt16, to number: Int) throws {
        try baton.waitForError("generation \(number - 1) is ready")
        replaceFile(directory.file("config"), "\(number)")
        try baton.waitForError("change \(number - 1) is applied by handover")
        try waitUntil("an answer of generation \(number)") { (try? httpGet(port: port).get()) == "\(number)" }
    }

    private func stop(_ baton: RunningProcess) throws {
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0, "\(baton.error.suffix(2000))")
    }

    // MARK: what is adopted

    @Test func workersThatBindEachForThemselvesAreAdopted() throws {
        let port = freePort()
        let command = server(
            """
            children = []
            for _ in range(3):
                if os.fork() == 0:
                    listening("127.0.0.1", \(port), options=[(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)])
                    break
            else:
                def end(*_):
                    os.killpg(0, signal.SIGTERM); sys.exit(0)
                signal.pause()
            """)
        let baton = try start(command)
        try baton.waitForOutput("open", count: 3)
        try waitUntil("an answer") { (try? httpGet(port: port).get()) == "1" }
        #expect(occurrences(of: "generation 1 listens on tcp://127.0.0.1:\(port)", in: baton.error) == 3)
        let load = HTTPLoad(port: port)
        for number in 2...4 { try handOver(baton, port, to: number) }
        let result = load.stop()
        #expect(result.failed == 0, "\(result.failures)")
        try stop(baton)
    }

    @Test func aSocketBoundByTheMasterAndListenedOnByEachWorkerIsAdopted() throws {
        let port = freePort()
        let command = server(
            """
            shared = tcp("127.0.0.1", \(port))
            for _ in range(2):
                if os.fork() == 0:
                    shared.listen(64); shared.setblocking(False); listeners.append(shared)
                    break
            else:
                signal.pause()
            """)
        let baton = try start(command)
        try baton.waitForOutput("open", count: 2)
        for number in 2...3 { try handOver(baton, port, to: number) }
        try stop(baton)
    }

    @Test(.enabled(if: access(Stand.staticServer, X_OK) == 0, "needs the static release build"))
    func aStaticProgramIsAdopted() throws {
        let port = freePort()
        let page = directory.file("config")
        let baton = try start([Stand.staticServer, page], ["PORT": "\(port)"])
        try baton.waitForError("generation 1 is ready")
        let load = HTTPLoad(port: port)
        for number in 1...3 {
            replaceFile(page, "number \(number)")
            try baton.waitForError("change \(number) is applied by handover")
            try waitUntil("an answer with it") { load.current.firstSeen["number \(number)"] != nil }
        }
        #expect(load.stop().failed == 0)
        try stop(baton)
    }

    /// It serves, and that it is ready is known only later: a change in these first moments waits for that.
    @Test(arguments: [false, true]) func aChangeInTheFirstMomentsLosesNothing(_ isHanded: Bool) throws {
        let port = freePort()
        let open =
            isHanded
            ? "s = socket.socket(fileno=3); s.setblocking(False); listeners.append(s)"
            : "listening('127.0.0.1', \(port))"
        let command = server(
            """
            \(open)
            def tell():
                time.sleep(1)
                n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
                n.sendto(b"READY=1", os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1))
            import threading; threading.Thread(target=tell).start()
            """)
        let listen = isHanded ? ["BATON_LISTEN": "tcp://127.0.0.1:\(port)"] : [:]
        let baton = try start(command, listen.merging(["BATON_READY": "notify"]) { _, new in new })
        try waitUntil("an answer") { (try? httpGet(port: port).get()) == "1" }
        let load = HTTPLoad(port: port)
        replaceFile(directory.file("config"), "1")
        try baton.waitForError("change 1:")
        try baton.waitForError("is applied by handover")
        try waitUntil("an answer of the second") { load.current.bodies["2"] != nil }
        let result = load.stop()
        #expect(result.failed == 0, "\(result.failures) \(baton.error.suffix(2000))")
        let events = baton.error.split(separator: "\n").filter {
            $0.contains("generation 1 is ready") || $0.contains("starting generation 2")
        }
        #expect(events.first?.contains("generation 1 is ready") == true && events.count == 2, "\(events)")
        try stop(baton)
    }

    @Test func severalAddressesAreHandedOverTogether() throws {
        let (first, second) = (freePort(), freePort())
        // The second one comes late: until then clients of it stay with the old generation.
        let command = server("listening('127.0.0.1', \(first)); time.sleep(0.5); listening('127.0.0.1', \(second))")
        let baton = try start(command)
        try baton.waitForOutput("open")
        try waitUntil("an answer") { (try? httpGet(port: second).get()) == "1" }
        let load = HTTPLoad(port: second)
        try handOver(baton, first, to: 2)
        try waitUntil("an answer of the second") { load.current.bodies["2", default: 0] > 0 }
        #expect(load.stop().failed == 0)
        try stop(baton)
    }

    /// As nginx and asyncio do: one socket for each family, on the same port.
    @Test(.enabled(if: Stand.hasIPv6, "needs IPv6"), arguments: [true, false])
    func aSocketForEachFamilyIsTwoSockets(_ isOtherUser: Bool) throws {
        guard !isOtherUser || Stand.isRoot else { return }
        let port = freePort()
        let command = server(
            """
            listening("::", \(port), family=socket.AF_INET6, options=[(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)])
            listening("0.0.0.0", \(port))
            """)
        chmod(directory.path, 0o755)
        let baton = try start(command, isOtherUser ? ["BATON_USER": "65534"] : [:])
        try baton.waitForOutput("open")
        #expect(baton.error.contains("listens on tcp://[::]:\(port)"))
        #expect(baton.error.contains("listens on tcp://0.0.0.0:\(port)"))
        try handOver(baton, port, to: 2)
        try stop(baton)
    }

    @Test(.enabled(if: Stand.hasIPv6, "needs IPv6"), arguments: ["::", "::1", "::ffff:127.0.0.1"])
    func anIPv6SocketIsHandedOver(_ host: String) throws {
        let port = freePort()
        let baton = try start(
            server(
                "listening('\(host)', \(port), family=socket.AF_INET6, options=[(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)])"
            ))
        try baton.waitForError("generation 1 is ready")
        replaceFile(directory.file("config"), "2")
        try baton.waitForError("change 1 is applied by handover")
        if host != "::1" {
            try waitUntil("an answer of the second") { (try? httpGet(port: port).get()) == "2" }
        }
        try stop(baton)
    }

    // MARK: what the app had set

    /// By copying the descriptor, and, where that is forbidden, by having been asked as they were set.
    @Test(.needsRoot, arguments: [false, true]) func theOptionsOfTheAppAreCarriedOver(_ isOtherUser: Bool) throws {
        let port = freePort()
        let command = server(
            """
            s = tcp("127.0.0.1", \(port), options=[(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 7)])
            if not \(isOtherUser ? "True" : "False"): s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 54321)
            s.setblocking(False)
            os.set_inheritable(s.fileno(), True)
            s.listen(17)
            print("defer", s.getsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT),
                  "receive", s.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF),
                  "nonblocking", os.get_blocking(s.fileno()) == False,
                  "inheritable", os.get_inheritable(s.fileno()), "name", s.getsockname(), flush=True)
            other = tcp("127.0.0.1", \(freePort())); other.listen()
            print("other", os.get_blocking(other.fileno()), os.get_inheritable(other.fileno()), flush=True)
            listeners.append(s)
            """)
        chmod(directory.path, 0o755)
        let baton = try start(command, isOtherUser ? ["BATON_USER": "65534"] : [:])
        try baton.waitForOutput("open")
        let line = Stand.line("defer", in: baton.output) ?? ""
        #expect(line.hasPrefix("7 ") || line.hasPrefix("8 ") || line.hasPrefix("15 "), "\(line)")
        if !isOtherUser { #expect(line.contains("receive \(54321 * 2) ")) }
        #expect(line.contains("nonblocking True inheritable True name ('127.0.0.1', \(port))"))
        #expect(baton.output.contains("other True False"))
        try stop(baton)
    }

    // MARK: what goes through

    @Test func whatIsNoListeningTCPSocketIsLeftAlone() throws {
        let (port, source) = (freePort(), freePort())
        let path = directory.file("unix.sock")
        let command = server(
            """
            listening("127.0.0.1", \(port))
            chosen = tcp("127.0.0.1", 0); chosen.listen()
            print("chosen", chosen.getsockname()[1] > 0, flush=True)
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); udp.bind(("127.0.0.1", \(port)))
            udp.sendto(b"x", udp.getsockname()); print("udp", udp.recv(9) == b"x", flush=True)
            path = "\(path)" + generation
            unix = socket.socket(socket.AF_UNIX); unix.bind(path); unix.listen()
            for _ in range(3):
                # A client that wants this very port to come from.
                client = tcp("127.0.0.1", \(source)); client.connect(chosen.getsockname())
                served, peer = chosen.accept(); client.close()
                print("source", peer[1] == \(source), served.recv(1) == b"", flush=True)
                served.close()
            """)
        let baton = try start(command)
        try baton.waitForOutput("open")
        for words in ["chosen True", "udp True"] { #expect(baton.output.contains(words)) }
        #expect(occurrences(of: "source True True", in: baton.output) == 3, "\(baton.output)")
        #expect(occurrences(of: "listens on tcp", in: baton.error) == 1)
        try handOver(baton, port, to: 2)
        try stop(baton)
    }

    @Test func whatTheUserExceptsStaysTheAppsOwn() throws {
        let (port, own, alsoOwn) = (freePort(), freePort(), freePort())
        let baton = try start(
            server("for p in (\(port), \(own), \(alsoOwn)): listening('127.0.0.1', p)"),
            ["BATON_ADOPT_EXCEPT": "\(own), 127.0.0.1:\(alsoOwn)"])
        try baton.waitForOutput("open")
        #expect(occurrences(of: "listens on tcp", in: baton.error) == 1)
        // The second copy cannot have them: it fails, and the first one serves on.
        try baton.waitForError("generation 1 is ready")
        replaceFile(directory.file("config"), "2")
        try baton.waitForError("change 1 is rolled back")
        #expect(try httpGet(port: port).get() == "1")
        try stop(baton)
    }

    @Test func anAddressThatIsTakenIsRefusedAsEver() throws {
        let foreign = try #require(listener())
        defer { close(foreign.fd) }
        let port = freePort()
        let command = server(
            """
            listening("127.0.0.1", \(port))
            for taken in (\(foreign.port), \(port)):
                try: tcp("127.0.0.1", taken); print("taken False", flush=True)
                except OSError as error: print("taken", error.errno == 98, flush=True)
            # Closed, it is free again.
            listeners.pop().close(); listening("127.0.0.1", \(port))
            """)
        let baton = try start(command)
        try baton.waitForOutput("open")
        #expect(occurrences(of: "taken True", in: baton.output) == 2, "\(baton.output)")
        try handOver(baton, port, to: 2)
        try stop(baton)
    }

    private func listener() -> (fd: Int32, port: UInt16)? {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let port = freePort()
        var address = loopback(port)
        let bound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        return bound == 0 && listen(fd, 1) == 0 ? (fd, port) : nil
    }

    // MARK: in the course of life

    @Test func anAddressThatIsGivenUpRefusesItsClientsAgain() throws {
        let (port, extra) = (freePort(), freePort())
        let baton = try start(
            server("listening('127.0.0.1', \(port))\nif generation == '1': listening('127.0.0.1', \(extra))"),
            ["BATON_DRAIN_TIMEOUT": "3s"])
        try baton.waitForOutput("open")
        try baton.waitForError("generation 1 is ready")
        #expect(try httpGet(port: extra).get() == "1")
        replaceFile(directory.file("config"), "2")
        try baton.waitForError("but not on tcp://127.0.0.1:\(extra)")
        try baton.waitForError("generation 1 exited")
        try waitUntil("a refusal") { (try? httpGet(port: extra).get()) == nil }
        #expect(!isOpen(extra))
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

    @Test func aCrashWithConnectionsWaitingServesThemAfterTheRestart() throws {
        let port = freePort()
        let baton = try start(
            server(
                "listening('127.0.0.1', \(port))", serve: "signal.pause() if generation == '1' else serve(listeners)"),
            ["BATON_RESTART": "always"])
        try baton.waitForOutput("open")
        let load = HTTPLoad(port: port, clients: 3)
        try waitUntil("a connection that waits") { baton.error.contains("listens on") }
        let child = readFile("/proc/\(baton.pid)/task/\(baton.pid)/children").split(separator: " ").first
        kill(try #require(child.flatMap { pid_t($0) }), SIGKILL)
        try waitUntil("answers of the second") { load.current.bodies["2", default: 0] > 10 }
        #expect(load.stop().failed == 0)
        try stop(baton)
    }

    @Test func aProbeAsksTheAdoptedSocketOfTheNewGenerationAlone() throws {
        let port = freePort()
        writeFile(directory.file("config"), "0")
        let command = server(
            "listening('127.0.0.1', \(port))",
            // The second generation answers nobody.
            serve: "serve([] if generation == '2' else listeners)")
        let baton = try start(command, ["BATON_READY": "http:/ready", "BATON_READY_TIMEOUT": "2s"])
        try baton.waitForError("generation 1 is ready")
        let load = HTTPLoad(port: port)
        replaceFile(directory.file("config"), "2")
        try baton.waitForError("change 1 is rolled back")
        replaceFile(directory.file("config"), "3")
        try baton.waitForError("change 2 is applied by handover")
        try waitUntil("an answer of the third") { load.current.bodies["3", default: 0] > 0 }
        let result = load.stop()
        #expect(result.failed == 0 && result.bodies["2"] == nil, "\(result.failures)")
        try stop(baton)
    }

    /// Behind a shell LISTEN_PID names the shell, and the app takes no notice of the socket that it was handed.
    @Test func anAppBehindAShellThatBindsItsAddressItselfGetsTheSocket() throws {
        let port = freePort()
        let command = server("listening('127.0.0.1', \(port))")
        writeFile(directory.file("entry"), "#!/bin/sh\n\(command.joined(separator: " "))\n", mode: 0o755)
        let baton = try start([directory.file("entry")], ["BATON_LISTEN": "tcp://127.0.0.1:\(port)"])
        try baton.waitForOutput("open")
        try baton.waitForError("generation 1 is ready")
        try handOver(baton, port, to: 2)
        #expect(!baton.error.contains("has not been seen to wait"))
        baton.signal(SIGTERM)
        try baton.wait()
    }

    // MARK: where it cannot be

    /// A filter that asks somebody is there already: another one above it is refused.
    private func within(_ outer: [String: String], _ inner: [String: String], _ command: [String]) throws
        -> RunningProcess
    {
        writeFile(directory.file("config"), "0")
        let settings = inner.map { "\($0.key)=\($0.value)" }
        return try Stand.run(["env"] + settings + [Stand.baton, "--"] + command, outer)
    }

    @Test func autoFallsBackToARestartAndSaysWhy() throws {
        let port = freePort()
        let baton = try within(
            ["BATON_ADOPT": "on"],
            [
                "BATON_WATCH": directory.file("config"), "BATON_ON_CHANGE": "handover", "BATON_ADOPT": "auto",
            ], server("listening('127.0.0.1', \(port))"))
        try baton.waitForError("stay its own, and a change restarts it instead of handing over: cannot ask about")
        try baton.waitForError("Device or resource busy (EBUSY)")
        try baton.waitForOutput("open")
        try waitUntil("an answer") { (try? httpGet(port: port).get()) == "1" }
        replaceFile(directory.file("config"), "2")
        try baton.waitForError("change 1 is applied by restart")
        try waitUntil("an answer of the second") { (try? httpGet(port: port).get()) == "2" }
        try stop(baton)
    }

    @Test func onFailsAtTheStart() throws {
        let baton = try within(["BATON_ADOPT": "on"], ["BATON_ADOPT": "on"], ["true"])
        #expect(try baton.wait() == 71)
        #expect(baton.error.contains("cannot ask about the app's listening sockets: Device or resource busy (EBUSY)"))
    }

    /// Not dumpable: nobody may look into it (prctl(2), PR_SET_DUMPABLE).
    @Test(.needs("setpriv")) func anAppThatCannotBeLookedIntoKeepsItsSockets() throws {
        let port = freePort()
        let hide = "import ctypes; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0)"
        let command = server("\(hide)\nlistening('127.0.0.1', \(port))")
        writeFile(directory.file("config"), "0")
        chmod(directory.path, 0o755)
        let baton = try Stand.runAsNobody(
            command, ["BATON_WATCH": directory.file("config"), "BATON_ON_CHANGE": "handover"])
        try baton.waitForError("stay its own, and a change restarts it instead of handing over")
        try baton.waitForOutput("open")
        replaceFile(directory.file("config"), "2")
        try baton.waitForError("change 1 is applied by restart")
        try waitUntil("an answer of the second") { (try? httpGet(port: port).get()) == "2" }
        try stop(baton)
    }

    @Test func nothingIsAdoptedUnasked() throws {
        let port = freePort()
        let command = server("listening('127.0.0.1', \(port))")
        for settings in [["BATON_ON_CHANGE": "reload"], ["BATON_ADOPT": "off"], ["BATON_ON_CHANGE": "restart"]] {
            let baton = try start(command, settings)
            try baton.waitForOutput("open")
            #expect(!baton.error.contains("listens on tcp"))
            let status = readFile("/proc/\(baton.pid)/task/\(baton.pid)/children").split(separator: " ").first
                .map { readFile("/proc/\($0)/status") }
            #expect(status.flatMap { Stand.line("Seccomp:", in: $0) } == "0")
            try stop(baton)
        }
    }
}
