import Glibc
import TestSupport
import Testing

/// Ready by looking: Baton as an ordinary user, who may look at its own processes.
@Suite(.serialized) struct LookTests {
    private let directory = TemporaryDirectory()

    private func asNobody(_ command: [String], _ settings: [String: String]) throws -> RunningProcess {
        try Stand.runAsNobody(command, settings, withoutNewPrivileges: true)
    }

    /// Each begins to wait a second and a half after its start, which no proof by age would wait for.
    private static let late = "sleep 1.5; exec \"$@\""

    static let waysToWait = ["epoll", "poll", "accept", "select", "accept in a thread of a child"]

    private func server(_ way: String) -> [String] {
        let python = """
            import socket, select, sys, threading, os, time
            s = socket.socket(fileno=3)
            way = sys.argv[1]
            def serve():
                while True:
                    c, _ = s.accept(); c.recv(4096)
                    c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\nConnection: close\\r\\n\\r\\nok"); c.close()
            if way == "epoll":
                e = select.epoll(); e.register(3, select.EPOLLIN); e.poll()
            elif way == "poll":
                p = select.poll(); p.register(3, select.POLLIN); p.poll()
            elif way == "select":
                select.select([3], [], [])
            elif way.endswith("child"):
                if os.fork() == 0:
                    threading.Thread(target=serve).start()
                    time.sleep(100)
                os.wait()
            serve()
            """
        writeFile(directory.file("server.py"), python)
        return ["sh", "-c", Self.late, "sh", Stand.python, directory.file("server.py"), way]
    }

    @Test(
        .needs("setpriv"), .needsPython,
        arguments: waysToWait)
    func aGenerationIsReadyOnceItWaitsForConnections(_ way: String) throws {
        let port = freePort()
        let baton = try asNobody(server(way), ["BATON_LISTEN": "tcp://127.0.0.1:\(port)"])
        try baton.waitForError("generation 1 is ready")
        #expect(!baton.error.contains("cannot check whether") && !baton.error.contains("did not wait for connections"))
        let seconds = baton.error.split(separator: "\n").first { $0.contains("is ready") }?.split(separator: "=").last
            .flatMap { Double($0) }
        #expect(try #require(seconds) >= 1.5)
        #expect(try httpGet(port: port).get() == "ok")
        try baton.stop()
    }

    @Test(.needs("setpriv"), .needs("node")) func aSuccessorThatIgnoresItsSocketIsGivenUpInThoseWords() throws {
        let path = directory.file("app.js")
        func write(_ descriptor: Int) {
            let socket: NodeServer.Socket = descriptor == 3 ? .handed : .own(0)
            _ = NodeServer(socket: socket, answer: "response.end(\"\(descriptor)\")").write(to: path)
        }
        write(3)
        let port = freePort()
        let baton = try asNobody(
            ["node", path],
            [
                "BATON_LISTEN": "tcp://127.0.0.1:\(port)", "BATON_WATCH": path, "BATON_ON_CHANGE": "handover",
                "BATON_READY_TIMEOUT": "2s",
            ])
        try baton.waitForError("generation 1 is ready")
        write(0)
        try baton.waitForError("it did not wait for connections on its listening socket within 2s")
        #expect(try httpGet(port: port).get() == "3")
        try baton.stop()
    }

    @Test(.needs("setpriv")) func aFirstGenerationThatIgnoresItsSocketIsToldAbout() throws {
        let baton = try asNobody(["sleep", "100"], ["BATON_LISTEN": "tcp://127.0.0.1:0"])
        try baton.waitForError("did not wait for connections on its listening socket within 5s")
        try baton.waitForError("generation 1 is ready")
        try baton.stop(expecting: 143)
    }

    /// Not dumpable: nobody without a right over everybody may look into it (prctl(2), PR_SET_DUMPABLE).
    @Test(.needs("setpriv"), .needsPython)
    func whereBatonMayNotLookItSaysSo() throws {
        let hidden = "import ctypes, time; ctypes.CDLL(None).prctl(4, 0, 0, 0, 0); time.sleep(100)"
        let baton = try asNobody([Stand.python, "-c", hidden], ["BATON_LISTEN": "tcp://127.0.0.1:0"])
        try baton.waitForError(" waits for connections (cannot ")
        try baton.waitForError("generation 1 is ready after 1")
        try baton.stop(expecting: 143)
    }

    /// Root's app has more in effect than Baton keeps for itself, and `BATON_USER`'s is somebody else's.
    @Test(
        .needsRoot, .needs("node"),
        arguments: [[:], ["BATON_USER": "65534"], ["BATON_USER": "65534", "BATON_CAPS": "^cap_net_bind_service"]])
    func anAppOfAnotherRankIsLookedAtAllTheSame(_ settings: [String: String]) throws {
        chmod(directory.path, 0o755)
        let port = freePort()
        let server = NodeServer(socket: .handed, answer: "response.end(\"ok\")", delay: 1500)
        let baton = try Stand.run(
            server.write(to: directory.file("app.js")),
            settings.merging(["BATON_LISTEN": "tcp://127.0.0.1:\(port)", "BATON_PARENT_DEATH_SIGNAL": "TERM"]) {
                own, _ in own
            })
        try baton.waitForError("generation 1 is ready")
        let seconds = baton.error.split(separator: "\n").first { $0.contains("is ready") }?.split(separator: "=").last
            .flatMap { Double($0) }
        #expect(try #require(seconds) >= 1.5)
        #expect(try httpGet(port: port).get() == "ok")
        #expect(!baton.error.contains("cannot check whether"))
        try baton.stop()
    }
}
