import Glibc
import TestSupport
import Testing

/// Real servers, unmodified, through twenty handovers with clients that ask without pause: with a connection for each request,
/// and with connections that are used a hundred times, as pools of clients do.
@Suite(.serialized) struct LoadTests {
    private let directory = TemporaryDirectory()
    static let requestsPerConnection = [1, 100]

    /// - Parameter change: lays down the configuration of this number.
    private func expectNothingLost(
        _ name: String, _ command: [String], port: UInt16, _ settings: [String: String], requestsPerConnection: Int,
        change: (Int) -> Void, text: (Int) -> String
    ) throws {
        change(0)
        let baton = try Stand.run(
            command, settings.merging(["BATON_LISTEN": "tcp://127.0.0.1:\(port)"]) { own, _ in own })
        try baton.waitForError("generation 1 is ready")
        let load = HTTPLoad(port: port, requestsPerConnection: requestsPerConnection)
        for number in 1...20 {
            change(number)
            try baton.waitForError("change \(number) is applied by handover")
            try waitUntil("an answer with the new configuration") { load.current.firstSeen[text(number)] != nil }
            try waitUntil("a thousand requests for each handover") { load.current.requests >= number * 1000 }
        }
        try baton.waitForError("after its drain", count: 20, seconds: 40)
        let result = load.stop()
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0)
        print(
            "load: \(name), \(requestsPerConnection) a connection: 20 handovers, \(result.requests) requests, \(result.failed) failed"
        )
        #expect(result.failed == 0 && result.requests >= 20_000, "\(result.failures)\n\(baton.error.suffix(3000))")
        #expect(!baton.error.contains("cut off"))
    }

    @Test func theDemoServerLosesNothing() throws {
        let volume = KubeletVolume(directory.file("config"))
        try expectNothingLost(
            "demo server", [Stand.server, volume.directory + "/page"], port: freePort(),
            ["BATON_WATCH": volume.directory],
            requestsPerConnection: 1, change: { volume.write(["page": "number \($0)"]) }, text: { "number \($0)" })
    }

    /// One socket for all generations, as without steering.
    @Test func aSharedSocketLosesNoNewConnection() throws {
        let volume = KubeletVolume(directory.file("config"))
        try expectNothingLost(
            "demo server, shared socket", [Stand.server, volume.directory + "/page"], port: freePort(),
            ["BATON_WATCH": volume.directory, "BATON_STEER": "off"],
            requestsPerConnection: 1, change: { volume.write(["page": "number \($0)"]) }, text: { "number \($0)" })
    }

    @Test(.needs("nginx"), arguments: requestsPerConnection) func nginxLosesNothing(_ requestsPerConnection: Int) throws
    {
        let port = freePort()
        let volume = KubeletVolume(directory.file("config"))
        func configuration(_ number: Int) -> [String: String] {
            [
                "nginx.conf": """
                daemon off; worker_processes 2; error_log \(directory.path)/error.log; pid \(directory.path)/nginx.pid;
                events { worker_connections 256; }
                http { access_log off; keepalive_requests 1000000;
                  client_body_temp_path \(directory.path)/t1; proxy_temp_path \(directory.path)/t2;
                  fastcgi_temp_path \(directory.path)/t3; uwsgi_temp_path \(directory.path)/t4; scgi_temp_path \(directory.path)/t5;
                  server { listen 127.0.0.1:\(port); location / { return 200 "nginx \(number)"; } } }
                """
            ]
        }
        try expectNothingLost(
            "nginx", [Stand.find("nginx") ?? "nginx", "-c", volume.directory + "/nginx.conf"], port: port,
            ["BATON_WATCH": volume.directory, "BATON_ON_CHANGE": "handover", "BATON_DRAIN_SIGNAL": "QUIT"],
            requestsPerConnection: requestsPerConnection, change: { volume.write(configuration($0)) },
            text: { "nginx \($0)" })
    }

    @Test(.needs("gunicorn"), arguments: requestsPerConnection) func gunicornLosesNothing(_ requestsPerConnection: Int)
        throws
    {
        let volume = KubeletVolume(directory.file("config"))
        writeFile(
            directory.file("app.py"),
            """
            page = open("\(volume.directory)/page", "rb").read()
            def app(environ, start_response):
                start_response("200 OK", [("Content-Length", str(len(page)))])
                return [page]
            """)
        let port = freePort()
        try expectNothingLost(
            "gunicorn",
            [
                "gunicorn", "--chdir", directory.path, "-w", "2", "-k", requestsPerConnection == 1 ? "sync" : "gthread",
                "--threads", "4",
                "--log-level", "error", "-b", "127.0.0.1:\(port)", "app:app",
            ],
            port: port, ["BATON_WATCH": volume.directory, "BATON_ON_CHANGE": "handover"],
            requestsPerConnection: requestsPerConnection, change: { volume.write(["page": "gunicorn \($0)"]) },
            text: { "gunicorn \($0)" })
    }

    @Test(.needs("node"), arguments: requestsPerConnection) func nodeLosesNothing(_ requestsPerConnection: Int) throws {
        let volume = KubeletVolume(directory.file("config"))
        writeFile(directory.file("app.js"), Self.nodeProgram(page: volume.directory + "/page", descriptor: "3"))
        try expectNothingLost(
            "node", ["node", directory.file("app.js")], port: freePort(),
            ["BATON_WATCH": volume.directory, "BATON_ON_CHANGE": "handover"],
            requestsPerConnection: requestsPerConnection, change: { volume.write(["page": "node \($0)"]) },
            text: { "node \($0)" })
    }

    @Test(.needs("haproxy"), arguments: requestsPerConnection) func haproxyLosesNothing(_ requestsPerConnection: Int)
        throws
    {
        let volume = KubeletVolume(directory.file("config"))
        func configuration(_ number: Int) -> [String: String] {
            [
                "haproxy.cfg": """
                global
                    maxconn 256
                defaults
                    mode http
                    timeout client 30s
                    timeout connect 5s
                    timeout server 30s
                frontend main
                    bind "fd@${BATON_FD_HTTP}"
                    http-request return status 200 content-type text/plain string "haproxy \(number)"

                """
            ]
        }
        let port = freePort()
        try expectNothingLost(
            "haproxy", [Stand.find("haproxy") ?? "haproxy", "-db", "-f", volume.directory + "/haproxy.cfg"], port: port,
            [
                "BATON_LISTEN": "http=tcp://127.0.0.1:\(port)", "BATON_WATCH": volume.directory,
                "BATON_ON_CHANGE": "handover",
                "BATON_DRAIN_SIGNAL": "USR1",
            ],
            requestsPerConnection: requestsPerConnection, change: { volume.write(configuration($0)) },
            text: { "haproxy \($0)" })
    }

    @Test(.needs("uvicorn"), arguments: requestsPerConnection) func uvicornLosesNothing(_ requestsPerConnection: Int)
        throws
    {
        let volume = KubeletVolume(directory.file("config"))
        writeFile(
            directory.file("app.py"),
            """
            page = open("\(volume.directory)/page", "rb").read()
            async def app(scope, receive, send):
                if scope["type"] != "http":
                    return
                await send({"type": "http.response.start", "status": 200,
                            "headers": [(b"content-length", str(len(page)).encode())]})
                await send({"type": "http.response.body", "body": page})
            """)
        let port = freePort()
        try expectNothingLost(
            "uvicorn",
            [
                "uvicorn", "--app-dir", directory.path, "--log-level", "error", "--lifespan", "off", "--fd", "3",
                "app:app",
            ],
            port: port, ["BATON_WATCH": volume.directory, "BATON_ON_CHANGE": "handover"],
            requestsPerConnection: requestsPerConnection, change: { volume.write(["page": "uvicorn \($0)"]) },
            text: { "uvicorn \($0)" })
    }

    /// Not of Baton: what the same clients meet at the same server under Server::Starter, in the same run, for the table in
    /// the README. What is lost is printed and not judged.
    @Test(.needs("start_server"), .needs("node"), arguments: requestsPerConnection)
    func serverStarterForComparison(_ requestsPerConnection: Int) throws {
        let page = directory.file("page")
        replaceFile(page, "node 0")
        writeFile(
            directory.file("app.js"),
            Self.nodeProgram(page: page, descriptor: "Number(process.env.SERVER_STARTER_PORT.split('=')[1])"))
        let port = freePort()
        let starter = try RunningProcess(
            [
                "start_server", "--port=127.0.0.1:\(port)", "--signal-on-hup=TERM", "--", "node",
                directory.file("app.js"),
            ])
        try waitUntil("the first answer") { (try? httpGet(port: port).get()) == "node 0" }
        let load = HTTPLoad(port: port, requestsPerConnection: requestsPerConnection)
        for number in 1...20 {
            replaceFile(page, "node \(number)")
            starter.signal(SIGHUP)
            try waitUntil("an answer with the new configuration") { load.current.firstSeen["node \(number)"] != nil }
            try waitUntil("a thousand requests for each restart") { load.current.requests >= number * 1000 }
        }
        let result = load.stop()
        starter.signal(SIGTERM)
        try starter.wait()
        print(
            "load: Server::Starter with node, \(requestsPerConnection) a connection: 20 restarts, \(result.requests) requests, \(result.failed) failed"
        )
        #expect(result.requests >= 20_000)
    }

    private static func nodeProgram(page: String, descriptor: String) -> String {
        """
        const page = require("fs").readFileSync("\(page)");
        const server = require("http").createServer((request, response) => {
          response.setHeader("Content-Length", page.length);
          response.end(page);
        });
        server.keepAliveTimeout = 600000;
        server.listen({ fd: \(descriptor) });
        process.on("SIGTERM", () => server.close(() => process.exit(0)));
        """
    }

    // MARK: steering

    private func nodeServer(_ page: String) -> [String] {
        writeFile(directory.file("app.js"), Self.nodeProgram(page: page, descriptor: "3"))
        return ["node", directory.file("app.js")]
    }

    @Test(.needs("node"), arguments: ["delay:1s", "exec:false"]) func nobodyReachesAGenerationBeforeItIsReady(
        _ ready: String
    ) throws {
        let volume = KubeletVolume(directory.file("config"))
        volume.write(["page": "old"])
        let port = freePort()
        // The second generation never gets ready by a check that only the first one passes.
        let check = ready == "exec:false" ? "exec:sh -c 'test $BATON_GENERATION = 1'" : ready
        let baton = try Stand.run(
            nodeServer(volume.directory + "/page"),
            [
                "BATON_LISTEN": "tcp://127.0.0.1:\(port)", "BATON_WATCH": volume.directory,
                "BATON_ON_CHANGE": "handover",
                "BATON_READY": check, "BATON_READY_TIMEOUT": "2s",
            ])
        try baton.waitForError("generation 1 is ready")
        let load = HTTPLoad(port: port)
        try waitUntil("answers from the old one") { load.current.bodies["old", default: 0] > 100 }
        volume.write(["page": "new"])
        let isExpectedToFail = ready == "exec:false"
        try baton.waitForError(isExpectedToFail ? "change 1 is rolled back" : "generation 2 is ready")
        if isExpectedToFail {
            let requests = load.current.requests
            try waitUntil("more answers") { load.current.requests > requests + 500 }
        }
        let result = load.stop()
        #expect(result.failed == 0 && result.requests > 1000)
        if isExpectedToFail { #expect(result.bodies["new"] == nil) }
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0)
    }

    /// The third kind of clients: they never close. Nothing is lost before the drain timeout, and what is open then is told.
    @Test(.needs("node")) func clientsThatNeverCloseAreKeptUntilTheDrainTimeout() throws {
        let volume = KubeletVolume(directory.file("config"))
        volume.write(["page": "old"])
        let port = freePort()
        let baton = try Stand.run(
            nodeServer(volume.directory + "/page"),
            [
                "BATON_LISTEN": "tcp://127.0.0.1:\(port)", "BATON_WATCH": volume.directory,
                "BATON_ON_CHANGE": "handover",
                "BATON_DRAIN_TIMEOUT": "4s",
            ])
        try baton.waitForError("generation 1 is ready")
        let load = HTTPLoad(port: port, clients: 6, requestsPerConnection: .max)
        try waitUntil("answers") { load.current.requests > 1000 }
        volume.write(["page": "new"])
        try baton.waitForError("generation 1 drains: new connections go elsewhere")
        let requests = load.current.requests
        try waitUntil("answers while it drains") { load.current.requests > requests + 1000 }
        #expect(load.current.failed == 0 && load.current.bodies["new"] == nil)
        try baton.waitForError("still has 6 connections")
        try baton.waitForError("told to finish all the same")
        try baton.waitForError("generation 1 exited with code 0 after its drain")
        try waitUntil("answers from the new one") { load.current.bodies["new", default: 0] > 100 }
        let result = load.stop()
        #expect(result.failed <= 6, "\(result.failures)")
        baton.signal(SIGTERM)
        try baton.wait()
    }

    @Test func manyHandoversLeaveNothingBehind() throws {
        let volume = KubeletVolume(directory.file("config"))
        volume.write(["page": "0"])
        let baton = try Stand.run(
            [Stand.server, volume.directory + "/page"],
            ["BATON_LISTEN": "tcp://127.0.0.1:0", "BATON_WATCH": volume.directory, "BATON_READY": "delay:1ms"])
        try baton.waitForError("generation 1 is ready")
        func counts() -> [Int] {
            let children = readFile("/proc/\(baton.pid)/task/\(baton.pid)/children").split(separator: " ").count
            return [listDirectory("/proc/\(baton.pid)/fd").count, children]
        }
        var early: [Int] = []
        for change in 1...20 {
            volume.write(["page": "\(change)"])
            try baton.waitForError("generation \(change) exited with code 0 after its drain")
            if change == 3 { early = counts() }
        }
        #expect(counts() == early)
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0)
    }

    @Test func deferredAcceptWorks() throws {
        writeFile(directory.file("page"), "hello")
        let port = freePort()
        let baton = try Stand.run(
            [Stand.server, directory.file("page")], ["BATON_LISTEN": "tcp://127.0.0.1:\(port)?defer_accept"])
        try baton.waitForError("is ready")
        #expect(try httpGet(port: port).get() == "hello")
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0)
    }

    // MARK: the private probe

    /// An app that writes down who asks it what, and answers /ready as its configuration says.
    private var witness: [String] {
        writeFile(
            directory.file("witness.js"),
            """
            const fs = require("fs");
            const status = Number(fs.readFileSync("\(directory.path)/status"));
            const generation = process.env.BATON_GENERATION;
            require("http").createServer((request, response) => {
              fs.appendFileSync("\(directory.path)/requests-" + generation, request.url + "\\n");
              response.statusCode = request.url === "/ready" ? status : 200;
              response.end(generation);
            }).listen({ fd: 3 });
            """)
        return ["node", directory.file("witness.js")]
    }

    private static let hasIPv6 = readFile("/proc/net/if_inet6").hasPrefix("00000000000000000000000000000001")

    @Test(.needs("node"), arguments: ["127.0.0.1", "0.0.0.0", "*"] + (hasIPv6 ? ["[::1]"] : []))
    func aProbeGoesThroughTheRealPortToTheNewGenerationAlone(_ host: String) throws {
        replaceFile(directory.file("status"), "200")
        let port = freePort()
        let baton = try Stand.run(
            witness,
            [
                "BATON_LISTEN": "tcp://\(host):\(port)", "BATON_WATCH": directory.file("status"),
                "BATON_ON_CHANGE": "handover",
                "BATON_READY": "http:/ready", "BATON_READY_TIMEOUT": "1500ms", "BATON_DRAIN_TIMEOUT": "1s",
            ])
        try baton.waitForError("generation 1 is ready")
        let canAsk = host != "[::1]"
        let load = canAsk ? HTTPLoad(port: port, path: "/page", clients: 3) : nil
        // 500: asked again and again, never ready, and nobody else comes to it.
        replaceFile(directory.file("status"), "500")
        try baton.waitForError("change 1 is rolled back")
        let seen = readFile(directory.file("requests-2"))
        #expect(occurrences(of: "/ready\n", in: seen) >= 3 && !seen.contains("/page"), "\(seen.prefix(200))")
        replaceFile(directory.file("status"), "204")
        try baton.waitForError("change 2 is applied by handover")
        if let load {
            try waitUntil("an answer of the third") { load.current.bodies["3", default: 0] > 0 }
            let result = load.stop()
            #expect(result.failed == 0 && result.bodies["2"] == nil, "\(result.failures)")
        }
        #expect(occurrences(of: "/ready\n", in: readFile(directory.file("requests-1"))) <= 3)
        baton.signal(SIGTERM)
        try baton.wait()
    }

    @Test func aTCPProbeWaitsUntilTheAppTakesConnections() throws {
        writeFile(directory.file("page"), "hello")
        let baton = try Stand.run(
            [Stand.server, directory.file("page")], ["BATON_LISTEN": "tcp://127.0.0.1:0", "BATON_READY": "tcp"])
        try baton.waitForError("generation 1 is ready")
        baton.signal(SIGTERM)
        try baton.wait()
        let deaf = try Stand.run(
            [Stand.probe, "wait"],
            ["BATON_LISTEN": "tcp://127.0.0.1:0", "BATON_READY": "tcp", "BATON_READY_TIMEOUT": "2s"])
        #expect(try deaf.wait() == 0)
        #expect(deaf.error.contains("was not ready within 2s"))
    }
}
