import Glibc
import TestSupport
import Testing

/// A main process that exits while another one, which it has left behind, serves: real servers that replace themselves.
@Suite(.serialized) struct SuccessionTests {
    private let directory = TemporaryDirectory()
    private var config: String { directory.file("config") }
    private static let replaced = "that is the main process now"

    private func answer(_ port: UInt16) -> String? { try? httpGet(port: port).get() }

    /// The main process of generation 1, as Baton's log names it last.
    private func successor(_ baton: RunningProcess) -> pid_t? {
        let line = baton.error.split(separator: "\n").last { $0.contains(SuccessionTests.replaced) }
        return line.flatMap { line in
            line.split(separator: " ").first { $0.hasPrefix("pid=") }.flatMap { pid_t($0.dropFirst(4)) }
        }
    }

    // MARK: hypnotoad

    private func hypnotoad(_ port: UInt16, _ settings: [String: String]) throws -> RunningProcess {
        writeFile(config, "0")
        writeFile(
            directory.file("app.pl"),
            """
            use Mojolicious::Lite -signatures;
            open my $file, '<', '\(config)' or die; my $text = <$file>; close $file;
            app->config(hypnotoad => {
              listen => ['http://127.0.0.1:\(port)'], workers => 2, pid_file => '\(directory.file("pid"))'});
            get '/' => sub ($c) { $c->render(text => $text) };
            app->start;
            """)
        let baton = try Stand.run(
            ["hypnotoad", "-f", directory.file("app.pl")], ["BATON_WATCH": config].merging(settings) { _, new in new })
        try waitUntil("an answer", seconds: 60) { answer(port) == "0" }
        try baton.waitForError("generation 1 is ready")
        return baton
    }

    @Test(.needs("hypnotoad")) func hypnotoadIsToldToReplaceItself() throws {
        let port = freePort()
        let baton = try hypnotoad(port, ["BATON_ON_CHANGE": "reload", "BATON_RELOAD_SIGNAL": "USR2"])
        let load = HTTPLoad(port: port)
        for number in 1...2 {
            replaceFile(config, "\(number)")
            try baton.waitForError(SuccessionTests.replaced, count: number)
            try baton.waitForError("change \(number) is applied by reload")
            #expect(answer(port) == "\(number)")
        }
        let result = load.stop()
        #expect(result.failed == 0, "\(result.failures)")
        try baton.stop(expecting: 0)
        #expect(answer(port) == nil)
    }

    /// The second copy finds the pid file of the first, tells it to replace itself, and exits.
    @Test(.needs("hypnotoad")) func aSecondCopyOfHypnotoadEndsNothing() throws {
        let port = freePort()
        let baton = try hypnotoad(port, ["BATON_ON_CHANGE": "handover"])
        let load = HTTPLoad(port: port)
        replaceFile(config, "1")
        try baton.waitForError("is no second copy")
        try baton.waitForError(SuccessionTests.replaced)
        try waitUntil("an answer with the new configuration") { answer(port) == "1" }
        let result = load.stop()
        #expect(result.failed == 0, "\(result.failures)")
        try baton.stop(expecting: 0)
    }

    // MARK: binary upgrades by hand

    /// Upgrades the running main process as its manual says: USR2, then another signal for the old one once the new one is there.
    private func upgrade(_ baton: RunningProcess, _ port: UInt16, by signal: Int32) throws {
        try waitUntil("an answer", seconds: 60) { answer(port) != nil }
        try baton.waitForError("generation 1 is ready")
        let load = HTTPLoad(port: port)
        for number in 1...2 {
            let old = try #require(children(of: baton.pid).first)
            kill(old, SIGUSR2)
            var new: pid_t?
            try waitUntil("a second main process with a worker", seconds: 60) {
                new = children(of: old).first { !children(of: $0).isEmpty }
                return new != nil
            }
            kill(old, signal)
            try baton.waitForError(SuccessionTests.replaced, count: number)
            #expect(successor(baton) == new)
            let served = load.current.requests
            try waitUntil("answers of the new one") { load.current.requests > served + 20 }
        }
        let result = load.stop()
        #expect(result.failed == 0, "\(result.failures)")
        try baton.stop(expecting: 0)
        #expect(answer(port) == nil)
    }

    @Test(.needs("unicorn")) func unicornIsUpgraded() throws {
        let port = freePort()
        writeFile(directory.file("app.ru"), "run ->(_) { [200, {}, ['x']] }\n")
        writeFile(
            directory.file("unicorn.rb"),
            "listen '127.0.0.1:\(port)'\nworker_processes 1\npid '\(directory.file("pid"))'\n")
        writeFile(config, "0")
        let baton = try Stand.run(
            ["unicorn", "-c", directory.file("unicorn.rb"), directory.file("app.ru")], ["BATON_WATCH": config])
        try upgrade(baton, port, by: SIGQUIT)
    }

    @Test(.needs("gunicorn"), arguments: ["handover", "reload"]) func gunicornIsUpgraded(_ onChange: String) throws {
        let port = freePort()
        let site = RealServer.Site(port: port, volume: directory.path, scratch: directory.path)
        for (name, text) in RealServer.gunicorn.files(site, .own) { writeFile(directory.file(name), text) }
        writeFile(directory.file("page"), "x")
        let baton = try Stand.run(
            RealServer.gunicorn.command(site, .own),
            ["BATON_WATCH": directory.file("page"), "BATON_ON_CHANGE": onChange])
        try upgrade(baton, port, by: SIGTERM)
    }

