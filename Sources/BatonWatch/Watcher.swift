public import BatonCore
import BatonLinux

/// Watches all sources: inotify where it can be trusted, looks at intervals where it cannot, and an audit beside inotify.
/// Reports that something may have changed; what that means is decided elsewhere.
public final class Watcher {
    public enum Report: Sendable, Hashable {
        case touched(atomic: Bool)
        case mountSuperseded(path: String)
        case log(LogRecord)
    }

    public struct Configuration: Sendable {
        public var strategy: StrategyChoice
        public var pollInterval: Interval
        public var auditInterval: Interval
        /// Spreads the looks of a fleet: a number of this host.
        public var phaseSeed: UInt64
        /// Mixed into every digest, so that who reads the log cannot check a guess of a secret against it.
        public var digestSalt: UInt64?

        public init(
            strategy: StrategyChoice, pollInterval: Interval, auditInterval: Interval, phaseSeed: UInt64,
            digestSalt: UInt64? = nil
        ) {
            self.strategy = strategy
            self.pollInterval = pollInterval
            self.auditInterval = auditInterval
            self.phaseSeed = phaseSeed
            self.digestSalt = digestSalt
        }
    }

    let configuration: Configuration
    let sources: [WatchedSource]
    var inotify: Inotify?
    /// Which sources each inotify watch serves.
    var owners: [Int32: Set<Int>] = [:]
    var mounts = MountTable(mounts: [])
    var random: RandomSource
    var reports: [Report] = []
    /// When inotify was last asked for events.
    var drainedAt: Instant?
    /// Changes that inotify missed and an audit found.
    public private(set) var missed = 0

    /// How long a helper may look at a remote file system before it is killed.
    static let helperTimeout: Interval = .seconds(15)
    /// How much later than the change itself inotify may tell of it: the kernel does so behind the rename, when it comes to it.
    static let noticeTime: Interval = .seconds(1)

    public init(paths: [String], configuration: Configuration) {
        self.configuration = configuration
        random = RandomSource(seed: configuration.phaseSeed)
        if !paths.isEmpty { mounts = (try? MountTable.current()) ?? mounts }
        let table = mounts
        sources = paths.map { Path($0) }.enumerated().map { index, path in
            WatchedSource(
                path: path, index: index, classification: Classification.of(path, configuration.strategy, table))
        }
    }

    /// What each source is, how it is watched and why.
    public var explanations: [(path: String, Classification)] { sources.map { ($0.path.text, $0.classification) } }

    /// To be watched for reading; nil while nothing is watched by inotify.
    public var inotifyDescriptor: Int32? { inotify?.number }

    /// Begins to watch. Read the first snapshot after this, so that nothing falls in between.
    public func start(at now: Instant) -> [Report] {
        for source in sources {
            report(explanation(source))
            if source.strategy == .inotify || besidePoll(source) { arm(source, now) }
            source.nextLook = firstLook(source, now)
        }
        return takeReports()
    }

    // MARK: looks

    public var nextDeadline: Instant? {
        var next: Instant?
        func consider(_ instant: Instant?) {
            guard let instant else { return }
            next = next.map { min($0, instant) } ?? instant
        }
        for source in sources {
            if source.helper == nil { consider(source.nextLook) }
            consider(source.inotifyRetryAt)
            consider(source.noticeDue)
            if let process = source.helper?.process, !process.isKilled { consider(process.deadline) }
        }
        return next
    }

    public func tick(at now: Instant) -> [Report] {
        if let deadline = nextDeadline, deadline <= now {
            // Events that wait are news, not something that inotify missed.
            drainInotify(now)
            mounts = (try? MountTable.current()) ?? mounts
            for source in sources { tick(source, now) }
        }
        return takeReports()
    }

    func besidePoll(_ source: WatchedSource) -> Bool {
        source.hasInotifyBesidePoll && configuration.strategy != .poll
    }

    private func tick(_ source: WatchedSource, _ now: Instant) {
        if let retryAt = source.inotifyRetryAt, retryAt <= now { retryInotify(source, now) }
        killLateHelper(source, now)
        if let due = source.noticeDue, due <= now { distrustInotify(source, now) }
        guard source.helper == nil, let due = source.nextLook, due <= now else { return }
        source.nextLook =
            source.isRemote || source.strategy == .poll || configuration.auditInterval > .zero
            ? max(due + interval(source), now) : nil
        if source.isRemote { return startHelper(source, now) }
        source.checkedAt = now
        checkSuperseded(source)
        let wasTouched = source.isTouched
        lookForChange(source)
        if source.strategy == .inotify, source.isTouched, !wasTouched {
            source.noticeDue = source.noticeDue ?? now + Watcher.noticeTime
        }
    }

