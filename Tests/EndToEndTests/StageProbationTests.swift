import Glibc
import TestSupport
import Testing

/// A new generation on probation: when it fails, the last good snapshot is in force again.
@Suite(.serialized) struct StageProbationTests: StagingSuite {
    let directory = TemporaryDirectory()

    /// A server that answers with its page; one with `bad` in it does not last.
    private func server(_ port: UInt16, _ page: String, dies: String) -> [String] {
        let ending = "let healthy = true; " + NodeServer.ifBad("\(dies);", onceThereIs: directory.file("end"))
        return NodeServer(
            socket: .own(port), setup: NodeServer.page(of: page, ending),
            answer: "response.statusCode = request.url === \"/ready\" && !healthy ? 500 : 200; response.end(page);"
        ).write(to: directory.file("app.js"))
    }

    @Test(.needs("node"), arguments: ["process.exit(3)", "healthy = false"])
    func whatFailsOnProbationIsTakenBackAndTheNextGoodOneIsApplied(_ dies: String) throws {
        mkdir(config, 0o755)
        writeFile(directory.file("config/page"), "good1")
        let port = freePort()
        var settings = ["BATON_ON_CHANGE": "handover", "BATON_PROBATION": "30s"]
        if dies == "healthy = false" { settings["BATON_READY"] = "http:/ready" }
        let baton = try start(server(port, "\(staged)/page", dies: dies), settings)
        try baton.waitForError("generation 1 is ready")
        let load = HTTPLoad(port: port)
        replaceFile(directory.file("config/page"), "bad")
        try baton.waitForError("generation 2 is on probation for 30s")
        writeFile(directory.file("end"), "")
        try baton.waitForError("change 1 is rolled back: generation 2 ")
        #expect(readFile("\(staged)/page") == "good1")
        let before = load.current.bodies["good1", default: 0]
        try waitUntil("answers of the first again") { load.current.bodies["good1", default: 0] > before + 100 }
        replaceFile(directory.file("config/page"), "good2")
        try baton.waitForError("generation 3 is on probation")
        try waitUntil("answers of the third") { load.current.bodies["good2", default: 0] > 10 }
        let result = load.stop()
        // What a generation that crashes had accepted, or had waiting, goes with it: two a client at most.
        #expect(result.failed <= (dies == "healthy = false" ? 0 : 12), "\(result.failures)")
        try baton.stop(expecting: 0, 143)
    }

    @Test(.needs("node")) func afterProbationTheOldOneGoes() throws {
        mkdir(config, 0o755)
        writeFile(directory.file("config/page"), "good1")
        let port = freePort()
        let baton = try start(
            server(port, "\(staged)/page", dies: ""), ["BATON_ON_CHANGE": "handover", "BATON_PROBATION": "1s"])
        try baton.waitForError("generation 1 is ready")
        replaceFile(directory.file("config/page"), "good2")
        try baton.waitForError("on probation")
        #expect(!baton.error.contains("draining generation 1"))
        try baton.waitForError("change 1 is applied by handover")
        try baton.waitForError("draining generation 1")
        // A newer change ends it unproven, however well it has gone so far.
        replaceFile(directory.file("config/page"), "good3")
        try baton.waitForError("generation 3 is on probation")
        replaceFile(directory.file("config/page"), "good4")
        try baton.waitForError("change 2 is superseded")
        try baton.waitForError("change 3 is applied by handover")
        try waitUntil("the old ones to go") { versions() <= 2 && children(of: baton.pid).count == 1 }
        try baton.stop(expecting: 0, 143)
    }
}
