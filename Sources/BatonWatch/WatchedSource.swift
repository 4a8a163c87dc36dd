import BatonCore
import BatonLinux

/// One source: what it is, what has been seen of its moving, and what it contains.
final class WatchedSource {
    let index: Int
    var path: Path
    var classification: Classification
    /// Where the path leads, if no link is on the way: from when it was armed until a poll finds it otherwise. The kernel can follow the
    /// same names itself.
    var knownTrace: PathTrace?
    /// The last problem that was logged, so that it is logged once.
    private(set) var problem: String?

    var watch: WatchState
    private(set) var content = ContentState()

    /// What has moved: `Sightings` keeps it.
    struct WatchState {
        var strategy: StrategyInUse
        /// Watches of the one inotify instance that this source needs, each with the names that matter (nil: all).
        var watches: [Int32: [Path]?] = [:]
        /// What inotify has told in this round.
        var finding: Finding?
        var touchedAt: Instant?
        /// Why it is polled, where inotify was meant to watch it.
        var degradation: String?
        var polledAt: Instant?
        /// By a poll.
        var seen: Seen?
        var helper: PollHelper?
        var isSuperseded = false
    }

    /// It was this (nil: not there) at a moment.
    struct Seen {
        let identity: Int?
        let at: Instant
    }

    /// What happened to a source, by inotify.
    struct Finding {
        /// Each of it was whole in one step.
        var isAtomic = true
        /// All of it was swaps of `..data`, which the watches that lead to them outlast.
        var isSwap = true
    }

    /// What was read: `take` writes it.
    struct ContentState {
        /// Of the last reading that was whole.
        fileprivate(set) var identity: Int?
        /// By a reading that ended well.
        fileprivate(set) var seen: Seen?
        /// Of the last good reading; stays when the source vanishes.
        fileprivate(set) var digest: Digest?
        fileprivate(set) var readAt: Instant?
        /// When the content was last seen to have changed.
        fileprivate(set) var changedAt: Instant?

        /// Stands for a source that is not there and never was.
        static let absence: Digest = {
            var hash = SHA256()
            hash.update("absent")
            return hash.finish()
        }()
    }

    init(_ path: Path, index: Int, _ configuration: Watcher.Configuration, _ mounts: MountTable) {
        self.path = path
        self.index = index
        classification = Classification.of(path, configuration.strategy, mounts)
        watch = WatchState(strategy: WatchedSource.strategy(path, classification, configuration))
    }

    /// From now on it is watched at another path.
    func move(to path: Path, _ configuration: Watcher.Configuration, _ mounts: MountTable) {
        self.path = path
        classification = Classification.of(path, configuration.strategy, mounts)
        watch.strategy = WatchedSource.strategy(path, classification, configuration)
        watch.isSuperseded = false
        watch.degradation = nil
        problem = nil
    }

    private static func strategy(_ path: Path, _ classification: Classification, _ configuration: Watcher.Configuration)
        -> StrategyInUse
    {
        let seed = configuration.phaseSeed &+ path.text.utf8.reduce(5381) { $0 &* 33 &+ UInt64($1) }
        return StrategyInUse(classification, configuration, phaseSeed: seed)
    }

    var isRemote: Bool { classification.kind == .remote }
    var isAtomic: Bool { classification.kind == .kubeletVolume || classification.kind == .fileInKubeletVolume }

    /// What it was when it was last seen.
    var lastSeen: Seen? {
        guard let polled = watch.seen, let read = content.seen else { return content.seen ?? watch.seen }
        return polled.at > read.at ? polled : read
    }

    /// When it was touched last, where it was read since and had the same content.
    var touchedInVainAt: Instant? {
        guard problem == nil, let touchedAt = watch.touchedAt, let readAt = content.readAt, readAt >= touchedAt,
            content.changedAt.map({ $0 < touchedAt }) ?? true
        else { return nil }
        return touchedAt
    }

    var checkedAt: Instant? {
        guard let readAt = content.readAt, let polledAt = watch.polledAt else {
            return content.readAt ?? watch.polledAt
        }
        return max(readAt, polledAt)
    }

    // MARK: content

    /// - Parameter reading: nil where it has not moved since it was read last.
    /// - Returns: what is to be logged of it.
    func take(_ reading: SourceScanner.Reading?, at now: Instant) -> LogRecord? {
        content.readAt = now
        switch reading {
        case nil:
            content.seen = Seen(identity: content.identity, at: now)
            return nil
        case .content(let identity, let digest):
            if content.digest != nil, content.digest != digest { content.changedAt = now }
            content.identity = identity
            content.seen = Seen(identity: identity, at: now)
            content.digest = digest
            guard problem != nil else { return nil }
            problem = nil
            return LogRecord(.sourceReadable, "\(path) is readable again", [.text("source", path.text)])
        case .absent:
            content.identity = nil
            content.seen = Seen(identity: nil, at: now)
            guard let digest = content.digest, digest != ContentState.absence else {
                content.digest = ContentState.absence
                return nil
            }
            return complain("it no longer exists; the last good snapshot stays in force")
        case .failed(let reason):
            content.identity = nil
            content.digest = content.digest ?? ContentState.absence
            return complain(reason)
        case .torn: return nil
        }
    }

    func complain(_ reason: String) -> LogRecord? {
        guard problem != reason else { return nil }
        problem = reason
        return LogRecord(.sourceUnreadable, "\(path): \(reason)", [.text("source", path.text)])
    }
}
