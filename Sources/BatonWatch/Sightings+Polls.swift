public import BatonCore
import BatonLinux

// Polls, audits, and what follows from them for the strategy.
extension Sightings {
    func tick(_ source: WatchedSource, _ now: Instant) {
        switch source.watch.strategy.decide(at: now) {
        case .retryInotify: retryInotify(source, now)
        case .distrustInotify:
            missed += 1
            disarm(source)
            degrade(source, now, "an audit found a change that inotify did not report")
        case nil: break
        }
        killLateHelper(source, now)
        guard source.watch.helper == nil, source.watch.strategy.takePoll(at: now) else { return }
        if source.isRemote { return startHelper(source, now) }
        source.watch.polledAt = now
        checkSuperseded(source)
        let before = source.lastSeen
        let toldAt = source.watch.touchedAt
        poll(source, since: before, now)
        // Not the last reading counts, which may have been torn or have failed, but what was there, and whether inotify has told since.
        if let before, let seen = source.watch.seen, seen.at == now, seen.identity != before.identity,
            toldAt.map({ $0 <= before.at }) ?? true
        {
            source.watch.strategy.auditFoundChange(at: now)
        }
    }

    /// - Parameter before: what it was when it was last seen.
    private func poll(_ source: WatchedSource, since before: WatchedSource.Seen?, _ now: Instant) {
        let poll = SourceScanner(path: source.path, mounts: mounts.table).poll()
        switch poll {
        case .there(let identity): source.watch.seen = .init(identity: identity, at: now)
        case .absent: source.watch.seen = .init(identity: nil, at: now)
        case .failed: break
        }
        if case .there(let identity) = poll, identity == source.content.identity { return }
        // Before anything was seen of it, what arming has found stands.
        if before != nil { source.knownTrace = nil }
        switch poll {
        case .there: touch(source, atomic: source.isAtomic, now)
        case .absent: if source.content.identity != nil { touch(source, atomic: false, now) }
        case .failed(let reason): log(source.complain(reason))
        }
    }

    /// inotify does not work for this source: it is polled instead, and the log says why.
    func degrade(_ source: WatchedSource, _ now: Instant, _ reason: String) {
        source.watch.degradation = reason
        guard source.watch.strategy.inotifyFailed(at: now, &random) else { return }
        log(
            LogRecord(
                .sourceDegraded,
                "polling \(source.path) every \(configuration.pollInterval) from now on: \(reason)",
                [.text("source", source.path.text), .text("strategy", "poll")]))
    }

    /// Nobody is told of its events: every source that it serves is polled.
    public func inotifyCannotBeRead(at now: Instant) -> [Sighting] {
        for source in sources where source.watch.strategy.usesInotify {
            disarm(source)
            degrade(source, now, "cannot wait for inotify events")
        }
        inotify = nil
        return takeSeen()
    }

    private func retryInotify(_ source: WatchedSource, _ now: Instant) {
        arm(source, now)
        guard source.watch.strategy.current == .inotify else { return }
        source.watch.strategy.inotifyWorks(at: now)
        source.watch.degradation = nil
        log(
            LogRecord(
                .sourceRecovered, "watching \(source.path) by inotify again",
                [.text("source", source.path.text), .text("strategy", "inotify")]))
        poll(source, since: source.lastSeen, now)
    }

    /// By the mount table as it was read in this round.
    func checkSuperseded(_ source: WatchedSource) {
        guard let point = source.classification.pinningMount, !source.watch.isSuperseded else { return }
        let isUnlinked = (try? FileStatus.following(point.text).links) == 0
        guard isUnlinked || mounts.table.mount(at: point)?.isSuperseded == true else { return }
        source.watch.isSuperseded = true
        see(.mountSuperseded(path: source.path.text))
    }
}
