public import BatonCore

/// What Prometheus is told, in its own text form or as OpenMetrics.
public struct Metrics: Sendable {
    public enum Form: Sendable {
        /// https://prometheus.io/docs/instrumenting/exposition_formats/, version 0.0.4.
        case prometheus
        /// Version 1.0.0.
        case openMetrics

        /// As the request's Accept header has it.
        public init(accept: String?) {
            self = accept?.contains("application/openmetrics-text") == true ? .openMetrics : .prometheus
        }

        public var contentType: String {
            switch self {
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }
    }

    private let form: Form
    private var text = ""

    /// - Parameter records: Baton's answer to `status`.
    /// - Parameter own: what the agent knows itself.
    public static func text(_ records: [StatusRecord], _ own: [Family], _ form: Form) -> String {
        var metrics = Metrics(form: form)
        for family in families(records) + own { metrics.add(family) }
        return metrics.text + (form == .openMetrics ? "# EOF\n" : "")
    }

    private init(form: Form) { self.form = form }

    // MARK: families

    public enum Kind: String, Sendable { case counter, gauge, histogram }

    /// All samples of one name.
    public struct Family: Sendable {
        let name: String
        let kind: Kind
        let help: String
        var samples: [Sample] = []

        public init(_ name: String, _ kind: Kind, _ help: String, _ samples: [Sample] = []) {
            self.name = name
            self.kind = kind
            self.help = help
            self.samples = samples
        }
    }

    public struct Sample: Sendable {
        /// Behind the family's name: `_bucket`.
        var suffix = ""
        let labels: [(name: String, value: String)]
        let value: String

        public init(_ labels: [(name: String, value: String)] = [], _ value: Int64) {
            self.labels = labels
            self.value = String(value)
        }

        /// - Parameter thousandths: of the unit.
        public init(_ labels: [(name: String, value: String)] = [], thousandths: Int64) {
            self.labels = labels
            value = Metrics.decimal(thousandths, digits: 3)
        }

        fileprivate init(_ suffix: String, _ labels: [(name: String, value: String)], _ value: String) {
            self.suffix = suffix
            self.labels = labels
            self.value = value
        }
    }

    private static func families(_ records: [StatusRecord]) -> [Family] {
        let baton = records.first { $0.kind == .baton } ?? StatusRecord(.baton)
        return overview(baton) + counters(records) + [durations(records)] + generations(records)
            + sources(records.filter { $0.kind == .source })
    }

    private static func overview(_ baton: StatusRecord) -> [Family] {
        [
            Family(
                "baton_build_info", .gauge, "The version of Baton.",
                [Sample([("version", baton.text("version") ?? "")], 1)]),
            Family(
                "baton_ready", .gauge, "1 while a generation serves and Baton is not stopping.",
                [Sample([], baton.number("ready") ?? 0)]),
            Family(
                "baton_change_in_progress", .gauge, "1 while a change is in progress.",
                [Sample([], baton.number("change") == nil ? 0 : 1)]),
            Family(
                "baton_changes_paused", .gauge, "1 while baton pause holds changes back.",
                [Sample([], baton.number("paused") ?? 0)]),
        ]
    }

    private static let counterHelp = [
        ("config_changes_total", "Configuration changes by outcome."),
        ("config_applied_total", "Applied changes by proof that the app uses them: app, probe, alive or none."),
        ("generations_started_total", "Generations of the app that were started."),
        ("app_crashes_total", "Generations that ended unexpectedly while they served."),
        ("agent_starts_total", "Starts of the agent."),
        ("drain_cut_connections_total", "Connections that were open when their generation was killed."),
        ("watch_missed_total", "Changes that inotify did not report and an audit found."),
        ("log_dropped_total", "Log lines that were dropped because stderr was not read."),
    ]

    private static func counters(_ records: [StatusRecord]) -> [Family] {
        counterHelp.map { name, help in
            let samples = records.filter { $0.kind == .counter && $0.text("name") == name }.map { record in
                let labels = ["outcome", "proof"].compactMap { name in record.text(name).map { (name, $0) } }
                return Sample(labels, record.number("value") ?? 0)
            }
            return Family("baton_\(name)", .counter, help, samples)
        }
    }

