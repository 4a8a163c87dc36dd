import Glibc
import TestSupport
import Testing

/// Who gets which connections before, during and after a handover.
@Suite(.serialized) struct SteeringTests {
    private let directory = TemporaryDirectory()

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
        let result = try load.stop(after: 1000)
        #expect(result.failed == 0)
        if isExpectedToFail { #expect(result.bodies["new"] == nil) }
        try baton.stop(expecting: 0)
    }

    /// Nobody would come to its queue: they would wait until the next change.
    @Test func whoWaitsOnAGenerationThatIsGoneIsReset() throws {
        let file = directory.file("config")
        writeFile(file, "1")
        let port = freePort()
        let baton = try Stand.run(
            ["sleep", "1000"],
            [
                "BATON_LISTEN": "tcp://127.0.0.1:\(port)", "BATON_WATCH": file, "BATON_ON_CHANGE": "handover",
                "BATON_READY": "delay:100ms", "BATON_DRAIN_TIMEOUT": "1s",
            ])
        try baton.waitForError("generation 1 is ready")
        let client = try #require(RawConnection(port: port))
        client.send("anyone?")
        replaceFile(file, "2")
        try baton.waitForError("generation 1 was killed by signal TERM after its drain")
        #expect(try client.readToEnd(seconds: 5).isEmpty)
        try baton.stop()
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
        try baton.waitForError("draining generation 1: new connections go to generation 2")
        let requests = load.current.requests
        try waitUntil("answers while it drains") { load.current.requests > requests + 1000 }
        #expect(load.current.failed == 0 && load.current.bodies["new"] == nil)
        try baton.waitForError("still has 6 connections")
        try baton.waitForError("sending the drain signal anyway")
        try baton.waitForError("generation 1 exited with code 0 after its drain")
        try waitUntil("answers from the new one") { load.current.bodies["new", default: 0] > 100 }
        let result = load.stop()
        #expect(result.failed <= 6, "\(result.failures)")
        try baton.stop()
    }

    @Test func manyHandoversLeaveNothingBehind() throws {
        let volume = KubeletVolume(directory.file("config"))
        volume.write(["page": "0"])
        let baton = try Stand.run(
            [Stand.server, volume.directory + "/page"],
            ["BATON_LISTEN": "tcp://127.0.0.1:0", "BATON_WATCH": volume.directory, "BATON_READY": "delay:1ms"])
        try baton.waitForError("generation 1 is ready")
        func counts() -> [Int] {
            let children = children(of: baton.pid).count
            return [descriptorCount(of: baton.pid), children]
        }
        var early: [Int] = []
        for change in 1...20 {
            volume.write(["page": "\(change)"])
            try baton.waitForError("generation \(change) exited with code 0 after its drain")
            if change == 3 { early = counts() }
        }
        #expect(counts() == early)
        try baton.stop(expecting: 0)
    }

    @Test func deferredAcceptWorks() throws {
        writeFile(directory.file("page"), "hello")
        let port = freePort()
        let baton = try Stand.run(
            [Stand.server, directory.file("page")], ["BATON_LISTEN": "tcp://127.0.0.1:\(port)?defer_accept"])
        try baton.waitForError("is ready")
        #expect(try httpGet(port: port).get() == "hello")
        try baton.stop(expecting: 0)
    }
}