    // MARK: an app that makes itself a daemon

    /// How it comes by its socket, and whom it runs as.
    struct Place: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let settings: [String: String]
        var isHanded = false
        var needsRoot = false

        static let all = [
            Place(testDescription: "adopted", settings: [:]),
            Place(testDescription: "its own", settings: ["BATON_ADOPT": "off", "BATON_ON_CHANGE": "reload"]),
            Place(testDescription: "handed", settings: [:], isHanded: true),
            Place(testDescription: "of another user", settings: ["BATON_USER": "65534"], needsRoot: true),
        ]
        static let possible = all.filter { Stand.isRoot || !$0.needsRoot }
    }

    /// At SIGUSR1 a child in a session of its own goes on, and the process exits; at SIGTERM it exits with 7. Each answers with its pid.
    private func daemon(_ port: UInt16, exit code: Int = 0) -> [String] {
        [
            Stand.python, "-c",
            """
            import os, signal, socket
            def replace(*_):
                if os.fork(): os._exit(\(code))
                os.setsid()
            signal.signal(signal.SIGUSR1, replace)
            signal.signal(signal.SIGTERM, lambda *_: os._exit(7))
            if "LISTEN_FDS" in os.environ: listener = socket.socket(fileno=3)
            else:
                listener = socket.socket(); listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                listener.bind(("127.0.0.1", \(port))); listener.listen(64)
            while True:
                connection, _ = listener.accept()
                connection.recv(4096)
                body = str(os.getpid())
                connection.sendall(f"HTTP/1.1 200 OK\\r\\nConnection: close\\r\\nContent-Length: {len(body)}\\r\\n\\r\\n{body}".encode())
                connection.close()
            """,
        ]
    }

    @Test(.needsPython, arguments: Place.possible) func aDaemonsSocketTellsThatItServes(_ place: Place) throws {
        let port = freePort()
        writeFile(config, "0")
        var settings = ["BATON_WATCH": config].merging(place.settings) { _, new in new }
        if place.isHanded { settings["BATON_LISTEN"] = "tcp://127.0.0.1:\(port)" }
        let baton = try Stand.run(daemon(port), settings)
        try waitUntil("an answer") { answer(port) != nil }
        try baton.waitForError("generation 1 is ready")
        for number in 1...3 {
            let old = try #require(answer(port))
            baton.signal(SIGUSR1)
            try baton.waitForError(SuccessionTests.replaced, count: number)
            let new = try #require(answer(port))
            #expect(new != old)
            #expect(successor(baton).map { "\($0)" } == new)
        }
        // It gets the signals, and its exit code is Baton's.
        try baton.stop(expecting: 7)
    }

    @Test(.needsRoot, .needsPython) func asPID1() throws {
        let port = freePort()
        writeFile(config, "0")
        let baton = try Stand.runAsPID1(daemon(port), ["BATON_WATCH": config])
        try waitUntil("an answer") { answer(port) != nil }
        try baton.outer.waitForError("generation 1 is ready")
        try baton.signal(SIGUSR1)
        try baton.outer.waitForError(SuccessionTests.replaced)
        #expect(answer(port) != nil)
        try baton.stop(expecting: 7)
    }

    // MARK: no successors

    @Test(.needsPython) func anAppThatFailsIsNotReplaced() throws {
        let port = freePort()
        writeFile(config, "0")
        let baton = try Stand.run(daemon(port, exit: 3), ["BATON_WATCH": config])
        try waitUntil("an answer") { answer(port) != nil }
        try baton.waitForError("generation 1 is ready")
        baton.signal(SIGUSR1)
        #expect(try baton.wait() == 3)
        #expect(!baton.error.contains(SuccessionTests.replaced))
    }

    /// A job that has started a server for itself, and has served too, ends when it is done.
    @Test(.needsPython, arguments: [[:], ["BATON_ADOPT": "off", "BATON_ON_CHANGE": "reload"]])
    func aHelperWithASocketOfItsOwnIsNoSuccessor(_ settings: [String: String]) throws {
        let ports = (job: freePort(), helper: freePort())
        writeFile(config, "0")
        let baton = try Stand.run(
            [
                Stand.python, "-c",
                """
                import os, signal, socket, subprocess, sys
                def listen(port):
                    listener = socket.socket(); listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    listener.bind(("127.0.0.1", port)); listener.listen(8)
                    return listener
                if os.fork() == 0:
                    helper = listen(\(ports.helper))
                    while True: helper.accept()[0].close()
                signal.signal(signal.SIGUSR1, lambda *_: os._exit(0))
                job = listen(\(ports.job))
                while True: job.accept()[0].close()
                """,
            ], ["BATON_WATCH": config].merging(settings) { _, new in new })
        try baton.waitForError("generation 1 is ready")
        try waitUntil("the helper listens") { readFile("/proc/net/tcp").contains(format(ports.helper)) }
        baton.signal(SIGUSR1)
        #expect(try baton.wait() == 0)
        #expect(!baton.error.contains(SuccessionTests.replaced))
    }

    /// A port as /proc/net/tcp has it, on the loopback address.
    private func format(_ port: UInt16) -> String {
        let digits = String(port, radix: 16, uppercase: true)
        return "0100007F:" + String(repeating: "0", count: 4 - digits.count) + digits
    }
}
