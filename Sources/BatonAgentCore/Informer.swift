public import BatonCore

/// Follows one object of the Kubernetes API: which request is made next, and what an answer means. A value, without a clock
/// or a socket: the whole of it is run in tests from recorded answers.
///
/// List, then watch, as client-go does; in one where the server has WatchList. With get allowed and watch not, get at an
/// interval. Silence is never trusted: a stream without an event or a bookmark is given up, and what is the case is asked anew.
public struct Informer: Sendable {
    public enum Request: Sendable, Hashable {
        /// A watch that begins with what is there now (sendInitialEvents).
        case watchList
        case list
        case watch(from: String)
        case get
    }

    public enum Answer: Sendable, Hashable {
        /// To list; nil where there is none of this name.
        case list(ObjectList)
        /// To get; nil for 404.
        case object(KubernetesObject?)
        /// To watchList and watch.
        case event(WatchEvent)
        /// The server has ended the stream in order.
        case ended
        case refused(APIStatus, retryAfter: Interval?)
        /// The connection, or what came over it: in words.
        case broken(String)
        /// Nothing came for longer than the server promises a bookmark.
        case silent
    }

    public enum Effect: Sendable, Hashable {
        /// New content, to be staged.
        case deliver(KubernetesObject)
        /// The object is not there.
        case missing
        case log(LogRecord)
    }

    public enum Times {
        public static let firstRetry: Interval = .milliseconds(800)
        public static let lastRetry: Interval = .seconds(30)
        /// What is stale for longer is told about.
        public static let stale: Interval = .seconds(5)
        /// Where watching is not allowed: how often it is tried all the same.
        public static let watchAgain: Interval = .seconds(300)
        /// A stream that lasted this long starts the backoff afresh.
        public static let healthy: Interval = .seconds(120)
    }

    private let source: ObjectSource
    private let namespace: String
    private let pollInterval: Interval
    private var random: RandomSource
    private var backoff = Backoff(first: Times.firstRetry, limit: Times.lastRetry)

    /// Up to which the content is known; nil: to be asked without one.
    private var version: String?
    private var hasWatchList = true
    private var pollsSince: Instant?
    private var delivered: KubernetesObject?
    private var isMissing = false
    /// These are the first events of a watchList, which tell what is there now.
    private var isInitial = true
    /// Among them was the object.
    private var sawObject = false
    private var streamSince: Instant?
    /// When the server last showed that it is there.
    public private(set) var lastLife: Instant
    /// Of the failures in a row that have not been followed by a success yet.
    private var failingSince: Instant?
    private var isStaleTold = false
    private var toldForbidden = false
    private var toldPolled = false

    /// What is to be asked next, and after which wait.
    public private(set) var next: Request = .watchList
    public private(set) var wait: Interval = .zero
    /// How often events came that an older revision had.
    public private(set) var outOfOrder = 0

    public init(
        _ source: ObjectSource, namespace: String, pollInterval: Interval, seed: UInt64, at now: Instant
    ) {
        self.source = source
        self.namespace = namespace
        self.pollInterval = pollInterval
        random = RandomSource(seed: seed)
        lastLife = now
    }

    // MARK: answers

    /// After `ended`, `refused`, `broken`, `silent`, `list` and `object` the request is over, and `next` is to be made.
    public mutating func handle(_ answer: Answer, at now: Instant) -> [Effect] {
        switch answer {
        case .list(let list):
            version = list.version
            let effects = alive(now) + seen(list.object, isFresh: true)
            plan(.watch(from: list.version))
            return effects
        case .object(let object):
            let effects = alive(now) + seen(object, isFresh: true)
            let since = pollsSince ?? now
            if now - since >= Times.watchAgain {
                pollsSince = nil
                version = nil
                plan(first)
            } else {
                plan(.get, after: pollInterval)
            }
            return effects
        case .event(let event): return handle(event, now)
        case .ended:
            // At once, but for a server that ends every stream as soon as it has begun.
            let lasted = streamSince.map { now - $0 } ?? .zero
            streamSince = nil
            plan(resumed, after: lasted < .seconds(1) ? backoff.next(&random) : .zero)
            return []
        case .refused(let status, let retryAfter): return refused(status, retryAfter, now)
        case .broken(let reason):
            plan(resumed, after: backoff.next(&random))
            return stale(reason, now)
        case .silent:
            version = nil
            failingSince = failingSince ?? lastLife
            plan(first)
            return stale("the watch was silent for too long", now)
        }
    }

    private var first: Request { hasWatchList ? .watchList : .list }
    private var resumed: Request { pollsSince != nil ? .get : version.map { .watch(from: $0) } ?? first }

    private mutating func plan(_ request: Request, after wait: Interval = .zero) {
        next = request
        self.wait = wait
        sawObject = false
        isInitial = request == .watchList
    }

