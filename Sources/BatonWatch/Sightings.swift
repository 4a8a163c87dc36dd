public import BatonCore
import BatonLinux

/// What is told of the sources' moving; what it means is decided elsewhere.
public enum Sighting: Sendable, Hashable {
    /// Something may have changed.
    case touched(atomic: Bool)
    case mountSuperseded(path: String)
    case log(LogRecord)
    /// To be watched for reading from now on.
    case opened(Channel)

    public enum Channel: Sendable, Hashable {
        case inotify(descriptor: Int32)
        /// The answer about one source; the index is to be handed back.
        case helper(index: Int, descriptor: Int32)
    }
}

/// Sees that sources have moved: by inotify where it can be trusted, by polls where it cannot, and by audits beside inotify.
public final class Sightings {
    let configuration: Watcher.Configuration
    let sources: [WatchedSource]
    let mounts: Mounts
    var inotify: Inotify?
    /// That it cannot be had is found out once in a round, and not once for each source.
    var inotifyFailure: (at: Instant, error: LinuxError)?
    /// Which sources each inotify watch serves.
    var owners: [Int32: Set<Int>] = [:]
    var random: RandomSource
    private var seen: [Sighting] = []
    /// Changes that inotify missed and an audit found.
    public internal(set) var missed = 0

    init(_ sources: [WatchedSource], _ mounts: Mounts, _ configuration: Watcher.Configuration) {
        self.sources = sources
        self.mounts = mounts
        self.configuration = configuration
        random = RandomSource(seed: configuration.phaseSeed)
    }

    /// Begins to watch. Read the first snapshot after this, so that nothing falls in between.
    public func start(at now: Instant) -> [Sighting] {
        for source in sources {
            log(explanation(source))
            if source.watch.strategy.usesInotify { arm(source, now) }
            source.watch.strategy.begin(at: now)
        }
        return takeSeen()
    }

    private func explanation(_ source: WatchedSource) -> LogRecord {
        let what = source.classification
        let strategy = source.watch.strategy.current.rawValue
        return LogRecord(
            .sourceWatched,
            "watching \(source.path) (\(what.kind.rawValue)) by \(strategy): \(what.reason)",
            [.text("source", source.path.text), .text("strategy", strategy)])
    }

    // MARK: time

    public var nextDeadline: Instant? {
        var next: Instant?
        for source in sources {
            if let due = nextDeadline(of: source) { next = min(next ?? due, due) }
        }
        return next
    }

    private func nextDeadline(of source: WatchedSource) -> Instant? {
        let own = source.watch.strategy.nextDeadline(isBeingPolled: source.watch.helper != nil)
        guard let process = source.watch.helper?.process, !process.isKilled else { return own }
        return min(own ?? process.deadline, process.deadline)
    }

    public func tick(at now: Instant) -> [Sighting] {
        if let deadline = nextDeadline, deadline <= now {
            // Events that wait are news, not something that inotify missed.
            readInotify(now)
            mounts.refresh()
            for source in sources { tick(source, now) }
        }
        return takeSeen()
    }

    // MARK: what is seen

    func touch(_ source: WatchedSource, atomic: Bool, _ now: Instant) {
        source.watch.touchedAt = now
        see(.touched(atomic: atomic))
    }

    func log(_ record: LogRecord?) { if let record { see(.log(record)) } }

    func see(_ sighting: Sighting) {
        // A burst of events is one touch, and one that is not atomic makes it not atomic.
        if case .touched = sighting,
            let index = seen.firstIndex(where: { if case .touched = $0 { true } else { false } })
        {
            if case .touched(atomic: false) = sighting { seen[index] = sighting }
            return
        }
        seen.append(sighting)
    }

    func takeSeen() -> [Sighting] {
        defer { seen = [] }
        return seen
    }
}
