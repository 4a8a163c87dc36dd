import Glibc
import TestSupport
import Testing

/// Handovers under load: ten in a row, with clients that ask without pause, once with a connection for each request and once
/// with connections that are used a hundred times, as pools of clients do. What is lost stands in the README.
@Suite(.serialized) struct LoadTests {
    private let directory = TemporaryDirectory()
    static let requestsPerConnection = [1, 100]
    static let handovers = 10

    private func site() -> RealServer.Site {
        RealServer.Site(port: freePort(), volume: directory.file("config"), scratch: directory.path)
    }

    /// One line of the table.
    private static func report(
        _ name: String, _ how: String, _ requestsPerConnection: Int, _ result: HTTPLoad.Result
    ) {
        let use = requestsPerConnection == .max ? "never closed" : "\(requestsPerConnection) a connection"
        print("load: \(name), \(how), \(use): \(handovers) handovers, \(result.failed) of \(result.requests) failed")
    }

    /// - Parameter change: asks for the configuration of this number.
    /// - Parameter isApplied: waits until all is done with it.
    private func drive(
        _ load: HTTPLoad, text: (Int) -> String, change: (Int) -> Void, isApplied: (Int) throws -> Void
    ) throws -> HTTPLoad.Result {
        for number in 1...Self.handovers {
            change(number)
            try isApplied(number)
            try waitUntil("a thousand requests for each handover") { load.current.requests >= number * 1000 }
        }
        return load.stop()
    }

    private func expectNothingLost(
        _ name: String, _ how: String, _ command: [String], port: UInt16, _ settings: [String: String],
        requestsPerConnection: Int, cleanCodes: Set<Int32> = [0], change: (Int) -> Void, text: (Int) -> String
    ) throws {
        change(0)
        let baton = try Stand.run(command, settings)
        try baton.waitForError("generation 1 is ready")
        try waitForAnswer(port: port, text(0))
        let load = HTTPLoad(port: port, requestsPerConnection: requestsPerConnection)
        let result = try drive(load, text: text, change: change) { number in
            try baton.waitForError("change \(number) is applied by handover")
            try waitUntil("an answer with the new configuration") { load.current.firstSeen[text(number)] != nil }
        }
        try baton.waitForError("after its drain", count: Self.handovers, seconds: 40)
        baton.signal(SIGTERM)
        #expect(cleanCodes.contains(try baton.wait()))
        Self.report(name, how, requestsPerConnection, result)
        #expect(result.failed == 0 && result.requests >= 10_000, "\(result.failures)\n\(baton.error.suffix(3000))")
        #expect(!baton.error.contains("cut off"))
    }

    private func expectNothingLost(
        _ server: RealServer, _ socket: RealServer.Socket, _ requestsPerConnection: Int
    ) throws {
        let site = site()
        let volume = KubeletVolume(site.volume)
        server.lay(site, socket)
        var settings = [
            "BATON_WATCH": site.volume, "BATON_ON_CHANGE": "handover", "BATON_DRAIN_SIGNAL": server.drainSignal,
        ]
        if socket == .handed { settings["BATON_LISTEN"] = "http=tcp://127.0.0.1:\(site.port)" }
        try expectNothingLost(
            server.name, socket == .handed ? "handed its socket" : "adopted", server.command(site, socket),
            port: site.port, settings, requestsPerConnection: requestsPerConnection, cleanCodes: server.cleanCodes,
            change: { volume.write(server.configuration(site, socket, server.text($0))) }, text: server.text)
    }

    // MARK: the bench

    /// Unmodified, and started as their manuals say: nobody hands them a socket.
    @Test(.servers, arguments: RealServer.installed, requestsPerConnection)
    func anAdoptedServerLosesNothing(_ server: RealServer, _ requestsPerConnection: Int) throws {
        try expectNothingLost(server, .own, requestsPerConnection)
    }

    @Test(.servers, arguments: RealServer.installed, requestsPerConnection)
    func aServerThatIsHandedItsSocketLosesNothing(_ server: RealServer, _ requestsPerConnection: Int) throws {
        try expectNothingLost(server, .handed, requestsPerConnection)
    }

    /// Not of Baton: what the same clients meet at the same servers under Server::Starter, in the same run. What is lost is
    /// printed and not judged.
    @Test(.servers, .needs("start_server"), arguments: RealServer.installed, requestsPerConnection)
    func serverStarterForComparison(_ server: RealServer, _ requestsPerConnection: Int) throws {
        let result = try underServerStarter(server, requestsPerConnection)
        Self.report(server.name, "Server::Starter", requestsPerConnection, result)
        #expect(result.requests > 0)
    }