    private mutating func handle(_ event: WatchEvent, _ now: Instant) -> [Effect] {
        if streamSince == nil { streamSince = now }
        if let streamSince, now - streamSince >= Times.healthy { backoff.reset() }
        switch event {
        case .added(let object), .modified(let object):
            sawObject = true
            version = object.version
            return alive(now) + seen(object, isFresh: isInitial)
        case .deleted(let version):
            self.version = version
            return alive(now) + seen(nil, isFresh: true)
        case .bookmark(let version, let endsInitialEvents):
            self.version = version
            guard endsInitialEvents, isInitial else { return alive(now) }
            isInitial = false
            return alive(now) + (sawObject ? [] : seen(nil, isFresh: true))
        case .error(let status):
            streamSince = nil
            return refused(status, nil, now)
        }
    }

    /// - Parameter isFresh: it is what the server has now, whatever its version; in a stream an older one never replaces a
    ///   newer one.
    private mutating func seen(_ object: KubernetesObject?, isFresh: Bool) -> [Effect] {
        guard let object else {
            defer { isMissing = true }
            guard !isMissing else { return [.missing] }
            let kept = delivered == nil ? "" : "; its last content stays in force"
            return [
                .missing,
                .log(record(.sourceMissing, "\(source) does not exist in namespace \(namespace)\(kept)")),
            ]
        }
        isMissing = false
        if let delivered {
            if !isFresh, delivered.uid == object.uid, let old = UInt64(delivered.version),
                let new = UInt64(object.version), new < old
            {
                outOfOrder += 1
                return []
            }
            // An annotation, an owner: not what the app reads.
            if delivered.files == object.files {
                self.delivered = object
                return []
            }
        }
        delivered = object
        return [.deliver(object)]
    }

    // MARK: refusals

    private mutating func refused(_ status: APIStatus, _ retryAfter: Interval?, _ now: Instant) -> [Effect] {
        switch status.code {
        case 410:
            version = nil
            plan(first)
            return []
        case 404 where next == .get:
            return handle(.object(nil), at: now)
        case 400 where next == .watchList, 422 where next == .watchList:
            hasWatchList = false
            plan(.list)
            return []
        case 401:
            // The token is read anew for every request.
            plan(resumed, after: backoff.next(&random))
            return stale("the API server rejects the token of the service account (401)", now)
        case 403: return forbidden(now)
        case 429:
            plan(resumed, after: max(retryAfter ?? .zero, backoff.next(&random)))
            return stale("the API server limits the rate of requests (429)", now)
        case 504 where status.message.contains("resource version"),
            500 where status.message.contains("resourceVersion"):
            // A version from the future, as after a restore from a backup, or none at all.
            version = nil
            plan(first, after: backoff.next(&random))
            return []
        default:
            plan(resumed, after: max(retryAfter ?? .zero, backoff.next(&random)))
            return stale("the API server answers \(status.code) \(status.reason): \(status.message.prefix(200))", now)
        }
    }

    private mutating func forbidden(_ now: Instant) -> [Effect] {
        if next != .get {
            // Perhaps it may be got.
            pollsSince = now
            plan(.get)
            return []
        }
        pollsSince = nil
        version = nil
        plan(first, after: max(.seconds(10), backoff.next(&random)))
        guard !toldForbidden else { return stale("the service account may not read it (403)", now) }
        toldForbidden = true
        return [
            .log(
                record(
                    .sourceForbidden,
                    "not allowed to read \(source): the service account needs \(rule("get", "list", "watch"))"))
        ]
    }

    /// The rule as a Role has it.
    private func rule(_ verbs: String...) -> String {
        "a Role in namespace \(namespace) with the rule {apiGroups: [\"\"], resources: [\(source.kind.resource)], "
            + "resourceNames: [\(source.name)], verbs: [\(verbs.joined(separator: ", "))]}"
    }

    // MARK: staleness

    private mutating func alive(_ now: Instant) -> [Effect] {
        var effects: [Effect] = []
        if isStaleTold, let failingSince {
            effects.append(
                .log(record(.sourceFresh, "watching \(source) again after \(now - failingSince)")))
        }
        if toldForbidden { effects.append(.log(record(.sourceAllowed, "the service account may read \(source) now"))) }
        if next == .get, pollsSince != nil, !toldPolled {
            toldPolled = true
            effects.append(
                .log(
                    record(
                        .sourcePolled,
                        "not allowed to watch \(source), so polling it every \(pollInterval); to watch it the service account "
                            + "needs \(rule("list", "watch"))")))
        }
        isStaleTold = false
        failingSince = nil
        toldForbidden = false
        if next != .get { toldPolled = false }
        lastLife = now
        if next == .get || next == .list { backoff.reset() }
        return effects
    }

    private mutating func stale(_ reason: String, _ now: Instant) -> [Effect] {
        let since = failingSince ?? now
        failingSince = since
        guard !isStaleTold, now - since >= Times.stale || delivered == nil else { return [] }
        isStaleTold = true
        let kept = delivered == nil ? "" : "; its last content stays in force"
        return [.log(record(.sourceStale, "cannot read \(source): \(reason)\(kept)"))]
    }

    private func record(_ event: LogEvent, _ message: String) -> LogRecord {
        LogRecord(event, message, [.text("source", source.description)])
    }
}
