public import BatonCore

/// Follows one URL by conditional requests (RFC 9110, section 13): what is asked next, and what an answer means.
public struct URLPoll: Sendable {
    /// What makes the next request conditional.
    public struct Validators: Sendable, Hashable {
        public var entityTag: String?
        public var lastModified: String?

        public init(entityTag: String? = nil, lastModified: String? = nil) {
            self.entityTag = entityTag
            self.lastModified = lastModified
        }
    }

    public enum Answer: Sendable, Hashable {
        case content([UInt8], Validators)
        case notModified
        case refused(Int, retryAfter: Interval?)
        case broken(String)
    }

    public enum Effect: Sendable, Hashable {
        case deliver([UInt8])
        case log(LogRecord)
    }

    private let source: URLSource
    private let interval: Interval
    private var random: RandomSource
    private var backoff: Backoff
    private var content: [UInt8]?
    /// When the server last showed that it is there.
    public private(set) var lastLife: Instant
    private var isStaleTold = false

    public private(set) var validators = Validators()
    public private(set) var wait: Interval = .zero

    public init(_ source: URLSource, interval: Interval, seed: UInt64, at now: Instant) {
        self.source = source
        self.interval = interval
        random = RandomSource(seed: seed)
        backoff = Backoff(first: min(interval, .seconds(1)), limit: max(interval, .seconds(60)))
        lastLife = now
    }

    public mutating func handle(_ answer: Answer, at now: Instant) -> [Effect] {
        switch answer {
        case .content(let bytes, let validators):
            self.validators = validators
            let effects = alive(now)
            guard bytes != content else { return effects }
            content = bytes
            return effects + [.deliver(bytes)]
        case .notModified: return alive(now)
        case .refused(let code, let retryAfter):
            wait = max(retryAfter ?? .zero, backoff.next(&random))
            return stale("the server answers with status \(code)", now)
        case .broken(let reason):
            wait = backoff.next(&random)
            return stale(reason, now)
        }
    }

    /// The interval give or take a tenth, so that a fleet does not ask in step.
    private mutating func alive(_ now: Instant) -> [Effect] {
        let tenth = Interval(nanoseconds: interval.nanoseconds / 10)
        wait = (interval - tenth) + random.interval(upTo: tenth * 2)
        backoff.reset()
        lastLife = now
        defer { isStaleTold = false }
        return isStaleTold ? [.log(record(.sourceFresh, "\(source) answers again"))] : []
    }

    private mutating func stale(_ reason: String, _ now: Instant) -> [Effect] {
        guard !isStaleTold, content == nil || now - lastLife >= interval + Informer.Times.stale else { return [] }
        isStaleTold = true
        let kept = content == nil ? "" : "; its last content stays in force"
        return [.log(record(.sourceStale, "cannot read \(source): \(reason)\(kept)"))]
    }

    private func record(_ event: LogEvent, _ message: String) -> LogRecord {
        LogRecord(event, message, [.text("source", source.description)])
    }
}
