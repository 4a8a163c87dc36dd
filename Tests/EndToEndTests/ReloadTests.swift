import Glibc
import TestSupport
import Testing

/// Which programs are told to reload by SIGHUP, and what becomes of those that end by it: real ones, on default settings.
@Suite(.serialized) struct ReloadTests {
    private let directory = TemporaryDirectory()
    private var config: String { directory.file("config") }

    /// A program of a runtime that catches SIGHUP whatever the app does, or of one that does so in some versions.
    struct Runtime: Sendable, CustomTestStringConvertible {
        let name: String
        /// All of it must be there.
        let programs: [String]
        /// - Parameter directory: where it may write, and where `page` is.
        let command: @Sendable (_ port: UInt16, _ directory: String) -> [String]
        /// In the log, where it catches the signal; nil: it does not.
        let reason: String?

        var testDescription: String { name }

        static let all = [
            Runtime(
                name: "Go", programs: ["prometheus-node-exporter"],
                command: { port, _ in
                    [
                        "prometheus-node-exporter", "--web.listen-address=127.0.0.1:\(port)", "--log.level=error",
                        "--collector.disable-defaults", "--collector.time",
                    ]
                }, reason: "is a Go program"),
            Runtime(
                name: "JVM", programs: ["java", "javac"],
                command: { port, directory in
                    writeFile(directory + "/Server.java", java)
                    return ["java", directory + "/Server.java", "\(port)"]
                }, reason: "runs in a JVM"),
            Runtime(
                name: "Ruby", programs: ["ruby"],
                command: { port, directory in
                    ["ruby", "-run", "-e", "httpd", "--", "-b", "127.0.0.1", "-p", "\(port)", directory]
                }, reason: "is a Ruby program"),
            Runtime(
                name: "PHP", programs: ["php"],
                command: { port, directory in ["php", "-S", "127.0.0.1:\(port)", "-t", directory] },
                reason: nil),
            Runtime(
                name: "shell", programs: ["sh", "python3"],
                command: { port, directory in
                    let server = "/usr/bin/python3 -m http.server --bind 127.0.0.1 --directory \(directory) \(port)"
                    return ["sh", "-c", "trap 'exit 0' HUP; trap 'kill $!; wait; exit 0' TERM; \(server) & wait"]
                }, reason: "is a shell"),
            Runtime(
                name: "npm", programs: ["npm", "node"],
                command: { port, directory in
                    writeFile(
                        directory + "/package.json", #"{"name": "app", "scripts": {"start": "node server.js"}}"#)
                    let server = NodeServer(socket: .own(port), answer: "response.end(\"x\")")
                    _ = server.write(to: directory + "/server.js")
                    return ["npm", "--prefix", directory, "start"]
                }, reason: nil),
        ]

        static let installed = all.filter { $0.programs.allSatisfy(Stand.has) }

        private static let java = """
            import com.sun.net.httpserver.HttpServer;
            import java.net.InetSocketAddress;
            public class Server {
                public static void main(String[] words) throws Exception {
                    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", Integer.parseInt(words[0])), 0);
                    server.createContext("/", exchange -> {
                        exchange.sendResponseHeaders(200, 1);
                        exchange.getResponseBody().write('x');
                        exchange.close();
                    });
                    server.start();
                }
            }
            """
    }

    private func start(_ command: [String], _ settings: [String: String] = [:]) throws -> RunningProcess {
        writeFile(config, "0")
        return try Stand.run(command, ["BATON_WATCH": config].merging(settings) { _, new in new })
    }

    private func answers(_ port: UInt16) -> Bool { (try? httpGet(port: port).get()) != nil }

    // MARK: handlers that prove nothing

    @Test(arguments: Runtime.installed) func aRuntimesHandlerIsNoReloadHandler(_ runtime: Runtime) throws {
        let port = freePort()
        writeFile(directory.file("index.html"), "x")
        let baton = try start(runtime.command(port, directory.path))
        try waitUntil("an answer", seconds: 60) { answers(port) }
        try baton.waitForError("generation 1 is ready")
        let load = HTTPLoad(port: port)
        replaceFile(config, "1")
        try baton.waitForError("change 1 is applied by handover", count: 1, seconds: 60)
        if let reason = runtime.reason {
            #expect(baton.error.contains("not sending HUP to generation 1"))
            #expect(baton.error.contains(reason), "\(baton.error.suffix(2000))")
        }
        let served = load.current.requests
        try waitUntil("answers of generation 2") { load.current.requests > served + 20 }
        let result = load.stop()
        #expect(result.failed == 0, "\(result.failures)")
        try baton.stop()
    }

    @Test(.needs("prometheus")) func aGoProgramThatIsKnownToReloadIsTold() throws {
        let port = freePort()
        let file = directory.file("prometheus.yml")
        writeFile(file, "global: {scrape_interval: 1m}\n")
        let baton = try Stand.run(
            [
                "prometheus", "--config.file=\(file)", "--storage.tsdb.path=\(directory.file("data"))",
                "--web.listen-address=127.0.0.1:\(port)",
            ], ["BATON_WATCH": file, "BATON_PROBATION": "0s"])
        try waitUntil("an answer", seconds: 60) { (try? httpGet(port: port, path: "/-/ready").get()) != nil }
        try baton.waitForError("generation 1 is ready")
        replaceFile(file, "global: {scrape_interval: 2m}\n")
        try baton.waitForError("change 1 is applied by reload")
        try baton.waitForError("Completed loading of configuration file", count: 2)
        #expect(!baton.error.contains("starting generation 2"))
        try baton.stop()
    }

