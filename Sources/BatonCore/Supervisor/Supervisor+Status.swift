// What the supervisor tells of itself.
extension Supervisor {
    /// Some generation takes requests, and no stop has been asked for: what a readiness probe wants to know.
    public var isReady: Bool { phase == .running && isServing }

    /// The generations, the agent, and what has been counted.
    /// - Parameters:
    ///   - now: when it is asked.
    ///   - wall: a moment on the wall clock, in milliseconds since 1970.
    public func status(at now: Instant, wall: (Instant) -> Int64) -> [StatusRecord] {
        planRecords + generations.map { status(of: $0, at: now, wall) } + (plan.agent.choice ? [agentStatus] : [])
            + counterRecords + histogramRecords
    }

    /// How it is as a whole, and where the change stands that is on its way.
    /// - Parameter wall: a moment on the wall clock, in milliseconds since 1970.
    public func overview(wall: (Instant) -> Int64) -> StatusRecord {
        var record = StatusRecord(.baton, [.text("phase", phaseName), .number("ready", isReady ? 1 : 0)])
        if let digestInForce { record.add(.digest(digestInForce)) }
        if let unused = newestUnused {
            record.add(
                .text("newest_digest", unused.digest.description), .number("newest_change", Int64(unused.change.value)),
                .text("newest_outcome", unused.outcome))
        }
        if isPaused { record.add(.number("paused", 1)) }
        if let servingNumber { record.add(.number("serving", Int64(servingNumber.value))) }
        switch life {
        case .preparing(.awaiting(let awaited)):
            record.add(.text("awaits", awaited.sorted().joined(separator: ", ")))
        case .preparing(.validating): record.add(.text("awaits", "the validator"))
        case .preparing: record.add(.text("awaits", "a first snapshot of the configuration"))
        case .running, .stopping, .exited: break
        }
        let open = move.map { ($0.change, step(of: $0)) } ?? proving.map { ($0.change, stepOfProving) }
        if let (change, step) = open {
            record.add(
                .change(change.number), .text("step", step.rawValue), .number("seen_at", wall(change.seenAt)))
            if let (what, end) = obstacle {
                record.add(.text("waits_for", what))
                if let end { record.add(.number("wait_ends_at", wall(end))) }
            }
            if let deadline = timers.deadline(.probation) { record.add(.number("probation_ends_at", wall(deadline))) }
        }
        return record
    }

    /// What a change waits for that the app cannot be told yet, and until when at most.
    private var obstacle: (String, Instant?)? {
        guard let move else { return nil }
        switch move.step {
        case .holding, .inspecting:
            if let starting { return ("generation \(starting.number) to be ready", nil) }
            guard let number = move.awaitsHandlerOf, let generation = generation(number, in: .ready) else { return nil }
            return ("generation \(number) to catch \(settings.reloadSignal)", handlerDeadline(generation))
        case .staging, .validating, .paused, .splaying, .reloading, .scanning, .awaitingGone, .starting: return nil
        }
    }

    /// What the sources hold, where the app runs with something else, and how that came.
    private var newestUnused: (digest: Digest, change: ChangeNumber, outcome: String)? {
        guard let lastSeen, lastSeen != digestInForce, let last = history.entries.last, let outcome = last.outcome
        else {
            return nil
        }
        switch outcome {
        case .rejected, .rolledBack, .failed:
            return last.change.digest == lastSeen ? (lastSeen, last.change.number, outcome.name) : nil
        case .applied where last.change.cause == .rollback:
            return (lastSeen, last.change.number, Outcome.rolledBack(reason: "").name)
        case .applied, .superseded: return nil
        }
    }

    private var phaseName: String {
        switch phase {
        case .waiting: "waiting"
        case .running: "running"
        case .stopping: "stopping"
        case .exited: "exited"
        }
    }

    private func status(of generation: Generation, at now: Instant, _ wall: (Instant) -> Int64) -> StatusRecord {
        var record = StatusRecord(
            .generation,
            [
                .generation(generation.number), .text("state", generation.kind.rawValue),
                .number("started_at", wall(generation.startedAt)),
                .number("age_ms", (now - generation.startedAt).nanoseconds / 1_000_000),
            ])
        if let digest = generation.digest { record.add(.digest(digest)) }
        if let readyAt = generation.readyAt { record.add(.number("ready_at", wall(readyAt))) }
        if proving?.generation == generation.number {
            record.add(.text("role", provingRole))
        } else if case .standby = generation.state {
            let share = slowStart.map { "\(100 - $0.percent) % of new connections" }
            record.add(.text("role", share ?? "kept for a rollback"))
        }
        if let since = generation.drainingSince { record.add(.number("draining_since", wall(since))) }
        if let deadline = timers.deadline(.drain(generation.number)) {
            record.add(.number("drain_left_ms", max(0, (deadline - now).nanoseconds / 1_000_000)))
        }
        if !generation.isMainAlive { record.add(.text("role", "its main process has ended")) }
        return record
    }

    /// Of the generation that is proved.
    private var provingRole: String {
        slowStart.map { "in slow start, \($0.percent) % of new connections" } ?? "on probation"
    }

    /// What was decided at the start, and what has come of it.
    private var planRecords: [StatusRecord] {
        var plan = plan
        if let adoptionRefusal { plan.adoption = .init(.refused, adoptionRefusal) }
        return plan.decisions.map {
            StatusRecord(.plan, [.text("decision", $0.name), .text("choice", $0.choice), .text("reason", $0.reason)])
        }
    }

