import Glibc
import TestSupport
import Testing

/// The log must never matter; nor does Baton do anything that nobody asked for.
@Suite(.serialized) struct PID1LogTests {
    @Test func aReaderThatIsGoneDoesNotMatter() throws {
        var ends: [Int32] = [0, 0]
        #expect(pipe(&ends) == 0)
        let baton = try Stand.run([Stand.probe, "wait", "4"], ["BATON_LOG_LEVEL": "debug"]) { $0.error = ends[1] }
        close(ends[1])
        close(ends[0])
        try baton.waitForOutput("ready")
        for _ in 0..<100 { baton.signal(SIGWINCH) }
        baton.signal(SIGTERM)
        #expect(try baton.wait(seconds: 10) == 4)
    }

    @Test(arguments: ["pipe", "socket"]) func aReaderThatNeverReadsDoesNotMatter(_ kind: String) throws {
        var ends: [Int32] = [0, 0]
        #expect((kind == "pipe" ? pipe(&ends) : socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)) == 0)
        // Filled to the brim before Baton writes its first line.
        _ = fcntl(ends[1], F_SETFL, O_NONBLOCK)
        let filling = [UInt8](repeating: 0x2e, count: 4096)
        while write(ends[1], filling, filling.count) > 0 {}
        while write(ends[1], filling, 1) > 0 {}
        _ = fcntl(ends[1], F_SETFL, 0)
        let baton = try Stand.run([Stand.probe, "wait", "4"], ["BATON_LOG_LEVEL": "debug"]) { $0.error = ends[1] }
        try baton.waitForOutput("ready")
        // The flags of the description that the app shares are as they were.
        #expect(fcntl(ends[1], F_GETFL) & O_NONBLOCK == 0)
        baton.signal(SIGTERM)
        #expect(try baton.wait(seconds: 10) == 4)
        close(ends[0])
        close(ends[1])
    }

    @Test func logLinesAreJSONOnRequest() throws {
        let baton = try Stand.run([Stand.probe, "exit", "0"], ["BATON_LOG": "json"])
        try baton.wait()
        let lines = baton.error.split(separator: "\n")
        #expect(lines.count >= 3 && lines.allSatisfy { $0.hasPrefix("{\"time\":\"") && $0.hasSuffix("}") })
        #expect(baton.error.contains("\"event\":\"generation_starting\""))
    }

    @Test func idleBatonNeverWakes() throws {
        // In quiet directories: what others do in /tmp would wake it.
        let baton = try Stand.run([Stand.probe, "wait"], ["BATON_WATCH": "/etc/passwd", "BATON_AUDIT_INTERVAL": "0s"])
        try baton.waitForError("is ready after 1")
        try waitUntil("it sleeps") { readFile("/proc/\(baton.pid)/status").contains("State:\tS") }
        func switches() -> String? { Stand.line("voluntary_ctxt_switches:", in: readFile("/proc/\(baton.pid)/status")) }
        let before = switches()
        // Not a wait for anything: so long it is measured.
        poll(nil, 0, 1500)
        #expect(switches() == before)
        #expect(readFile("/proc/\(baton.pid)/status").contains("Threads:\t1\n"))
        try baton.stop()
    }
}
