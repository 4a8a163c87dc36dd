import Glibc
import TestSupport
import Testing

/// Probes go through the real port, to the new generation alone.
@Suite(.serialized) struct ProbeTests {
    private let directory = TemporaryDirectory()

    /// An app that writes down who asks it what, and answers /ready as its configuration says.
    private var witness: [String] {
        let setup = """
            const fs = require("fs");
            const status = Number(fs.readFileSync("\(directory.path)/status"));
            const generation = process.env.BATON_GENERATION;
            """
        let answer = """
            fs.appendFileSync("\(directory.path)/requests-" + generation, request.url + "\\n");
            response.statusCode = request.url === "/ready" ? status : 200;
            response.end(generation);
            """
        return NodeServer(socket: .handed, setup: setup, answer: answer).write(to: directory.file("witness.js"))
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
        try baton.stop()
    }

    @Test func aTCPProbeWaitsUntilTheAppTakesConnections() throws {
        writeFile(directory.file("page"), "hello")
        let baton = try Stand.run(
            [Stand.server, directory.file("page")], ["BATON_LISTEN": "tcp://127.0.0.1:0", "BATON_READY": "tcp"])
        try baton.waitForError("generation 1 is ready")
        try baton.stop()
        let deaf = try Stand.run(
            [Stand.probe, "wait"],
            ["BATON_LISTEN": "tcp://127.0.0.1:0", "BATON_READY": "tcp", "BATON_READY_TIMEOUT": "2s"])
        #expect(try deaf.wait() == 0)
        #expect(deaf.error.contains("was not ready within 2s"))
    }
}
