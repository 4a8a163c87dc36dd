import Glibc
import TestSupport
import Testing

/// Adoption where a seccomp profile does not let Baton steer (SO_ATTACH_REUSEPORT_CBPF): all generations share one socket.
@Suite(.serialized, .needsPython) struct AdoptSharedTests: AdoptingSuite {
    let directory = TemporaryDirectory()
    private static let usual = ["reuseport \(EPERM)"]

    private func listening(_ port: UInt16) -> String { "listening('127.0.0.1', \(port))" }

    @Test(arguments: [EPERM, ENOSYS, ENOPROTOOPT, EINVAL]) func anAppThatBindsItselfIsHandedOver(_ errno: Int32) throws
    {
        let port = freePort()
        let baton = try start(server(listening(port)), without: ["reuseport \(errno)"])
        try baton.waitForError("generation 1 is ready")
        let load = HTTPLoad(port: port)
        for number in 1...5 {
            replaceFile(config, "\(number)")
            try baton.waitForError("change \(number) is applied by handover")
            try waitUntil("an answer with it") { load.current.bodies["\(number + 1)", default: 0] > 20 }
            try baton.waitForError("generation \(number) exited with code 0")
        }
        let result = load.stop()
        #expect(result.failed == 0, "\(result.failures)")
        #expect(occurrences(of: "all generations share one socket", in: baton.error) == 1, "\(baton.error)")
        // Each got its signal at its handover, not at a timeout.
        #expect(!baton.error.contains("cannot count the connections"))
        try baton.stop(expecting: 0)
    }

    @Test func onRefusesToListenAndSaysWhy() throws {
        let baton = try start(
            server(listening(freePort())), ["BATON_STEER": "on", "BATON_ADOPT": "on"], without: Self.usual)
        #expect(try baton.wait() == 1)
        #expect(baton.output.isEmpty && baton.error.contains("PermissionError"))
        #expect(baton.error.contains("failing listen(2) of the app, as BATON_STEER=on"), "\(baton.error)")
    }

    @Test func aProbeAsksBeforeTheHandover() throws {
        let port = freePort()
        let baton = try start(server(listening(port)), ["BATON_READY": "http:/"], without: Self.usual)
        try baton.waitForError("generation 1 is ready")
        replaceFile(config, "1")
        try baton.waitForError("change 1 is applied by handover")
        try waitForAnswer(port: port, "2")
        try baton.stop(expecting: 0)
    }

    @Test func aListenerThatWasShutDownListensAgain() throws {
        let port = freePort()
        let command = server(listening(port), atEnd: "for s in listeners: s.shutdown(socket.SHUT_RD)")
        let baton = try start(command, without: Self.usual)
        try baton.waitForError("generation 1 is ready")
        replaceFile(config, "1")
        try baton.waitForError("tcp://127.0.0.1:\(port) was shut down and listens again")
        try waitForAnswer(port: port, "2")
        try baton.stop(expecting: 0)
    }

    /// One that closes its listener and opens it again, beside another generation that has it open.
    @Test func aGenerationMayListenAnewBesideAnother() throws {
        let port = freePort()
        let command = server(
            """
            \(listening(port))
            try: \(listening(port)); print("twice", flush=True)
            except OSError as error: print("taken", error.errno, flush=True)
            listeners.pop().close(); \(listening(port))
            """)
        let baton = try start(command, without: Self.usual)
        try baton.waitForError("generation 1 is ready")
        replaceFile(config, "1")
        try baton.waitForError("change 1 is applied by handover")
        try waitForAnswer(port: port, "2")
        #expect(occurrences(of: "taken \(EADDRINUSE)", in: baton.output) == 2, "\(baton.output)")
        try baton.stop(expecting: 0)
    }
}