    private func underServerStarter(_ server: RealServer, _ requestsPerConnection: Int) throws -> HTTPLoad.Result {
        let site = site()
        let volume = KubeletVolume(site.volume)
        func change(_ number: Int) { volume.write(server.configuration(site, .handed, server.text(number))) }
        server.lay(site, .handed)
        change(0)
        let starter = try RunningProcess(server.underServerStarter(site))
        try waitForAnswer(port: site.port, server.text(0))
        let load = HTTPLoad(port: site.port, requestsPerConnection: requestsPerConnection)
        defer { starter.signal(SIGTERM) }
        // An nginx with a blocking socket can hang with all its clients for a while: that is the peer's affair, and is seen in
        // what it has answered.
        for number in 1...Self.handovers {
            change(number)
            starter.signal(SIGHUP)
            // On a connection of its own: those that never close may stay with the old copy for ever.
            try? waitUntil("an answer with the new configuration") {
                (try? httpGet(port: site.port).get()) == server.text(number)
            }
            try? waitUntil("a thousand requests for each restart", seconds: 5) {
                load.current.requests >= number * 1000
            }
        }
        return load.stop()
    }

    /// Clients that never close: nothing is lost before the drain timeout, and what is cut then is less than what a program
    /// cuts that tells the old copy to go at once.
    @Test(.needs("node"), .needs("nginx"), .needs("start_server"), arguments: [RealServer.node, .nginx])
    func clientsThatNeverCloseLoseLessThanUnderServerStarter(_ server: RealServer) throws {
        let site = site()
        let volume = KubeletVolume(site.volume)
        func change(_ number: Int) { volume.write(server.configuration(site, .own, server.text(number))) }
        server.lay(site, .own)
        change(0)
        let baton = try Stand.run(
            server.command(site, .own),
            [
                "BATON_WATCH": site.volume, "BATON_ON_CHANGE": "handover", "BATON_DRAIN_SIGNAL": server.drainSignal,
                "BATON_DRAIN_TIMEOUT": "8s",
            ])
        try baton.waitForError("generation 1 is ready")
        try waitForAnswer(port: site.port, server.text(0))
        let load = HTTPLoad(port: site.port, requestsPerConnection: .max)
        let result = try drive(load, text: server.text, change: change) { number in
            try baton.waitForError("change \(number) is applied by handover")
        }
        baton.signal(SIGTERM)
        try baton.wait()
        Self.report(server.name, "adopted", .max, result)
        let peer = try underServerStarter(server, .max)
        Self.report(server.name, "Server::Starter", .max, peer)
        #expect(result.failed < peer.failed, "\(result.failures) \(peer.failures)")
    }

    @Test func theDemoServerLosesNothing() throws { try expectTheDemoServerLosesNothing([:]) }

    /// One socket for all generations, as without steering.
    @Test func aSharedSocketLosesNoNewConnection() throws {
        try expectTheDemoServerLosesNothing(["BATON_STEER": "off"])
    }

    private func expectTheDemoServerLosesNothing(_ settings: [String: String]) throws {
        let volume = KubeletVolume(directory.file("config"))
        let port = freePort()
        try expectNothingLost(
            "demo server", settings.isEmpty ? "handed its socket" : "one shared socket",
            [Stand.server, volume.directory + "/page"], port: port,
            settings.merging([
                "BATON_LISTEN": "tcp://127.0.0.1:\(port)", "BATON_WATCH": volume.directory,
            ]) { own, _ in own }, requestsPerConnection: 1,
            change: { volume.write(["page": "number \($0)"]) }, text: { "number \($0)" })
    }

    // MARK: steering

    /// Answers with what the file `page` of the volume held when it started.
    private func nodeServer(_ volume: KubeletVolume) -> [String] {
        let site = RealServer.Site(port: 0, volume: volume.directory, scratch: directory.path)
        RealServer.node.lay(site, .handed)
        return RealServer.node.command(site, .handed)
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
            nodeServer(volume),
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
            nodeServer(volume),
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

    @Test(.needs("node"), arguments: ["127.0.0.1", "0.0.0.0", "*"] + (Stand.hasIPv6 ? ["[::1]"] : []))
    func aProbeGoesThroughTheRealPortToTheNewGenerationAlone(_ host: String) throws {
        replaceFile(directory.file("status"), "200")
        let port = freePort()
        let baton = try Stand.run(
            witness,
            [
                "BATON_LISTEN": "tcp://\(host):\(port)", "BATON_WATCH": directory.file("status"),
                "BATON_ON_CHANGE": "handover",
                "BATON_READY": "http:/ready", "BATON_READY_TIMEOUT": "4s", "BATON_DRAIN_TIMEOUT": "1s",
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
