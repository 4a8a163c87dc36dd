/// What the supervisor remembers of the changes that it has seen: the last of them one by one, and of all of them the counts.
public struct History: Sendable {
    /// The way of a change, step by step.
    public enum Step: String, Sendable, CaseIterable {
        /// From the first sign of it until it was read.
        case settle
        case stage
        case validate
        /// Waiting until somebody resumes changes.
        case pause
        case splay
        /// From the decision until the app has it: the signal sent, the new generation ready.
        case apply
        case slowStart = "slow_start"
        case probation
        /// After them, until the generation before was gone.
        case drain
    }

    public struct Entry: Sendable {
        public let change: Change
        public internal(set) var steps: [Step: Interval] = [:]
        /// Nil while it is on its way.
        public internal(set) var outcome: Outcome?
        public internal(set) var endedAt: Instant?
        /// That has it, where one was started for it.
        public internal(set) var generation: GenerationNumber?
    }

    /// So many are kept.
    public static let limit = 50

    /// The oldest first.
    public private(set) var entries: [Entry] = []
    public private(set) var outcomes: [String: Int64] = [:]
    /// Of those that were applied.
    public private(set) var proofs: [Outcome.Proof: Int64] = [:]
    public private(set) var durations: [Step: Histogram] = [:]

    /// Since when each change without an outcome has been in its step: the one on its way, and the one that is being proven.
    private var open: [(change: ChangeNumber, step: Step, since: Instant)] = []

    mutating func begin(_ change: Change, touchedAt: Instant) {
        if entries.count >= Self.limit { entries.removeFirst() }
        entries.append(Entry(change: change))
        note(change.seenAt - touchedAt, of: .settle, change.number)
    }

    /// The change is in this step now; nil: it has come to its end.
    mutating func enter(_ new: Step?, of change: ChangeNumber, at now: Instant) {
        if let index = open.firstIndex(where: { $0.change == change }) {
            guard open[index].step != new else { return }
            let ended = open.remove(at: index)
            note(now - ended.since, of: ended.step, change)
        }
        if let new { open.append((change, new, now)) }
    }

    mutating func end(_ change: Change, _ outcome: Outcome, generation: GenerationNumber?, at now: Instant) {
        enter(nil, of: change.number, at: now)
        outcomes[outcome.name, default: 0] += 1
        if let proof = outcome.proof { proofs[proof, default: 0] += 1 }
        guard let index = index(change.number) else { return }
        entries[index].outcome = outcome
        entries[index].endedAt = now
        entries[index].generation = generation
    }

    /// A step of a change has come to its end.
    mutating func note(_ interval: Interval, of step: Step, _ change: ChangeNumber) {
        durations[step, default: Histogram()].add(interval)
        guard let index = index(change) else { return }
        entries[index].steps[step] = (entries[index].steps[step] ?? .zero) + interval
    }

    private func index(_ change: ChangeNumber) -> Int? { entries.lastIndex { $0.change.number == change } }
}

extension Outcome {
    /// As a field or a label has it.
    public var name: String {
        switch self {
        case .applied: "applied"
        case .superseded: "superseded"
        case .rejected: "rejected"
        case .rolledBack: "rolled_back"
        case .failed: "failed"
        }
    }

    /// Why it was not applied; nil where there is nothing to say.
    public var reason: String? {
        switch self {
        case .applied, .superseded: nil
        case .rejected(let reason), .rolledBack(let reason), .failed(let reason): reason
        }
    }

    public var means: Means? { if case .applied(let means, _) = self { means } else { nil } }
    public var proof: Proof? { if case .applied(_, let proof) = self { proof } else { nil } }
}

/// What has happened so far, counted.
public struct Counters: Sendable, Hashable {
    /// Generations that were started, the first included.
    public internal(set) var generationsStarted: Int64 = 0
    /// Generations that had served and ended without having been told to.
    public internal(set) var appCrashes: Int64 = 0
    public internal(set) var agentStarts: Int64 = 0
    /// Connections that a generation still had when it was killed.
    public internal(set) var connectionsCut: Int64 = 0
}
