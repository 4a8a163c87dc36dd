import BatonAgentCore
import BatonCore
import BatonLinux
import NIOConcurrencyHelpers

/// What the agent knows of its sources, for Prometheus.
final class Statistics: Sendable {
    struct Source {
        /// When the server last showed that it is there.
        var lastLife: Instant
        var coalesced: Int64 = 0
        var outOfOrder: Int64 = 0
        /// Requests that were not answered as they should have been.
        var failures: Int64 = 0
    }

    private let sources = NIOLockedValueBox<[String: Source]>([:])

    func update(_ source: String, _ change: (inout Source) -> Void) {
        sources.withLockedValue { change(&$0[source, default: Source(lastLife: Clock.now())]) }
    }

    func families(at now: Instant) -> [Metrics.Family] {
        let all = sources.withLockedValue { $0 }.sorted { $0.key < $1.key }
        func samples(_ value: (Source) -> Int64) -> [Metrics.Sample] {
            all.map { Metrics.Sample([("source", $0.key)], value($0.value)) }
        }
        return [
            .init(
                "baton_agent_source_staleness_seconds", .gauge,
                "Time since the last sign of life from the server of a source.",
                all.map {
                    .init([("source", $0.key)], thousandths: (now - $0.value.lastLife).nanoseconds / 1_000_000)
                }),
            .init(
                "baton_agent_source_coalesced_total", .counter,
                "Contents of a source that were replaced by newer ones before they were written to the stage.",
                samples(\.coalesced)),
            .init(
                "baton_agent_source_out_of_order_total", .counter,
                "Revisions of a source that arrived after newer ones and were ignored.", samples(\.outOfOrder)),
            .init(
                "baton_agent_source_failures_total", .counter,
                "Failed requests for a source.", samples(\.failures)),
        ] + processes()
    }

    /// Of Baton and of the agent itself, by what anyone may read in /proc.
    private func processes() -> [Metrics.Family] {
        let found = [("baton", "\(Processes.parent)"), ("baton-agent", "self")].compactMap { name, pid in
            Procfs.usage(of: pid).map { (name, $0) }
        }
        return [
            .init(
                "baton_process_cpu_seconds_total", .counter, "CPU time of a process of Baton.",
                found.map { .init([("process", $0.0)], thousandths: $0.1.cpuMilliseconds) }),
            .init(
                "baton_process_resident_memory_bytes", .gauge, "Resident memory of a process of Baton.",
                found.map { .init([("process", $0.0)], $0.1.residentBytes) }),
            .init(
                "baton_process_threads", .gauge, "Threads of a process of Baton.",
                found.map { .init([("process", $0.0)], $0.1.threads) }),
        ]
    }
}
