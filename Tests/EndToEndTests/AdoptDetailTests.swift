import Glibc
import TestSupport
import Testing

/// What an adopted app keeps of its own: options that it has set, and calls that are none of Baton's business.
@Suite(.serialized, .needsPython) struct AdoptDetailTests: AdoptingSuite {
    let directory = TemporaryDirectory()

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
        try baton.stop(expecting: 0)
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
        try baton.stop(expecting: 0)
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
        replaceFile(config, "2")
        try baton.waitForError("change 1 is rolled back")
        #expect(try httpGet(port: port).get() == "1")
        try baton.stop(expecting: 0)
    }

    @Test func anAddressThatIsTakenIsRefusedAsEver() throws {
        let foreign = try ListeningSocket()
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
        try baton.stop(expecting: 0)
    }
}
