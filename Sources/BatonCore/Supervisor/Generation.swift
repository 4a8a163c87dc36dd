/// One run of the app.
///
///     starting ──ready──▶ ready ──replaced──▶ draining ──▶ (gone: no longer in the list)
///        │                  │                    ▲
///        └──failed, superseded, stop─────────────┘
public struct Generation: Sendable, Hashable {
    public enum State: String, Sendable, Hashable { case starting, ready, draining }

    /// From 1.
    public let number: Int
    /// The snapshot that it runs with: the latest at its start, or at its last reload.
    public internal(set) var digest: Digest?
    /// A reload command has run for it and has not ended well: it may have read another snapshot by then.
    public internal(set) var isDigestUncertain = false
    public internal(set) var state: State = .starting
    public let startedAt: Instant
    public internal(set) var readyAt: Instant?
    /// The exec has succeeded.
    public internal(set) var isLaunched = false
    /// Its main process has not ended yet. Once it has, what is left are other processes of its group.
    public internal(set) var isMainAlive = true
    /// It has been sent SIGKILL, after which there is nothing more to send.
    public internal(set) var isKilled = false
    /// Where connections are steered: it drains, and has not been told so yet, since it still has connections.
    public internal(set) var waitsForQuiet = false
    public internal(set) var drainingSince: Instant?
    /// The change for which another one has taken its place.
    var replacedFor: Int?
    /// As last counted.
    public internal(set) var connections: Supervisor.Connections?
    var quietLooks = 0
    var refusedLooks = 0
    /// It has listened on a socket that was adopted.
    var hasListened = false
    /// It has listened on a socket that stays its own.
    var listensItself = false
    /// When it was last told to reload, by the signal or the command.
    var toldToReloadAt: Instant?
    var isLooked = false
    /// Probes that failed in a row since it is on probation.
    var probationFailures = 0
    /// Where it did not wait when it was last looked at, although it waited elsewhere.
    var lacks: String?
    var reportedAt: Instant?
    /// It has said RELOADING=1 and not yet READY=1 again.
    public internal(set) var isReloading = false
}

/// One change of the configuration on its way to the app.
public struct Change: Sendable, Hashable {
    /// From 1.
    public let number: Int
    public let digest: Digest?
    /// Asked for by hand: applied even where the content is the same.
    public let isManual: Bool
    public let seenAt: Instant
}

/// How a change ended. Each ends in exactly one of these.
public enum Outcome: Sendable, Hashable {
    public enum Means: String, Sendable, Hashable { case reload, handover, restart, exit, none }
    case applied(Means)
    /// A newer change, or a stop, came before it was in force.
    case superseded
    /// It was refused before anything was done with it.
    case rejected(reason: String)
    /// Its generation failed; the one before serves on with what it had.
    case rolledBack(reason: String)
}
