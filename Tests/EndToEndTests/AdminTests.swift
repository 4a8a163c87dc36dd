import Glibc
import TestSupport
import Testing

/// What the agent serves at BATON_ADMIN, to Prometheus, to kubelet, to a browser and to those who mean no good.
@Suite(.serialized, .needsAgent) struct AdminTests {
    private let directory = TemporaryDirectory()
    private let admin = freePort()

    private func start(_ command: [String], _ settings: [String: String] = [:]) throws -> RunningProcess {
        writeFile(directory.file("page"), "one")
        let own = ["BATON_ADMIN": "\(admin)", "BATON_CONTROL": "off", "BATON_WATCH": directory.file("page")]
        let baton = try Stand.run(command, own.merging(settings) { _, new in new })
        try baton.waitForError("serving status, metrics and health checks at http://127.0.0.1:\(admin)/")
        return baton
    }

    private func serve(_ port: UInt16, _ settings: [String: String] = [:]) throws -> RunningProcess {
        let own = ["BATON_ON_CHANGE": "handover", "BATON_LISTEN": "tcp://127.0.0.1:\(port)"]
        let baton = try start([Stand.server, directory.file("page")], own.merging(settings) { _, new in new })
        try baton.waitForError("generation 1 is ready")
        return baton
    }

    /// The whole answer, its head with it.
    private func get(_ path: String, _ headers: String = "") throws -> String {
        let connection = try #require(RawConnection(port: admin))
        connection.send("GET \(path) HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\(headers)\r\n")
        return try connection.readToEnd()
    }

    @Test func metricsTellWhatHasHappened() throws {
        let baton = try serve(freePort())
        replaceFile(directory.file("page"), "two")
        try baton.waitForError("change 1 is applied")
        try waitUntil("the change among the metrics") {
            try get("/metrics").contains("baton_config_changes_total{outcome=\"applied\"} 1")
        }
        let metrics = try get("/metrics")
        for line in [
            "# TYPE baton_handover_seconds histogram", "baton_handover_seconds_count{step=\"apply\"} 1",
            "baton_generations{state=\"ready\"} 1",
            "baton_config_changes_total{outcome=\"failed\"} 0",
            "baton_config_applied_total{proof=\"app\"} 1", "baton_config_applied_total{proof=\"alive\"} 0",
            "baton_watch_strategy{source=\"\(directory.file("page"))\",strategy=\"inotify\"} 1",
            "baton_watch_missed_total 0", "baton_drain_cut_connections_total 0", "baton_log_dropped_total 0",
            "baton_ready 1",
            "baton_generation_connections{generation=\"2\",state=\"ready\"} 0",
            "baton_process_resident_memory_bytes{process=\"baton\"}",
        ] {
            #expect(metrics.contains(line), "\(line)")
        }
        let open = try get("/metrics", "Accept: application/openmetrics-text; version=1.0.0\r\n")
        #expect(open.contains("Content-Type: application/openmetrics-text") && open.hasSuffix("# EOF\n"))
        #expect(open.contains("# TYPE baton_config_changes counter"))
        try baton.stop(expecting: 0, 143)
    }

    @Test(.needs("promtool")) func promtoolFindsNothingWrong() throws {
        let baton = try serve(freePort())
        let text = try get("/metrics").split(separator: "\r\n\r\n", maxSplits: 1).last.map(String.init) ?? ""
        writeFile(directory.file("metrics"), text)
        let promtool = try RunningProcess(["sh", "-c", "promtool check metrics < \(directory.file("metrics"))"])
        #expect(try promtool.wait() == 0 && promtool.output.isEmpty && promtool.error.isEmpty, "\(promtool.error)")
        #expect(text.count > 1000)
        try baton.stop(expecting: 0, 143)
    }

    /// Not ready before the first generation is, nor from the moment of SIGTERM.
    @Test func readinessFollowsTheApp() throws {
        let baton = try start(
            [Stand.probe, "wait", "0"],
            [
                "BATON_READY": "exec:test -e \(directory.file("go"))", "BATON_STOP_DELAY": "20s",
                "BATON_STOP_TIMEOUT": "5s",
            ])
        #expect(try get("/healthz").hasPrefix("HTTP/1.1 200"))
        let early = try get("/readyz")
        #expect(early.hasPrefix("HTTP/1.1 503") && early.hasSuffix("no generation is ready\n"))
        writeFile(directory.file("go"), "")
        try waitUntil("ready") { try get("/readyz").hasPrefix("HTTP/1.1 200") }
        baton.signal(SIGTERM)
        try waitUntil("not ready") { try get("/readyz").hasPrefix("HTTP/1.1 503") }
        #expect(try get("/readyz").hasSuffix("\r\n\r\nstopping\n"))
        try baton.stop(expecting: 0)
    }

