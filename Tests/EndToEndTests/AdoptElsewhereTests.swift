import Glibc
import TestSupport
import Testing

/// Apps with sockets in another network namespace than Baton's: what is reached only there must not be reached in Baton's.
@Suite(.serialized, .needsPython, .needsRoot, .needs("nsenter")) struct AdoptElsewhereTests: AdoptingSuite {
    let directory = TemporaryDirectory()

    /// - Parameter body: opens `listener`.
    private func server(elsewhere body: String) -> [String] {
        chmod(directory.path, 0o755)
        return server(
            """
            import ctypes, fcntl, struct
            libc = ctypes.CDLL(None, use_errno=True)
            def check(result):
                if result != 0: raise OSError(ctypes.get_errno(), "namespace")
            here = os.open("/proc/self/ns/net", os.O_RDONLY)
            def leave():
                check(libc.unshare(0x40000000))
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
                fcntl.ioctl(s, 0x8914, struct.pack("16sH14x", b"lo", 1)); s.close()
            def come_back(): check(libc.setns(here, 0))
            def plain():
                s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); return s
            def listen(s, port): s.bind(("127.0.0.1", port)); s.listen(64)
            \(body)
            print("process", os.getpid(), flush=True)
            """, serve: "serve_blocking(listener)")
    }

    private func isReachable(_ port: UInt16) -> Bool { (try? httpGet(port: port).get()) != nil }

    /// By somebody who enters the namespace that the app's first process is in.
    private func answerInside(_ app: pid_t, _ port: UInt16) throws -> String {
        let client = """
            import urllib.request
            print(urllib.request.urlopen("http://127.0.0.1:\(port)/", timeout=5).read().decode())
            """
        let inside = try RunningProcess(["nsenter", "-t", "\(app)", "-n", Stand.python, "-c", client])
        try inside.wait()
        return inside.output.trimmingNewline
    }

    private func app(_ baton: RunningProcess, _ generation: Int = 1) throws -> pid_t {
        try baton.waitForOutput("open", count: generation)
        let line = baton.output.split(separator: "\n").filter { $0.hasPrefix("process ") }.last ?? ""
        return try #require(pid_t(line.dropFirst(8)))
    }

    private static let elsewhere = "in another network namespace than Baton's"

    // MARK: elsewhere

    /// By the cookie of a copy; where it may not be copied or has no cookie, by where its thread is.
    @Test(arguments: [[], ["getfd"], ["cookie"], ["getfd", "cookie"]])
    func anAppInItsOwnNamespaceIsNotReachedFromOutside(_ missing: [String]) throws {
        let port = freePort()
        let command = server(elsewhere: "leave(); listener = plain(); listen(listener, \(port))")
        let baton = try start(command, without: missing)
        let first = try app(baton)
        #expect(!isReachable(port))
        #expect(try answerInside(first, port) == "1")
        try baton.waitForError("generation 1 is ready")
        #expect(!baton.error.contains("listens on tcp"))
        // Each generation in its own: they do not meet.
        replaceFile(config, "2")
        try baton.waitForError("change 1 is applied by handover")
        let second = try app(baton, 2)
        #expect(try answerInside(second, port) == "2")
        #expect(!isReachable(port))
        #expect(occurrences(of: AdoptElsewhereTests.elsewhere, in: baton.error) == 1, "\(baton.error)")
        try baton.stop(expecting: 0)
    }

    @Test func autoRestartsItAtAChange() throws {
        let port = freePort()
        let command = ["unshare", "-n"] + server(elsewhere: "leave(); listener = plain(); listen(listener, \(port))")
        let baton = try start(command, ["BATON_ON_CHANGE": "auto"])
        let first = try app(baton)
        #expect(try answerInside(first, port) == "1" && !isReachable(port))
        try baton.waitForError("generation 1 is ready")
        replaceFile(config, "2")
        try baton.waitForError("change 1 is applied by restart")
        #expect(try answerInside(try app(baton, 2), port) == "2" && !isReachable(port))
        try baton.stop(expecting: 0)
    }

    /// The socket stays where it was made, wherever its maker goes.
    @Test func aSocketThatWasMadeElsewhereStaysThereWhenItsMakerComesBack() throws {
        let port = freePort()
        let command = server(
            elsewhere: """
                leave(); listener = plain()
                # Somebody for the test to enter the namespace by.
                if os.fork() == 0:
                    print("inside", os.getpid(), flush=True); signal.pause()
                come_back(); listen(listener, \(port))
                """)
        let baton = try start(command)
        _ = try app(baton)
        try baton.waitForOutput("inside")
        #expect(!isReachable(port))
        let inside = Stand.line("inside", in: baton.output).flatMap { pid_t($0) }
        #expect(try answerInside(try #require(inside), port) == "1")
        #expect(baton.error.contains(AdoptElsewhereTests.elsewhere), "\(baton.error)")
        try baton.stop()
    }

    @Test func aSocketThatWasMadeHereIsAdoptedWhereverItsMakerIs() throws {
        let port = freePort()
        let command = server(elsewhere: "listener = plain(); leave(); listen(listener, \(port))")
        let baton = try start(command)
        _ = try app(baton)
        try waitForAnswer(port: port, "1")
        try baton.waitForError("generation 1 is ready")
        #expect(baton.error.contains("generation 1 listens on tcp://127.0.0.1:\(port)"), "\(baton.error)")
        replaceFile(config, "2")
        try baton.waitForError("change 1 is applied by handover")
        try waitForAnswer(port: port, "2")
        try baton.stop(expecting: 0)
    }

    /// One thread is elsewhere, the others are not.
    @Test(arguments: [[], ["getfd"]]) func theThreadThatCallsCounts(_ missing: [String]) throws {
        let (port, own) = (freePort(), freePort())
        let command = server(
            elsewhere: """
                import threading
                def work():
                    global other
                    leave(); other = plain(); listen(other, \(port))
                thread = threading.Thread(target=work); thread.start(); thread.join()
                listener = plain(); listen(listener, \(own))
                """)
        let baton = try start(command, without: missing)
        _ = try app(baton)
        try waitUntil("an answer") { (try? httpGet(port: own).get()) == "1" }
        #expect(!isReachable(port))
        #expect(baton.error.contains("listens on tcp://127.0.0.1:\(own)"))
        #expect(
            baton.error.contains("binds tcp://127.0.0.1:\(port) \(AdoptElsewhereTests.elsewhere)"), "\(baton.error)")
        try baton.stop(expecting: 0)
    }

    // MARK: users, BATON_LISTEN

    /// With a capability for namespaces, and in a user namespace of its own, into which Baton may not look.
    @Test(arguments: [true, false]) func anAppOfAnotherUserIsNotReachedFromOutside(_ isCapable: Bool) throws {
        let port = freePort()
        let command = server(
            elsewhere:
                "\(isCapable ? "" : "check(libc.unshare(0x10000000)); ")leave(); listener = plain(); listen(listener, \(port))"
        )
        let settings = ["BATON_USER": "65534", "BATON_ON_CHANGE": "handover"]
        let baton = try start(
            command, isCapable ? settings.merging(["BATON_CAPS": "^cap_sys_admin,^cap_net_admin"]) { $1 } : settings)
        let first = try app(baton)
        #expect(!isReachable(port))
        #expect(try answerInside(first, port) == "1")
        #expect(!baton.error.contains("listens on tcp"))
        try baton.stop()
    }

    @Test func theSocketOfBatonListenIsNotPutIntoAnotherNamespace() throws {
        let port = freePort()
        let command = server(elsewhere: "leave(); listener = plain(); listen(listener, \(port))")
        let baton = try start(
            command,
            ["BATON_LISTEN": "tcp://127.0.0.1:\(port)", "BATON_ADOPT": "on", "BATON_ON_CHANGE": "handover"])
        let first = try app(baton)
        #expect(try answerInside(first, port) == "1")
        #expect(baton.error.contains(AdoptElsewhereTests.elsewhere), "\(baton.error)")
        #expect(!baton.error.contains("generation 1 listens on"))
        try baton.stop()
    }
}

extension String {
    fileprivate var trimmingNewline: String { hasSuffix("\n") ? String(dropLast()) : self }
}
