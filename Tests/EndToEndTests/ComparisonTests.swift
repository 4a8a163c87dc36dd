import Glibc
import TestSupport
import Testing

/// What the same clients meet at the same servers under Server::Starter.
@Suite(.serialized, .onlyWithAll) struct ComparisonTests: LoadSuite {
    let directory = TemporaryDirectory()

    /// Not of Baton: what the same clients meet at the same servers under Server::Starter, in the same run. What is lost is
    /// printed and not judged.
    @Test(.servers, .needs("start_server"), arguments: RealServer.installed, LoadTests.requestsPerConnection)
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
        let result = try drive(load, change: change) { number in
            try baton.waitForError("change \(number) is applied by handover")
        }
        try baton.stop()
        Self.report(server.name, "adopted", .max, result)
        let peer = try underServerStarter(server, .max)
        Self.report(server.name, "Server::Starter", .max, peer)
        #expect(result.failed < peer.failed, "\(result.failures) \(peer.failures)")
    }
}
