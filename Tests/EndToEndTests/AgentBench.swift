import Glibc
import TestSupport
import Testing

/// How much comes through the agent, how fast, and what it weighs afterwards. Figures are printed; only what would be a fault on
/// any machine is judged. BATON_BENCH_EVENTS asks for a longer run.
@Suite(.serialized, .onlyWithAll, .needsAgent) struct AgentBench {
    private let directory = TemporaryDirectory()
    private var stage: String { directory.file("stage") }

    private func staged(_ key: String) -> String { readFile("\(stage)/configmap/web/\(key)") }

    private func version() -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        let length = readlink("\(stage)/..data", &buffer, buffer.count - 1)
        return String(decoding: buffer.prefix(max(0, length)).map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    }

    /// When another version is in force, on the wall clock in nanoseconds. Looks without pause: a file's own times are those of
    /// the kernel's tick.
    private func nextVersion(after before: String) throws -> Int64 {
        let deadline = wallClock() + 20_000_000_000
        while version() == before {
            guard wallClock() < deadline else { throw TimedOut("another version than \(before)") }
        }
        return wallClock()
    }

    private func wallClock() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    @Test func eventsLatencyAndMemory() throws {
        let events = getenv("BATON_BENCH_EVENTS").flatMap { Int(String(cString: $0)) } ?? 200_000
        let cluster = try Cluster(
            directory, ["configmap/fixture/web": ["page": "0", "rest": String(repeating: "x", count: 500)]])
        let begin = wallClock()
        let baton = try Stand.run(
            ["sleep", "1000"],
            cluster.settings("configmap/web", stage: stage).merging(["BATON_ON_CHANGE": "none"]) { _, new in new })
        let coldStart = try nextVersion(after: "") - begin

        var latencies: [Int64] = []
        cluster.extra += ", \"timed\": true"
        for number in 1...200 {
            let before = version()
            cluster.set("configmap/fixture/web", ["page": "\(number)"])
            let stagedAt = try nextVersion(after: before)
            let line = cluster.server.output.split(separator: "\n").last { $0.hasPrefix("sent \(number) ") }
            let sent = try #require(line?.split(separator: " ").last.flatMap { Int64($0) })
            latencies.append(stagedAt - sent)
        }
        latencies.sort()

        cluster.extra += ", \"flood\": \(events)"
        cluster.update()
        try waitUntil("the last of \(events) events", seconds: 600) { staged("count") == "\(events)" }
        let line = cluster.server.output.split(separator: "\n").last { $0.hasPrefix("flood begins ") }
        let floodBegan = try #require(line?.split(separator: " ").last.flatMap { Int64($0) })
        let rate = Double(events) / (Double(wallClock() - floodBegan) / 1e9)
        let weight = Stand.line("VmRSS:", in: readFile("/proc/\(try Cluster.agent(of: baton))/status")) ?? ""
        func milliseconds(_ nanoseconds: Int64) -> String { "\(Double(nanoseconds / 10_000) / 100) ms" }
        print(
            "bench: agent: \(Int(rate)) events a second over \(events); from event to stage p50 \(milliseconds(latencies[100])), "
                + "p99 \(milliseconds(latencies[197])); cold start to first stage \(milliseconds(coldStart)); then RSS \(weight)"
        )
        #expect(rate > 1200)
        try baton.stop()
    }

    /// What a change costs by each strategy, and an hour without one: Baton, the agent and what they fork.
    @Test func cpuOfEachStrategy() throws {
        let cluster = try Cluster(directory, ["configmap/fixture/web": ["page": "0"]])
        cluster.files["page"] = "0"
        cluster.update()
        let volume = KubeletVolume(directory.file("volume"))
        volume.write(["page": "0"])
        let settings = cluster.settings("", stage: stage)
        let strategies: [(name: String, watch: String, staged: String?, change: (Int) -> Void)] = [
            ("volume", volume.directory, nil, { volume.write(["page": "\($0)"]) }),
            ("api", "configmap/web", "configmap/web/page", { cluster.set("configmap/fixture/web", ["page": "\($0)"]) }),
            (
                "url", "https://127.0.0.1:\(cluster.port)/files/page", "url/page/page",
                {
                    cluster.files["page"] = "\($0)"
                    cluster.update()
                }
            ),
        ]
        for (name, watch, staged, change) in strategies {
            let own = [
                "BATON_WATCH": watch, "BATON_ON_CHANGE": "reload", "BATON_URL_INTERVAL": "100ms",
                "BATON_URL_CA_FILE": directory.file("ca.crt"),
            ]
            let baton = try Stand.run([Stand.probe, "reloadable"], settings.merging(own) { _, new in new })
            try baton.waitForError("generation 1 is ready")
            let before = cpu(of: baton)
            for number in 1...50 {
                change(number)
                if let staged {
                    try waitUntil("\(number) on the stage") { readFile("\(stage)/\(staged)") == "\(number)" }
                }
                try baton.waitForOutput("reload \(number) ")
            }
            print("bench: cpu: \(name): \(Double((cpu(of: baton) - before) / 50 / 10_000) / 100) ms a change")
            try baton.stop()
        }
    }

    /// Nanoseconds on a CPU: of all threads of Baton and its agent, and, by the clock's tick, of what Baton has reaped.
    private func cpu(of baton: RunningProcess) -> Int64 {
        var sum: Int64 = 0
        let agent = children(of: baton.pid).first { readFile("/proc/\($0)/comm").hasPrefix("baton-agent") }
        for pid in [baton.pid, agent].compactMap({ $0 }) {
            for thread in listDirectory("/proc/\(pid)/task") {
                let times = readFile("/proc/\(pid)/task/\(thread)/schedstat").split(separator: " ")
                sum += times.first.flatMap { Int64($0) } ?? 0
            }
        }
        // cutime and cstime (proc_pid_stat(5)), in hundredths of a second.
        let fields = readFile("/proc/\(baton.pid)/stat").split(separator: ")").last?.split(separator: " ") ?? []
        if fields.count > 14 { sum += 10_000_000 * ((Int64(fields[13]) ?? 0) + (Int64(fields[14]) ?? 0)) }
        return sum
    }
}
