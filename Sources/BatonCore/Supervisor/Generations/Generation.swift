/// One run of the app.
///
///     starting ──ready──▶ serving ◀─taken back── standby
///        │                  │ └──replaced──▶────────┤
///        │                  ├──replaced─────────────┤
///        └─failed, superseded, stop─▶ draining ◀────┘   (gone: no longer in the list)
///                                       │
///              its main process has ended, its group has not: leftovers
public struct Generation: Sendable, Hashable {
    public enum State: Sendable, Hashable {
        case starting(Starting)
        /// Gets new connections. At most one does.
        case serving(Ready)
        /// Ready, too: kept to go back to, or sharing new connections in a slow start. At most one is. Its successor was started for
        /// this change.
        case standby(Ready, replacedFor: ChangeNumber?)
        case draining(Draining)
        case leftovers(Leftovers)
    }

    /// As logs and status have it: one that is kept is ready, and what is left of one drains.
    public enum Kind: String, Sendable, Hashable { case starting, ready, draining }

    /// From 1.
    public let number: GenerationNumber
    public let startedAt: Instant
    public internal(set) var readyAt: Instant?
    public internal(set) var content: Content
    public internal(set) var state = State.starting(Starting())
    var listening = Listening.nowhere

    init(number: GenerationNumber, digest: Digest?, startedAt: Instant) {
        self.number = number
        self.startedAt = startedAt
        content = .known(digest)
    }

    /// The snapshot that it runs with.
    public enum Content: Sendable, Hashable {
        /// The latest at its start, or at its last reload.
        case known(Digest?)
        /// A reload command runs for it, or has not ended well: which of the two it has read nobody knows.
        case uncertain(Digest?, new: Digest?)
    }

    /// On what it has listened so far.
    enum Listening: Sendable, Hashable {
        case nowhere
        /// On sockets that stay its own.
        case itself
        /// On a socket that was adopted.
        case adopted
    }

    public struct Starting: Sendable, Hashable {
        /// What it is to be known by that it is ready.
        public internal(set) var proof = Proof.exec
        /// When its exec had succeeded.
        var launchedAt: Instant?
        /// READY=1 came while another one serves: it must live on for a moment.
        var saidReadyAt: Instant?
    }

    public enum Proof: Sendable, Hashable {
        /// Its exec has not succeeded yet.
        case exec
        /// It is seen to wait for connections.
        case scan(Scan)
        /// It listens; that it waits cannot be seen here.
        case listen
        /// It lives on for so long.
        case age
        /// It says so.
        case word
        /// A probe says so.
        case probe
    }

    public struct Scan: Sendable, Hashable {
        /// Scans in a row that were refused.
        var refusals = 0
        /// Where it did not wait at the last scan, although it waited elsewhere.
        var missing: String?
        /// It is taken as ready after a while, seen or not.
        var isLimited = false
    }

    public struct Ready: Sendable, Hashable {
        /// It has said RELOADING=1 and not yet READY=1 again.
        public internal(set) var isReloading = false
        /// When it was last told to reload, by the signal or the command.
        var toldToReloadAt: Instant?
    }

    public struct Draining: Sendable, Hashable {
        public let since: Instant
        /// The change for which another one has taken its place.
        let replacedFor: ChangeNumber?
        public internal(set) var step: DrainStep
        /// As last counted.
        public internal(set) var connections: Supervisor.Connections?
        /// When the log last told of the drain; nil where its connections are not told.
        var reportedAt: Instant?
    }

    public enum DrainStep: Sendable, Hashable {
        /// New connections go elsewhere, and it has no signal yet: so many counts in a row found no connection.
        case quiet(counts: Int)
        /// It has its drain signal.
        case signalled
        /// It has been sent SIGKILL, after which there is nothing more to send.
        case killed
    }

    /// Other processes of its group; its main process has ended.
    public struct Leftovers: Sendable, Hashable {
        public let since: Instant
        let replacedFor: ChangeNumber?
        public internal(set) var isKilled = false
    }
}

extension Generation {
    public var kind: Kind {
        switch state {
        case .starting: .starting
        case .serving, .standby: .ready
        case .draining, .leftovers: .draining
        }
    }

    /// The exec has succeeded.
    public var isLaunched: Bool { if case .starting(let starting) = state { starting.proof != .exec } else { true } }
    public var isMainAlive: Bool { if case .leftovers = state { false } else { true } }

    public var isKilled: Bool {
        switch state {
        case .draining(let draining): draining.step == .killed
        case .leftovers(let leftovers): leftovers.isKilled
        case .starting, .serving, .standby: false
        }
    }

    /// It drains, and gets its signal only when it has no connection any more.
    public var waitsForQuiet: Bool {
        if case .draining(let draining) = state, case .quiet = draining.step { true } else { false }
    }

    public var drainingSince: Instant? {
        switch state {
        case .draining(let draining): draining.since
        case .leftovers(let leftovers): leftovers.since
        case .starting, .serving, .standby: nil
        }
    }

    /// The change for which another one has taken its place, or is about to.
    var replacedFor: ChangeNumber? {
        switch state {
        case .standby(_, let change): change
        case .draining(let draining): draining.replacedFor
        case .leftovers(let leftovers): leftovers.replacedFor
        case .starting, .serving: nil
        }
    }

    /// As last counted.
    public var connections: Supervisor.Connections? {
        if case .draining(let draining) = state { draining.connections } else { nil }
    }

    var starting: Starting? { if case .starting(let starting) = state { starting } else { nil } }

    var ready: Ready? {
        switch state {
        case .serving(let ready), .standby(let ready, _): ready
        case .starting, .draining, .leftovers: nil
        }
    }

    /// What was certain last.
    public var digest: Digest? {
        switch content {
        case .known(let digest), .uncertain(let digest, _): digest
        }
    }

    // MARK: changes within a state

    mutating func editStarting(_ body: (inout Starting) -> Void) {
        guard case .starting(var starting) = state else { return }
        body(&starting)
        state = .starting(starting)
    }

    mutating func editScan(_ body: (inout Scan) -> Void) {
        guard case .scan(var scan) = starting?.proof else { return }
        body(&scan)
        editStarting { $0.proof = .scan(scan) }
    }

    mutating func editReady(_ body: (inout Ready) -> Void) {
        switch state {
        case .serving(var ready):
            body(&ready)
            state = .serving(ready)
        case .standby(var ready, let change):
            body(&ready)
            state = .standby(ready, replacedFor: change)
        case .starting, .draining, .leftovers: break
        }
    }

    mutating func editDraining(_ body: (inout Draining) -> Void) {
        guard case .draining(var draining) = state else { return }
        body(&draining)
        state = .draining(draining)
    }
}