    @Test func statusIsTheSameAsOverTheControlSocket() throws {
        let baton = try serve(freePort())
        let status = try get("/status")
        #expect(status.contains("Content-Type: application/json") && status.contains("\"generations\":[{"))
        #expect(try get("/nothing").hasPrefix("HTTP/1.1 404"))
        let connection = try #require(RawConnection(port: admin))
        connection.send("POST /status HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
        #expect(try connection.readToEnd().hasPrefix("HTTP/1.1 405"))
        try baton.stop(expecting: 0, 143)
    }

    @Test(.needs("chromium")) func aBrowserShowsThePage() throws {
        let baton = try serve(freePort())
        replaceFile(directory.file("page"), "two")
        try baton.waitForError("change 1 is applied")
        let url = "http://127.0.0.1:\(admin)/"
        let browse = [
            "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
            "--user-data-dir=\(directory.file("profile"))", "--virtual-time-budget=3000",
        ]
        let dom = try RunningProcess(browse + ["--dump-dom", url])
        #expect(try dom.wait(seconds: 90) == 0)
        for words in ["applied by handover", directory.file("page"), "inotify", "№ 2", "ready, 0 connections", "drain"]
        {
            #expect(dom.output.contains(words), "\(words)")
        }
        let picture = try RunningProcess(
            browse + ["--window-size=400,800", "--screenshot=\(directory.file("page.png"))", url])
        #expect(try picture.wait(seconds: 90) == 0)
        var info = stat()
        #expect(stat(directory.file("page.png"), &info) == 0 && info.st_size > 10_000)
        try baton.stop(expecting: 0, 143)
    }

    @Test func anAddressThatIsTakenIsToldAndTheAppRuns() throws {
        let other = try serve(freePort())
        let baton = try Stand.run(
            [Stand.probe, "wait", "0"], ["BATON_ADMIN": "\(admin)", "BATON_CONTROL": "off"])
        try baton.waitForError("cannot listen on 127.0.0.1:\(admin) (BATON_ADMIN)")
        try baton.waitForError("generation 1 is ready")
        try baton.stop(expecting: 0, 143)
        try other.stop(expecting: 0, 143)
    }

    /// Requests that are garbage, far too long or never come to their end; more connections than there is room for.
    @Test func whoMeansNoGoodChangesNothing() throws {
        let port = freePort()
        let baton = try serve(port)
        let load = HTTPLoad(port: port)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<200 {
            let connection = RawConnection(port: admin)
            connection?.send((0..<Int.random(in: 1...2000)).map { _ in UInt8.random(in: 0...255, using: &random) })
        }
        let long = try #require(RawConnection(port: admin))
        long.send("GET /" + String(repeating: "x", count: 1 << 20) + " HTTP/1.1\r\n\r\n")
        let body = try #require(RawConnection(port: admin))
        body.send("GET /status HTTP/1.1\r\nHost: x\r\nContent-Length: 100000000\r\n\r\n")
        body.send([UInt8](repeating: 65, count: 1 << 16))
        _ = try long.readToEnd()
        _ = try body.readToEnd()
        // A byte now and then, by more than there is room for.
        let slow = (0..<400).compactMap { _ in RawConnection(port: admin) }
        for connection in slow { connection.send("GET / HT") }
        for _ in 0..<10_000 { _ = RawConnection(port: admin) }
        try waitUntil("an answer for a good one", seconds: 40) {
            (try? get("/readyz").hasPrefix("HTTP/1.1 200")) == true
        }
        replaceFile(directory.file("page"), "two")
        try baton.waitForError("change 1 is applied")
        let result = try load.stop(after: 100)
        #expect(result.failed == 0, "\(result.failures)")
        #expect(slow.count > 200 && !baton.error.contains("; restarting it in"))
        let status = readFile("/proc/\(baton.pid)/status")
        print(
            "bench: admin under attack: Baton's RSS \(Stand.line("VmRSS:", in: status) ?? ""), 0 of \(result.requests) failed"
        )
        try baton.stop(expecting: 0, 143)
    }
}