    @Test(.needs("unicorn")) func aRubyProgramThatIsKnownToReloadIsTold() throws {
        let port = freePort()
        writeFile(directory.file("app.ru"), "run ->(_) { [200, {}, ['x']] }\n")
        writeFile(directory.file("unicorn.rb"), "listen '127.0.0.1:\(port)'\nworker_processes 1\n")
        let baton = try start(
            ["unicorn", "-c", directory.file("unicorn.rb"), directory.file("app.ru")], ["BATON_PROBATION": "0s"])
        try waitUntil("an answer", seconds: 60) { answers(port) }
        try baton.waitForError("generation 1 is ready")
        replaceFile(config, "1")
        try baton.waitForError("change 1 is applied by reload")
        try baton.waitForError("done reloading config_file")
        try baton.stop()
    }

    /// What the settings say is done, and told.
    @Test(.needs("prometheus-node-exporter")) func aReloadThatWasAskedForIsObeyed() throws {
        let port = freePort()
        let baton = try start(
            ["prometheus-node-exporter", "--web.listen-address=127.0.0.1:\(port)", "--log.level=error"],
            ["BATON_ON_CHANGE": "reload"])
        try waitUntil("an answer", seconds: 60) { answers(port) }
        try baton.waitForError("generation 1 is ready")
        replaceFile(config, "1")
        try baton.waitForError("sending HUP to generation 1, as the settings say, although it may end the app")
        #expect(try baton.wait() == 128 + SIGHUP)
    }

    // MARK: apps that end by their own handler

    /// A server in Python that exits with this code when it is told to reload.
    private func mortal(_ port: UInt16, code: Int = 0, after seconds: Double = 0, listens: Bool = true) -> [String] {
        writeFile(
            directory.file("server.py"),
            """
            import http.server, os, signal, sys, threading, time
            def end(*_):
                if \(seconds) > 0: threading.Timer(\(seconds), lambda: os._exit(\(code))).start()
                else: os._exit(\(code))
            signal.signal(signal.SIGHUP, end)
            signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
            class Handler(http.server.SimpleHTTPRequestHandler):
                def log_message(self, *_): pass
                def do_GET(self):
                    body = os.environ["BATON_GENERATION"].encode()
                    self.send_response(200); self.send_header("Content-Length", str(len(body))); self.end_headers()
                    self.wfile.write(body)
            print("ready", flush=True)
            if \(listens ? "True" : "False"): http.server.ThreadingHTTPServer(("127.0.0.1", \(port)), Handler).serve_forever()
            while True: signal.pause()
            """)
        return [Stand.python, directory.file("server.py")]
    }

    @Test(.needsPython, arguments: [(code: 0, after: 0.0), (code: 3, after: 0.0), (code: 0, after: 1.5)])
    func anAppThatEndsByItsReloadGoesOnWithTheNewConfiguration(_ code: Int, _ after: Double) throws {
        let port = freePort()
        let baton = try start(mortal(port, code: code, after: after))
        try baton.waitForError("generation 1 is ready")
        replaceFile(config, "1")
        try baton.waitForError("after its reload: restarting the app with the new configuration")
        try waitUntil("an answer of generation 2") { (try? httpGet(port: port).get()) == "2" }
        try baton.waitForError("generation 2 is ready")
        // It is not told again: the next change loses nothing.
        let load = HTTPLoad(port: port)
        replaceFile(config, "2")
        try baton.waitForError("change 2 is applied by handover")
        try waitUntil("an answer of generation 3") { load.current.bodies["3"] != nil }
        let result = load.stop()
        #expect(result.failed == 0, "\(result.failures)")
        #expect(occurrences(of: "after its reload", in: baton.error) == 1)
        try baton.stop()
    }

    @Test(.needsPython) func whereItsSocketsStayItsOwnItGoesOnToo() throws {
        let port = freePort()
        let baton = try start(mortal(port), ["BATON_ADOPT": "off"])
        try baton.waitForError("generation 1 is ready")
        replaceFile(config, "1")
        try waitUntil("an answer of generation 2") { (try? httpGet(port: port).get()) == "2" }
        try baton.stop()
    }

    @Test(.needsPython) func aJobThatEndsWellIsFinished() throws {
        let baton = try start(mortal(0, listens: false))
        try baton.waitForError("generation 1 is ready")
        replaceFile(config, "1")
        #expect(try baton.wait() == 0)
        #expect(!baton.error.contains("starting generation 2"))
    }

    @Test(.needsPython) func aServerOnAUnixSocketIsNoJob() throws {
        writeFile(
            directory.file("server.py"),
            """
            import os, signal, socket
            path = "\(directory.file("socket"))"
            if os.path.exists(path): os.unlink(path)
            signal.signal(signal.SIGHUP, lambda *_: os._exit(0))
            listener = socket.socket(socket.AF_UNIX); listener.bind(path); listener.listen(8)
            while True: listener.accept()[0].close()
            """)
        let baton = try start([Stand.python, directory.file("server.py")])
        try baton.waitForError("generation 1 is ready")
        replaceFile(config, "1")
        try baton.waitForError("generation 2 is ready")
        try baton.stop()
    }
}
