import Glibc
import TestSupport
import Testing

/// Handovers under load: ten in a row, with clients in a closed loop, once with a connection for each request and once with
/// connections that are used a hundred times, as pools of clients do. The README and Benchmarks.md say what is lost.
@Suite(.serialized) struct LoadTests: LoadSuite {
    let directory = TemporaryDirectory()
    static let requestsPerConnection = [1, 100]

    private func expectNothingLost(
        _ name: String, _ how: String, _ command: [String], port: UInt16, _ settings: [String: String],
        requestsPerConnection: Int, cleanCodes: Set<Int32> = [0], change: (Int) -> Void, text: (Int) -> String
    ) throws {
        change(0)
        let baton = try Stand.run(command, settings)
        try baton.waitForError("generation 1 is ready")
        try waitForAnswer(port: port, text(0))
        let load = HTTPLoad(port: port, requestsPerConnection: requestsPerConnection)
        let result = try drive(load, change: change) { number in
            try baton.waitForError("change \(number) is applied by handover")
            try waitUntil("an answer with the new configuration") { load.current.firstSeen[text(number)] != nil }
        }
        try baton.waitForError("after its drain", count: Self.handovers, seconds: 40)
        baton.signal(SIGTERM)
        #expect(cleanCodes.contains(try baton.wait()))
        Self.report(name, how, requestsPerConnection, result)
        #expect(result.failed == 0 && result.requests >= 10_000, "\(result.failures)\n\(baton.error.suffix(3000))")
        #expect(!baton.error.contains("still open ("))
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
}