    private func lookForChange(_ source: WatchedSource) {
        let look = SourceScanner(path: source.path, mounts: mounts).look()
        if case .there(let identity) = look, identity == source.identity { return }
        source.straightWay = nil
        switch look {
        case .there: touch(source, atomic: source.isAtomic)
        case .absent: if source.identity != nil { touch(source, atomic: false) }
        case .failed(let reason): complain(source, reason)
        }
    }

    private func distrustInotify(_ source: WatchedSource, _ now: Instant) {
        missed += 1
        source.isInotifyDistrusted = true
        disarm(source)
        degrade(source, now, "an audit found a change that inotify had not reported")
    }

    /// inotify does not work for this source: look at intervals instead, and say why.
    func degrade(_ source: WatchedSource, _ now: Instant, _ reason: String) {
        let wasPolled = source.strategy == .poll
        source.strategy = .poll
        if !source.isInotifyDistrusted, !source.isRemote {
            source.inotifyRetryAt = now + source.inotifyRetry.next(&random)
        }
        source.nextLook = min(source.nextLook ?? now + configuration.pollInterval, now + configuration.pollInterval)
        guard !wasPolled else { return }
        report(
            LogRecord(
                .warn, "source_degraded",
                "\(source.path) is looked at every \(configuration.pollInterval) from now on: \(reason)",
                [.text("source", source.path.text), .text("strategy", "poll")]))
    }

    private func retryInotify(_ source: WatchedSource, _ now: Instant) {
        source.inotifyRetryAt = nil
        source.strategy = .inotify
        arm(source, now)
        guard source.strategy == .inotify else { return }
        source.inotifyRetry.reset()
        source.nextLook = firstLook(source, now)
        report(
            LogRecord(
                .info, "source_recovered", "\(source.path) is watched by inotify again",
                [.text("source", source.path.text), .text("strategy", "inotify")]))
        lookForChange(source)
    }

    // MARK: superseded mounts

    func checkSuperseded(_ source: WatchedSource) {
        guard let point = source.classification.pinningMount, !source.isSuperseded else { return }
        let isUnlinked = (try? FileStatus.following(point.text).links) == 0
        guard isUnlinked || (try? MountTable.current())?.mount(at: point)?.isSuperseded == true else { return }
        source.isSuperseded = true
        report(.mountSuperseded(path: source.path.text))
    }

    // MARK: remote file systems

    private func startHelper(_ source: WatchedSource, _ now: Instant) {
        do {
            source.helper = try PollHelper(source.path, known: source.identity, deadline: now + Watcher.helperTimeout)
        } catch {
            complain(source, error.description)
        }
    }

    private func killLateHelper(_ source: WatchedSource, _ now: Instant) {
        guard let process = source.helper?.process, !process.isKilled, process.deadline <= now else { return }
        process.kill()
        complain(source, "a look at it did not end within \(Watcher.helperTimeout); the last good snapshot stays")
    }

    /// Descriptors of helpers' answers, with the index by which to hand them back.
    public var helperDescriptors: [(index: Int, descriptor: Int32)] {
        sources.compactMap { source in
            source.helper.map { (source.index, $0.process.descriptor) }
        }
    }

    /// Nobody waits for them any more.
    public func endHelpers() { for source in sources { source.helper?.process.kill() } }

    /// - Returns: nil while the answer is not complete.
    public func helperAnswered(_ index: Int, at now: Instant) -> [Report]? {
        guard sources.indices.contains(index) else { return [] }
        let source = sources[index]
        guard let helper = source.helper, let answer = helper.receive() else { return nil }
        source.helper = nil
        if case .reading(let reading) = answer, !helper.process.isKilled {
            let before = source.digest
            source.checkedAt = now
            take(reading, for: source, at: now)
            if source.digest != before { report(.touched(atomic: true)) }
        }
        return takeReports()
    }

    // MARK: snapshots

