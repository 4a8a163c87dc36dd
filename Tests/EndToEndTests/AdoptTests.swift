import Glibc
import TestSupport
import Testing

/// Which listening sockets are adopted, and how they are handed over as long as the app lives. The real servers are under load in
/// `LoadTests`.
@Suite(.serialized, .needsPython) struct AdoptTests: AdoptingSuite {
    let directory = TemporaryDirectory()

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
        try waitForAnswer(port: port, "1")
        #expect(occurrences(of: "generation 1 listens on tcp://127.0.0.1:\(port)", in: baton.error) == 3)
        let load = HTTPLoad(port: port)
        for number in 2...4 { try handOver(baton, port, to: number) }
        let result = load.stop()
        #expect(result.failed == 0, "\(result.failures)")
        try baton.stop(expecting: 0)
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
        try baton.stop(expecting: 0)
    }

    @Test(.enabled(if: access(Stand.staticServer, X_OK) == 0, "needs the static release build"))
    func aStaticProgramIsAdopted() throws {
        let port = freePort()
        let page = config
        let baton = try start([Stand.staticServer, page], ["PORT": "\(port)"])
        try baton.waitForError("generation 1 is ready")
        let load = HTTPLoad(port: port)
        for number in 1...3 {
            replaceFile(page, "number \(number)")
            try baton.waitForError("change \(number) is applied by handover")
            try waitUntil("an answer with it") { load.current.firstSeen["number \(number)"] != nil }
        }
        #expect(load.stop().failed == 0)
        try baton.stop(expecting: 0)
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
        try waitForAnswer(port: port, "1")
        let load = HTTPLoad(port: port)
        replaceFile(config, "1")
        try baton.waitForError("change 1:")
        try baton.waitForError("is applied by handover")
        try waitUntil("an answer of the second") { load.current.bodies["2"] != nil }
        let result = load.stop()
        #expect(result.failed == 0, "\(result.failures) \(baton.error.suffix(2000))")
        let events = baton.error.split(separator: "\n").filter {
            $0.contains("generation 1 is ready") || $0.contains("starting generation 2")
        }
        #expect(events.first?.contains("generation 1 is ready") == true && events.count == 2, "\(events)")
        try baton.stop(expecting: 0)
    }

    @Test func severalAddressesAreHandedOverTogether() throws {
        let (first, second) = (freePort(), freePort())
        // The second one comes late: until then clients of it stay with the old generation.
        let command = server("listening('127.0.0.1', \(first)); time.sleep(0.5); listening('127.0.0.1', \(second))")
        let baton = try start(command)
        try baton.waitForOutput("open")
        try waitForAnswer(port: second, "1")
        let load = HTTPLoad(port: second)
        try handOver(baton, first, to: 2)
        try waitUntil("an answer of the second") { load.current.bodies["2", default: 0] > 0 }
        #expect(load.stop().failed == 0)
        try baton.stop(expecting: 0)
    }

    /// As nginx and asyncio do: one socket for each family, on the same port.
    @Test(.enabled(if: Stand.hasIPv6, "needs IPv6"), arguments: Stand.isRoot ? [true, false] : [false])
    func aSocketForEachFamilyIsTwoSockets(_ isOtherUser: Bool) throws {
        let port = freePort()
        let command = server(
            """
            listening("::", \(port), family=socket.AF_INET6, options=[(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)])
            listening("0.0.0.0", \(port))
            """)
        chmod(directory.path, 0o755)
        let baton = try start(command, isOtherUser ? ["BATON_USER": "65534"] : [:])
        try baton.waitForOutput("open")
        for host in ["[::]", "0.0.0.0"] { try baton.waitForError("listens on tcp://\(host):\(port)") }
        try handOver(baton, port, to: 2)
        try baton.stop(expecting: 0)
    }

    @Test(.enabled(if: Stand.hasIPv6, "needs IPv6"), arguments: ["::", "::1", "::ffff:127.0.0.1"])
    func anIPv6SocketIsHandedOver(_ host: String) throws {
        let port = freePort()
        let baton = try start(
            server(
                "listening('\(host)', \(port), family=socket.AF_INET6, options=[(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)])"
            ))
        try baton.waitForError("generation 1 is ready")
        replaceFile(config, "2")
        try baton.waitForError("change 1 is applied by handover")
        if host != "::1" {
            try waitForAnswer(port: port, "2")
        }
        try baton.stop(expecting: 0)
    }

    // MARK: in the course of life

    /// Each generation's own socket, and one for all, as where steering is forbidden.
    static let sharing: [[String]] = [[], ["reuseport \(EPERM)"]]

    @Test(arguments: sharing) func anAddressThatIsGivenUpRefusesItsClientsAgain(_ missing: [String]) throws {
        let (port, extra) = (freePort(), freePort())
        let baton = try start(
            server("listening('127.0.0.1', \(port))\nif generation == '1': listening('127.0.0.1', \(extra))"),
            ["BATON_DRAIN_TIMEOUT": "3s"], without: missing)
        try baton.waitForOutput("open")
        try baton.waitForError("generation 1 is ready")
        #expect(try httpGet(port: extra).get() == "1")
        replaceFile(config, "2")
        try baton.waitForError("but not on tcp://127.0.0.1:\(extra)")
        try baton.waitForError("generation 1 exited")
        try waitUntil("a refusal") { (try? httpGet(port: extra).get()) == nil }
        #expect(RawConnection(port: extra) == nil)
        #expect(try httpGet(port: port).get() == "2")
        try baton.stop(expecting: 0)
    }

    @Test(arguments: sharing) func aCrashWithConnectionsWaitingServesThemAfterTheRestart(_ missing: [String]) throws {
        let port = freePort()
        let baton = try start(
            server(
                "listening('127.0.0.1', \(port))", serve: "signal.pause() if generation == '1' else serve(listeners)"),
            ["BATON_RESTART": "always"], without: missing)
        try baton.waitForOutput("open")
        let load = HTTPLoad(port: port, clients: 3)
        try waitUntil("a connection that waits") { baton.error.contains("listens on") }
        kill(try #require(children(of: baton.pid).first), SIGKILL)
        try waitUntil("answers of the second") { load.current.bodies["2", default: 0] > 10 }
        #expect(load.stop().failed == 0)
        try baton.stop(expecting: 0)
    }

    @Test func aProbeAsksTheAdoptedSocketOfTheNewGenerationAlone() throws {
        let port = freePort()
        writeFile(config, "0")
        let command = server(
            "listening('127.0.0.1', \(port))",
            // The second generation answers nobody.
            serve: "serve([] if generation == '2' else listeners)")
        let baton = try start(command, ["BATON_READY": "http:/ready", "BATON_READY_TIMEOUT": "2s"])
        try baton.waitForError("generation 1 is ready")
        let load = HTTPLoad(port: port)
        replaceFile(config, "2")
        try baton.waitForError("change 1 is rolled back")
        replaceFile(config, "3")
        try baton.waitForError("change 2 is applied by handover")
        try waitUntil("an answer of the third") { load.current.bodies["3", default: 0] > 0 }
        let result = load.stop()
        #expect(result.failed == 0 && result.bodies["2"] == nil, "\(result.failures)")
        try baton.stop(expecting: 0)
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
        #expect(!baton.error.contains("did not wait for connections"))
        try baton.stop()
    }
}