    private var agentStatus: StatusRecord {
        let state =
            switch agent {
            case .notStarted: "not started yet"
            case .running: "running"
            case .ended where timers.deadline(.agent) != nil: "ended, restarting soon"
            case .ended: "ended"
            }
        return StatusRecord(
            .agent,
            [
                .text("state", state),
                .number("starts", counters.agentStarts),
            ])
    }

    private var counterRecords: [StatusRecord] {
        let outcomes = ["applied", "superseded", "rejected", "rolled_back", "failed"].map {
            StatusRecord(
                .counter,
                [
                    .text("name", "config_changes_total"), .text("outcome", $0),
                    .number("value", history.outcomes[$0] ?? 0),
                ])
        }
        let proofs = Outcome.Proof.allCases.map {
            StatusRecord(
                .counter,
                [
                    .text("name", "config_applied_total"), .text("proof", $0.rawValue),
                    .number("value", history.proofs[$0] ?? 0),
                ])
        }
        let others = [
            ("generations_started_total", counters.generationsStarted), ("app_crashes_total", counters.appCrashes),
            ("agent_starts_total", counters.agentStarts), ("drain_cut_connections_total", counters.connectionsCut),
        ].map { StatusRecord(.counter, [.text("name", $0.0), .number("value", $0.1)]) }
        return outcomes + proofs + others
    }

    private var histogramRecords: [StatusRecord] {
        History.Step.allCases.map { step in
            let histogram = history.durations[step] ?? Histogram()
            var record = StatusRecord(
                .histogram,
                [.text("step", step.rawValue), .number("sum_us", histogram.sum.nanoseconds / 1000)])
            for (index, count) in histogram.counts.enumerated() { record.add(.number("bucket_\(index)", count)) }
            return record
        }
    }

    /// What lasts, for a terminal: a bar, how much of it is over, what is left. Nil where nothing does.
    public func progress(at now: Instant) -> String? {
        if let proving, let end = timers.deadline(.probation) {
            let left = end - now
            return Self.bar(left, of: proving.time)
                + " generation \(proving.generation) \(provingRole), \(Self.wholeSeconds(left)) left"
        }
        guard let draining = generations.last(where: { $0.kind == .draining && !$0.isKilled }),
            let end = timers.deadline(.drain(draining.number))
        else { return nil }
        let left = end - now
        let count = draining.connections.map { $0.open + $0.queued } ?? 0
        let connections = count == 0 ? "" : "\(plural(count, "connection")) left, "
        return Self.bar(left, of: settings.drainTimeout) + " draining generation \(draining.number), \(connections)"
            + "\(Self.wholeSeconds(left)) left to finish"
    }

    private static func bar(_ left: Interval, of whole: Interval) -> String {
        let width: Int64 = 24
        let done = max(0, whole.nanoseconds - left.nanoseconds) / max(1, whole.nanoseconds / width)
        let filled = Int(min(width, done))
        return "[" + String(repeating: "#", count: filled) + String(repeating: "-", count: Int(width) - filled) + "]"
    }

    private static func wholeSeconds(_ interval: Interval) -> String {
        "\(max(0, (interval.nanoseconds + 999_999_999) / 1_000_000_000))s"
    }

    /// The last changes, the oldest first.
    public func historyRecords(wall: (Instant) -> Int64) -> [StatusRecord] {
        history.entries.map { entry in
            var record = StatusRecord(
                .change,
                [
                    .change(entry.change.number), .digest(entry.change.digest),
                    .number("seen_at", wall(entry.change.seenAt)),
                    .text("outcome", entry.outcome?.name ?? "in progress"),
                ])
            if entry.change.isManual { record.add(.number("manual", 1)) }
            if entry.change.cause == .rollback { record.add(.number("rollback", 1)) }
            if let means = entry.outcome?.means { record.add(.text("means", means.rawValue)) }
            if let proof = entry.outcome?.proof { record.add(.text("proof", proof.rawValue)) }
            if let reason = entry.outcome?.reason { record.add(.text("reason", reason)) }
            if let endedAt = entry.endedAt { record.add(.number("ended_at", wall(endedAt))) }
            if let generation = entry.generation { record.add(.generation(generation)) }
            for step in History.Step.allCases {
                guard let took = entry.steps[step] else { continue }
                record.add(.number("\(step.rawValue)_us", took.nanoseconds / 1000))
            }
            return record
        }
    }
}

extension Supervisor {
    /// Of a change's way to the app.
    func step(of move: Move) -> History.Step {
        switch move.step {
        case .staging: .stage
        case .validating: .validate
        case .paused: .pause
        case .splaying: .splay
        case .inspecting, .reloading, .holding, .scanning, .awaitingGone, .starting: .apply
        }
    }

    /// Of the change that is in force and not proven yet.
    var stepOfProving: History.Step { slowStart == nil ? .probation : .slowStart }
}

extension Supervisor.Move {
    /// That is, or was, started for it.
    var generation: GenerationNumber? {
        switch step {
        case .starting(let number, _), .inspecting(let number), .reloading(let number): number
        case .staging, .validating, .paused, .splaying, .holding, .scanning, .awaitingGone: nil
        }
    }
}