    /// The digest of everything as it is now; nil where some remote source has not been read for the first time.
    public func readSnapshot(at now: Instant) -> (result: Supervisor.SnapshotResult?, [Report]) {
        // What has come since the events that led here is for the next reading.
        if drainedAt.map({ now - $0 > .milliseconds(1) }) ?? true { drainInotify(now) }
        var torn: String?
        for source in sources where !source.isRemote {
            source.isTouched = false
            source.checkedAt = now
            let scanner = SourceScanner(path: source.path, mounts: mounts)
            guard let reading = scanner.read(by: source.straightWay, unless: source.identity) else { continue }
            if case .content = reading {} else { source.straightWay = nil }
            if case .torn(let detail) = take(reading, for: source, at: now) { torn = detail }
        }
        torn = torn ?? movedMeanwhile()
        if let torn { return (.torn(torn), takeReports()) }
        return (combinedDigest().map { .whole($0) }, takeReports())
    }

    /// Several sources are one snapshot: none may have moved while the others were read.
    private func movedMeanwhile() -> String? {
        guard sources.count > 1 else { return nil }
        for source in sources where !source.isRemote {
            guard let identity = source.identity else { continue }
            let look = SourceScanner(path: source.path, mounts: mounts).look()
            if case .there(let current) = look, current != identity { return "\(source.path) moved" }
        }
        return nil
    }

    private func combinedDigest() -> Digest? {
        var hash = SHA256()
        if let salt = configuration.digestSalt { hash.update(salt) }
        for source in sources {
            guard let digest = source.digest else { return nil }
            digest.parts.forEach { hash.update($0) }
        }
        return hash.finish()
    }

    /// Stands for a source that is not there and never was.
    static let absence: Digest = {
        var hash = SHA256()
        hash.update("absent")
        return hash.finish()
    }()

    @discardableResult
    private func take(_ reading: SourceScanner.Reading, for source: WatchedSource, at now: Instant)
        -> SourceScanner.Reading
    {
        switch reading {
        case .content(let identity, let digest):
            if source.digest != nil, source.digest != digest { source.changedAt = now }
            source.identity = identity
            source.digest = digest
            if source.complaint != nil {
                source.complaint = nil
                report(
                    LogRecord(
                        .info, "source_back", "\(source.path) can be read again", [.text("source", source.path.text)]))
            }
        case .absent:
            source.identity = nil
            if source.digest == nil || source.digest == Watcher.absence {
                source.digest = Watcher.absence
            } else {
                complain(source, "it is not there any more; the last good snapshot stays")
            }
        case .failed(let reason):
            source.identity = nil
            if source.digest == nil { source.digest = Watcher.absence }
            complain(source, reason)
        case .torn: break
        }
        return reading
    }

    private func complain(_ source: WatchedSource, _ reason: String) {
        guard source.complaint != reason else { return }
        source.complaint = reason
        report(LogRecord(.warn, "source_unreadable", "\(source.path): \(reason)", [.text("source", source.path.text)]))
    }

    // MARK: parts

    func touch(_ source: WatchedSource, atomic: Bool) {
        source.isTouched = true
        report(.touched(atomic: atomic))
    }

    func report(_ report: Report) {
        // A burst of events is one touch; the last word on whether it was atomic counts.
        if case .touched = report,
            let index = reports.firstIndex(where: { if case .touched = $0 { true } else { false } })
        {
            if case .touched(atomic: false) = report { reports[index] = report }
            return
        }
        reports.append(report)
    }

    func report(_ record: LogRecord) { reports.append(.log(record)) }

    func takeReports() -> [Report] {
        defer { reports = [] }
        return reports
    }

    /// Ends the handling of inotify's events from outside.
    public func inotifyReadable(at now: Instant) -> [Report] {
        drainInotify(now)
        return takeReports()
    }

    private func interval(_ source: WatchedSource) -> Interval {
        source.strategy == .poll ? configuration.pollInterval : configuration.auditInterval
    }

    /// Somewhere within the first interval, by host and source, so that a fleet does not look in step. Remote sources
    /// are looked at once at the start.
    func firstLook(_ source: WatchedSource, _ now: Instant) -> Instant? {
        if source.isRemote { return now }
        let interval = interval(source)
        guard interval > .zero else { return nil }
        var phase = RandomSource(
            seed: configuration.phaseSeed &+ source.path.text.utf8.reduce(5381) { $0 &* 33 &+ UInt64($1) })
        return now + phase.interval(upTo: interval)
    }

    private func explanation(_ source: WatchedSource) -> LogRecord {
        let what = source.classification
        return LogRecord(
            .info, "source_watched",
            "watching \(source.path) (\(what.kind.rawValue)) by \(source.strategy.rawValue): \(what.reason)",
            [.text("source", source.path.text), .text("strategy", source.strategy.rawValue)])
    }
}
