import BatonCore

/// What Baton tells of itself, for people.
struct StatusText {
    /// With bold headings and colours.
    let isForTerminal: Bool

    func text(_ records: [StatusRecord], _ request: StatusRequest) -> String {
        switch request {
        case .status: status(records)
        case .history: history(records)
        case .reload, .rollback: "\(request.rawValue) requested; baton history shows the outcome\n"
        case .pause: "changes are paused; \"baton resume\" applies them again\n"
        case .resume: "changes are applied again\n"
        }
    }

    // MARK: status

    private func status(_ records: [StatusRecord]) -> String {
        var text = ""
        if let baton = records.first(where: { $0.kind == .baton }) { text += overview(baton) }
        let now = records.first?.number("now") ?? 0
        if let decision = records.first(where: { $0.text("decision") == "on change" }) {
            text += "  on change: \(decision.text("choice") ?? "") (\(decision.text("reason") ?? ""))\n"
        }
        let sources = records.filter { $0.kind == .source }
        if !sources.isEmpty {
            text += heading("Sources")
            text += table(sources.map { source($0, now) })
            for source in sources {
                guard let problem = source.text("problem") else { continue }
                text += "  \(colour(.red, "!")) \(source.text("source") ?? ""): \(problem)\n"
            }
        }
        for decision in records where decision.kind == .plan && decision.text("choice") == "refused" {
            text +=
                "  \(colour(.red, "!")) \(decision.text("decision") ?? "") refused: \(decision.text("reason") ?? "")\n"
        }
        text += heading("Generations")
        let generations = records.filter { $0.kind == .generation }
        text += generations.isEmpty ? "  none\n" : table(generations.map { generation($0, now) })
        for agent in records where agent.kind == .agent {
            let starts = agent.number("starts") ?? 0
            text += heading("Agent")
            text += "  \(agent.text("state") ?? "")" + (agent.number("pid").map { ", process \($0)" } ?? "")
            text += starts > 1 ? ", started \(starts) times\n" : "\n"
        }
        return text + heading("Totals") + counters(records)
    }

    /// Of the newest content, where the app runs with an older one.
    private func unused(_ baton: StatusRecord) -> String {
        guard let digest = baton.text("newest_digest"), let change = baton.number("newest_change") else { return "" }
        let words =
            switch baton.text("newest_outcome") {
            case "rolled_back": "was rolled back"
            case "rejected": "was rejected"
            default: "failed"
            }
        return "; the newest, \(digest), " + colour(.red, words) + " (change \(change))"
    }

    private func overview(_ baton: StatusRecord) -> String {
        let isReady = baton.number("ready") == 1
        let state = colour(isReady ? .green : .yellow, isReady ? "ready" : "not ready")
        var text = "\(bold("baton \(baton.text("version") ?? "")")): \(baton.text("phase") ?? ""), \(state)"
        text += ", process \(baton.number("pid") ?? 0)"
        if let since = baton.number("started_at"), let now = baton.number("now") {
            text += ", running for \(age(now - since))"
        }
        text += "\n"
        if let digest = baton.text("digest") { text += "  configuration \(digest) in use\(unused(baton))\n" }
        if baton.number("paused") == 1 {
            text += "  \(colour(.yellow, "changes are paused")): \"baton resume\" applies them again\n"
        }
        if let awaits = baton.text("awaits") { text += "  app not started: waiting for \(awaits)\n" }
        if let change = baton.number("change"), let progress = progress(baton) {
            text += "  change \(change): \(progress)\n"
        }
        return text
    }

    /// Where the change stands that is on its way; nil where none is.
    func progress(_ baton: StatusRecord) -> String? {
        guard let step = baton.text("step").flatMap(History.Step.init) else { return nil }
        var text =
            switch step {
            case .settle: "being read"
            case .stage: "being written to the stage"
            case .validate: "being validated"
            case .pause: "waiting for \"baton resume\""
            case .splay: "waiting for its random delay (BATON_SPLAY)"
            case .apply: baton.text("waits_for").map { "waiting for \($0)" } ?? "being applied"
            case .slowStart: "in slow start"
            case .probation: "on probation"
            case .drain: "draining"
            }
        if let end = baton.number("wait_ends_at") ?? baton.number("probation_ends_at"), let now = baton.number("now") {
            text += ", \(age(end - now)) left"
        }
        return text
    }

    private func source(_ record: StatusRecord, _ now: Int64) -> [String] {
        let changed = record.number("changed_at").map { "changed \(age(now - $0)) ago" }
        let touched = record.number("touched_at").map { "touched \(age(now - $0)) ago with the same content" }
        let seen = [changed, touched].compactMap(\.self).joined(separator: ", ")
        return [
            record.text("source") ?? "", record.text("strategy") ?? "", record.text("kind") ?? "",
            seen.isEmpty ? "no change seen yet" : seen,
            record.text("reason") ?? "",
        ]
    }

