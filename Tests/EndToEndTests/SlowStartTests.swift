import BatonCore
import Glibc
import TestSupport
import Testing

/// BATON_SLOW_START: new connections move to the new generation step by step.
@Suite(.serialized) struct SlowStartTests {
    private let directory = TemporaryDirectory()

    /// node, which answers with what the file `page` of the volume held when it started. Where that is "bad" it ends once there is a
    /// file for that.
    private func command(_ volume: KubeletVolume, _ port: UInt16) -> [String] {
        let ending = NodeServer.ifBad("process.exit(3);", onceThereIs: directory.file("end"))
        let setup = NodeServer.page(of: volume.directory + "/page", ending)
        return NodeServer(socket: .own(port), setup: setup, answer: NodeServer.givesPage)
            .write(to: directory.file("app.js"))
    }

    private func start(_ volume: KubeletVolume, _ port: UInt16, _ settings: [String: String]) throws -> RunningProcess {
        volume.write(["page": "old"])
        let settings = ["BATON_WATCH": volume.directory, "BATON_ON_CHANGE": "handover"].merging(settings) { $1 }
        let baton = try Stand.run(command(volume, port), settings)
        try baton.waitForError("generation 1 is ready")
        return baton
    }

    @Test(.needs("node"), arguments: ["adopted", "handed"]) func bothAnswerUntilTheNewOneHasAll(_ way: String) throws {
        let volume = KubeletVolume(directory.file("config"))
        let port = freePort()
        // An app that opens its address itself is given the socket of BATON_LISTEN for it, too.
        let listen = way == "handed" ? ["BATON_LISTEN": "tcp://127.0.0.1:\(port)", "BATON_ADOPT": "on"] : [:]
        let baton = try start(volume, port, listen.merging(["BATON_SLOW_START": "4s"]) { $1 })
        let load = HTTPLoad(port: port)
        try waitUntil("answers of the old one") { load.current.bodies["old", default: 0] > 100 }
        volume.write(["page": "new"])
        try baton.waitForError("slow start of generation 2")
        try waitUntil("answers of the new one") { load.current.bodies["new", default: 0] > 100 }
        #expect(!baton.error.contains("change 1 is applied"))
        let old = load.current.bodies["old", default: 0]
        try waitUntil("more answers of the old one") { load.current.bodies["old", default: 0] > old + 20 }
        try baton.waitForError("change 1 is applied by handover")
        let late = load.current
        try waitUntil("many more answers") { load.current.requests > late.requests + 1000 }
        let result = load.stop()
        // Those that were under way at the last step.
        #expect(result.bodies["old", default: 0] - late.bodies["old", default: 0] <= 6)
        #expect(result.failed == 0, "\(result.failures)")
        try baton.waitForError("generation 1 exited with code 0 after its drain")
        try baton.stop(expecting: 0)
    }

    @Test(.needs("node")) func whoDiesInItsSlowStartLeavesAllToTheOldOne() throws {
        let volume = KubeletVolume(directory.file("config"))
        let port = freePort()
        let baton = try start(volume, port, ["BATON_SLOW_START": "30s"])
        let load = HTTPLoad(port: port)
        volume.write(["page": "bad"])
        try baton.waitForError("slow start of generation 2")
        try waitUntil("answers of the bad one") { load.current.bodies["bad", default: 0] > 0 }
        writeFile(directory.file("end"), "")
        try baton.waitForError("change 1 is rolled back: generation 2 exited with code 3 in slow start")
        let bad = load.current.bodies["bad", default: 0]
        try waitUntil("many more answers") { load.current.bodies["old", default: 0] > 1000 }
        let result = load.stop()
        #expect(result.bodies["bad", default: 0] - bad <= 6)
        // What it had accepted, or had waiting, goes with it.
        #expect(result.failed <= 12, "\(result.failures)")
        try baton.stop(expecting: 0)
    }
}