    private static func durations(_ records: [StatusRecord]) -> Family {
        var family = Family(
            "baton_handover_seconds", .histogram,
            "Duration of each step of a change, from its detection to the end of the drain.")
        for record in records where record.kind == .histogram {
            let labels = [("step", record.text("step") ?? "")]
            var count: Int64 = 0
            for (index, bound) in Histogram.bounds.enumerated() {
                count += record.number("bucket_\(index)") ?? 0
                family.samples.append(Sample("_bucket", labels + [("le", decimal(bound, digits: 3))], String(count)))
            }
            count += record.number("bucket_\(Histogram.bounds.count)") ?? 0
            family.samples.append(Sample("_bucket", labels + [("le", "+Inf")], String(count)))
            family.samples.append(Sample("_sum", labels, decimal(record.number("sum_us") ?? 0, digits: 6)))
            family.samples.append(Sample("_count", labels, String(count)))
        }
        return family
    }

    private static func generations(_ records: [StatusRecord]) -> [Family] {
        let generations = records.filter { $0.kind == .generation }
        let states = ["starting", "ready", "draining"]
        func labels(_ record: StatusRecord) -> [(name: String, value: String)] {
            [("generation", String(record.number("generation") ?? 0)), ("state", record.text("state") ?? "")]
        }
        return [
            Family(
                "baton_generations", .gauge, "Current generations by state.",
                states.map { state in
                    Sample([("state", state)], Int64(generations.count { $0.text("state") == state }))
                }),
            Family(
                "baton_generation_connections", .gauge,
                "Open connections of each generation, if they can be counted.",
                generations.compactMap { record in record.number("open").map { Sample(labels(record), $0) } }),
            Family(
                "baton_generation_start_time_seconds", .gauge, "Start time of each generation, in seconds since 1970.",
                generations.compactMap { record in
                    record.number("started_at").map { Sample(labels(record), thousandths: $0) }
                }),
        ]
    }

    private static func sources(_ sources: [StatusRecord]) -> [Family] {
        func time(_ name: String, _ field: String, _ help: String) -> Family {
            Family(
                name, .gauge, help,
                sources.compactMap { record in
                    record.number(field).map { Sample([("source", record.text("source") ?? "")], thousandths: $0) }
                })
        }
        return [
            Family(
                "baton_watch_strategy", .gauge, "1 for the strategy that watches a source.",
                sources.map {
                    Sample([("source", $0.text("source") ?? ""), ("strategy", $0.text("strategy") ?? "")], 1)
                }),
            Family(
                "baton_source_problem", .gauge, "1 while a source cannot be read or its mount is superseded.",
                sources.map { Sample([("source", $0.text("source") ?? "")], $0.text("problem") == nil ? 0 : 1) }),
            time(
                "baton_source_last_change_timestamp_seconds", "changed_at",
                "Time of the last change of a source, in seconds since 1970."),
            time(
                "baton_source_last_check_timestamp_seconds", "checked_at",
                "Time of the last poll of a source, in seconds since 1970."),
        ]
    }

    // MARK: text

    private mutating func add(_ family: Family) {
        // OpenMetrics names a counter without what its samples end in.
        let name =
            form == .openMetrics && family.kind == .counter && family.name.hasSuffix("_total")
            ? String(family.name.dropLast("_total".count)) : family.name
        text += "# HELP \(name) \(Self.escaped(family.help))\n# TYPE \(name) \(family.kind.rawValue)\n"
        for sample in family.samples {
            let labels = sample.labels.map { "\($0.name)=\"\(Self.escaped($0.value))\"" }.joined(separator: ",")
            text += "\(family.name)\(sample.suffix)\(labels.isEmpty ? "" : "{\(labels)}") \(sample.value)\n"
        }
    }

    private static func escaped(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { out, scalar in
            switch scalar {
            case "\\": out += "\\\\"
            case "\"": out += "\\\""
            case "\n": out += "\\n"
            default: out.unicodeScalars.append(scalar)
            }
        }
    }

    /// `12345` with three digits: `12.345`.
    private static func decimal(_ number: Int64, digits: Int) -> String {
        var unit: Int64 = 1
        for _ in 0..<digits { unit *= 10 }
        let fraction = String(number.magnitude % UInt64(unit))
        let padded = String(repeating: "0", count: digits - fraction.count) + fraction
        var trimmed = padded[...]
        while trimmed.hasSuffix("0") { trimmed.removeLast() }
        let whole = "\(number < 0 ? "-" : "")\(number.magnitude / UInt64(unit))"
        return trimmed.isEmpty ? whole : "\(whole).\(trimmed)"
    }
}
