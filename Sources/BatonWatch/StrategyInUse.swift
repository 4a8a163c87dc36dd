import BatonCore

/// By which strategy a source is watched, when it is polled next, and when that is to change. It decides by what is found out about
/// inotify, and touches neither inotify nor a file.
struct StrategyInUse: Sendable {
    /// What is due.
    enum Turn: Sendable { case retryInotify, distrustInotify }

    private(set) var current: Strategy
    /// inotify has missed a change here once: it is not trusted again.
    private(set) var isInotifyDistrusted = false
    /// The next poll, or the next audit of inotify.
    private(set) var nextPoll: Instant?
    private(set) var retryAt: Instant?
    /// By when inotify has to have told of what an audit has found.
    private(set) var noticeDue: Instant?
    private var retry = Backoff(first: .seconds(30), limit: .seconds(600))
    private var isRemote = false
    private var isPinned = false
    private let pollInterval: Interval
    private let auditInterval: Interval
    private let mayUseInotify: Bool
    /// Of host and source, so that a fleet does not poll in step.
    private let phaseSeed: UInt64

    /// How much later than the change itself inotify may tell of it: the kernel does so behind the rename, when it comes to it.
    static let noticeTime: Interval = .seconds(1)

    init(_ classification: Classification, _ configuration: Watcher.Configuration, phaseSeed: UInt64) {
        current = classification.strategy
        pollInterval = configuration.pollInterval
        auditInterval = configuration.auditInterval
        mayUseInotify = configuration.strategy != .poll
        self.phaseSeed = phaseSeed
        learn(classification)
    }

    /// What a source is may show only once it is there; the strategy stays.
    mutating func learn(_ classification: Classification) {
        isRemote = classification.kind == .remote
        isPinned = classification.pinningMount != nil
    }

    /// A mount that pins its file is polled, but inotify tells at once when the file is written or loses its last name.
    var usesInotify: Bool { current == .inotify || (mayUseInotify && isPinned && !isInotifyDistrusted) }

    // MARK: time

    /// - Parameter isBeingPolled: a poll is under way.
    func nextDeadline(isBeingPolled: Bool) -> Instant? {
        var next = isBeingPolled ? nil : nextPoll
        if let retryAt { next = min(next ?? retryAt, retryAt) }
        if let noticeDue { next = min(next ?? noticeDue, noticeDue) }
        return next
    }

    /// The first poll is somewhere within the interval. Remote sources are polled at once.
    mutating func begin(at now: Instant) {
        nextPoll = isRemote ? now : interval > .zero ? now + phase : nil
    }

    mutating func takePoll(at now: Instant) -> Bool {
        guard let due = nextPoll, due <= now else { return false }
        nextPoll = isRemote || interval > .zero ? max(due + interval, now) : nil
        return true
    }

    mutating func decide(at now: Instant) -> Turn? {
        if let due = retryAt, due <= now {
            retryAt = nil
            current = .inotify
            return .retryInotify
        }
        if let due = noticeDue, due <= now {
            noticeDue = nil
            isInotifyDistrusted = true
            return .distrustInotify
        }
        return nil
    }

    private var interval: Interval { current == .poll ? pollInterval : auditInterval }

    private var phase: Interval {
        var random = RandomSource(seed: phaseSeed)
        return random.interval(upTo: interval)
    }

    // MARK: what is found out about inotify

    /// It does not work here: polled from now on, and tried again unless it is of no use.
    /// - Returns: whether that is news.
    mutating func inotifyFailed(at now: Instant, _ random: inout RandomSource) -> Bool {
        let isNews = current != .poll
        current = .poll
        noticeDue = nil
        if !isInotifyDistrusted, !isRemote { retryAt = now + retry.next(&random) }
        nextPoll = min(nextPoll ?? now + pollInterval, now + pollInterval)
        return isNews
    }

    mutating func inotifyWorks(at now: Instant) {
        retry.reset()
        begin(at: now)
    }

    /// An audit has found a change of which inotify has not told so far.
    mutating func auditFoundChange(at now: Instant) {
        if current == .inotify { noticeDue = noticeDue ?? now + StrategyInUse.noticeTime }
    }

    mutating func clearNotice() { noticeDue = nil }
}