    private func generation(_ record: StatusRecord, _ now: Int64) -> [String] {
        let state = record.text("state") ?? ""
        let shown = state == "ready" ? colour(.green, state) : colour(.yellow, state)
        var connections = record.number("open").map { plural($0, "connection") } ?? ""
        if let idle = record.number("idle"), idle > 0 { connections += ", \(idle) idle" }
        var remarks = record.text("role") ?? ""
        if let left = record.number("drain_left_ms") {
            remarks += (remarks.isEmpty ? "" : ", ") + "\(age(left)) left to drain"
        }
        return [
            "\(record.number("generation") ?? 0)", shown, age(record.number("age_ms") ?? 0),
            record.number("pid").map { "process \($0)" } ?? "", connections, record.text("digest") ?? "", remarks,
        ]
    }

    private func counters(_ records: [StatusRecord]) -> String {
        func count(_ name: String, _ outcome: String? = nil) -> Int64 {
            records.first { $0.text("name") == name && $0.text("outcome") == outcome }?.number("value") ?? 0
        }
        let isNone = records.contains { $0.text("decision") == "on change" && $0.text("choice") == "none" }
        let words = ["rolled_back": "rolled back"].merging(isNone ? ["applied": "recorded only"] : [:]) { $1 }
        let outcomes = ["applied", "superseded", "rejected", "rolled_back", "failed"].map {
            "\(count("config_changes_total", $0)) \(words[$0] ?? $0)"
        }
        var text = "  changes: \(outcomes.joined(separator: ", "))\n"
        text +=
            "  generations started: \(count("generations_started_total")), ended unexpectedly: \(count("app_crashes_total"))\n"
        text += "  connections killed: \(count("drain_cut_connections_total"))"
        text += ", changes missed by inotify: \(count("watch_missed_total"))"
        return text + ", log lines dropped: \(count("log_dropped_total"))\n"
    }

    // MARK: history

    private func history(_ records: [StatusRecord]) -> String {
        let changes = records.filter { $0.kind == .change }
        guard !changes.isEmpty else { return "no changes yet\n" }
        let now = records.first?.number("now") ?? 0
        return changes.reversed().map { change in
            let seen = change.number("seen_at") ?? 0
            return "\(bold("change \(change.number("change") ?? 0)")), \(age(now - seen)) ago, \(outcome(change))"
        }.joined()
    }

    /// With the end of its line; a second line for the steps.
    func outcome(_ change: StatusRecord) -> String {
        let name = change.text("outcome") ?? ""
        let shown = name == "rolled_back" ? "rolled back" : name
        let isRecordedOnly = change.text("means") == "none"
        var text =
            isRecordedOnly
            ? "recorded only (BATON_ON_CHANGE=none)"
            : colour(name == "applied" ? .green : name == "superseded" ? .plain : .red, shown)
        if let means = change.text("means"), !isRecordedOnly { text += " by \(means)" }
        if let proof = change.text("proof"), !isRecordedOnly { text += ", proof: \(proof)" }
        if let generation = change.number("generation") { text += ", generation \(generation)" }
        if let digest = change.text("digest") { text += ", \(digest)" }
        if change.number("rollback") == 1 {
            text += ", rollback requested"
        } else if change.number("manual") == 1 {
            text += ", requested"
        }
        if let reason = change.text("reason") { text += ": \(reason)" }
        let steps = History.Step.allCases.compactMap { step in
            change.number("\(step.rawValue)_us").map { "\(step.rawValue) \(Interval(saturating: $0, times: 1000))" }
        }
        return text + "\n" + (steps.isEmpty ? "" : "    \(steps.joined(separator: ", "))\n")
    }

    // MARK: parts

    private enum Colour: String { case red = "31", green = "32", yellow = "33", plain = "0" }

    private func colour(_ colour: Colour, _ text: String) -> String {
        isForTerminal && colour != .plain ? "\u{1b}[\(colour.rawValue)m\(text)\u{1b}[0m" : text
    }

    private func bold(_ text: String) -> String { isForTerminal ? "\u{1b}[1m\(text)\u{1b}[0m" : text }

    private func heading(_ text: String) -> String { bold(text) + "\n" }

    /// Columns as wide as their widest; what a terminal does not show is not counted.
    private func table(_ rows: [[String]]) -> String {
        let columns = rows.map(\.count).max() ?? 0
        let widths = (0..<columns).map { column in rows.map { $0.count > column ? width($0[column]) : 0 }.max() ?? 0 }
        return rows.map { row in
            var line = " "
            for (text, wanted) in zip(row, widths) where wanted > 0 {
                line += " " + text + String(repeating: " ", count: wanted - width(text) + 1)
            }
            while line.hasSuffix(" ") { line.removeLast() }
            return line + "\n"
        }.joined()
    }

    private func width(_ text: String) -> Int {
        var count = 0
        var isEscape = false
        for character in text {
            if character == "\u{1b}" { isEscape = true }
            if !isEscape { count += 1 }
            if isEscape, character == "m" { isEscape = false }
        }
        return count
    }

    /// The two largest units that say something.
    private func age(_ milliseconds: Int64) -> String {
        guard milliseconds >= 10_000 else { return Interval.milliseconds(max(0, milliseconds)).description }
        let seconds = milliseconds / 1000
        if seconds < 60 { return "\(seconds)s" }
        if seconds < 3600 { return "\(seconds / 60)m \(seconds % 60)s" }
        if seconds < 86_400 { return "\(seconds / 3600)h \(seconds / 60 % 60)m" }
        return "\(seconds / 86_400)d \(seconds / 3600 % 24)h"
    }
}
