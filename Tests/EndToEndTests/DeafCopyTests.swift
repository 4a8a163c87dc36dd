import TestSupport
import Testing

/// A second copy that listens, and waits for a lock that the first one has: etcd, mariadb.
@Suite(.serialized) struct DeafCopyTests: AdoptingSuite {
    let directory = TemporaryDirectory()

    /// Its event loop waits on the listener, where nothing is accepted before the lock is had.
    private func locking(_ port: UInt16) -> [String] {
        server(
            """
            import fcntl, threading
            listening('127.0.0.1', \(port))
            lock = open('\(directory.file("lock"))', 'w')
            def wait():
                e = select.epoll(); e.register(listeners[0].fileno(), 0); e.poll()
            threading.Thread(target=wait, daemon=True).start()
            fcntl.flock(lock, fcntl.LOCK_EX)
            """)
    }

    @Test func theConnectionsAreGivenBackAndEachClientKnows() throws {
        let port = freePort()
        let baton = try start(locking(port), ["BATON_PROBATION": "auto"])
        try baton.waitForError("generation 1 is ready")
        try waitForAnswer(port: port, "1")
        let load = HTTPLoad(port: port)
        try waitUntil("answers") { load.current.requests > 100 }
        replaceFile(config, "1")
        try baton.waitForError("change 1 is rolled back: generation 2 did not accept")
        let requests = load.current.requests
        try waitUntil("the old one to serve on") { load.current.requests > requests + 500 }
        let result = try load.stop(after: 600)
        // Each of the six clients has waited with the deaf one once, at the most.
        #expect((1...6).contains(result.failed), "\(result.failures)")
        #expect(result.bodies["2"] == nil && !baton.error.contains("generation 1 exited"))
        // The next one is deaf as well, and so on: the old one is never lost.
        replaceFile(config, "2")
        try waitForAnswer(port: port, "1")
        try baton.stop(expecting: 0, 143)
    }

    /// A worker that is busy with one slow request has taken that one.
    @Test func whoIsBusyIsNotTakenForDeaf() throws {
        let port = freePort()
        let slow = """
            wait = 3 if generation == "2" else 0
            while True:
                select.select(listeners, [], [])
                c, _ = listeners[0].accept()
                time.sleep(wait); wait = 0
                answer(c)
            """
        let baton = try start(server("listening('127.0.0.1', \(port))", serve: slow), ["BATON_PROBATION": "auto"])
        try baton.waitForError("generation 1 is ready")
        try waitForAnswer(port: port, "1")
        let load = HTTPLoad(port: port)
        try waitUntil("answers") { load.current.requests > 100 }
        replaceFile(config, "1")
        try baton.waitForError("change 1 is applied by handover")
        try waitUntil("an answer of the slow one") { load.current.bodies["2"] != nil }
        let result = try load.stop(after: 101)
        #expect(result.failed == 0)
        try baton.stop(expecting: 0, 143)
    }

    @Test func beforeItWasAppliedAtOnce() throws {
        let port = freePort()
        let baton = try start(locking(port), ["BATON_PROBATION": "0s"])
        try baton.waitForError("generation 1 is ready")
        replaceFile(config, "1")
        try baton.waitForError("change 1 is applied by handover")
        try baton.stop(expecting: 0, 143)
    }
}
