/// The heart: everything that decides, and nothing that touches Linux. Feed it events, do what it answers.
///
/// What must always hold (the simulation checks each after every step):
/// 1. While any generation is ready, some ready generation is not draining, until a stop was asked for.
/// 2. A ready generation is drained only after its successor is ready (restart mode excepted). Where connections can be moved it is
///    told to go only once it has none, or its time is nearly up: nobody is lost by it.
/// 3. At most one generation is starting. A newer change replaces one that is not ready yet: the latest snapshot wins.
/// 4. Every change ends in exactly one of applied, superseded, rejected, rolled back, failed; nothing is applied twice.
/// 5. After SIGTERM no generation is started, and Baton exits within stop delay + stop timeout + `Times.stopGrace`.
/// 6. Every child is reaped exactly once; Baton's exit code is the app's (128 + n for a signal).
/// 7. A failure of a new generation never touches the serving one.
/// 8. Backoff is bounded; no state spins without a timer or an event.
/// 9. If the serving generation dies while its successor is starting, the successor goes on; if that fails too, the
///    restart policy decides. There is never a moment in which nothing serves and nothing is being started, except by
///    that policy or a stop.
/// 10. The last good snapshot is never dropped before a newer one is proven.
/// 11. A change never ends the service while a way to continue exists (mode `exit` excepted): an app that does not survive its reload
///    is started again under `auto`; where there is a last good snapshot the app goes on with that.
///
/// A change runs through `Intake` (settle, read), `Move` (its steps, until it is in force) and `Proving` (until its outcome); a stop
/// through `Stop`.
public struct Supervisor: Sendable {
    /// What Baton is about, as the outside sees it.
    public enum Phase: Sendable, Hashable {
        case waiting
        case running
        case stopping
        case exited(Int32)
    }

    enum Life: Sendable {
        case preparing(Preparing)
        case running
        case stopping(Stop)
        case exited(Int32)
    }

    /// What the app is not started without.
    enum Preparing: Sendable, Hashable {
        case new
        /// Sources of which nothing has ever been on the stage.
        case awaiting(Set<String>)
        /// A whole snapshot.
        case reading
        /// This one, on the stage.
        case staging(Snapshot)
        /// The validator is asked about this one.
        case validating(Snapshot)
    }

    public let settings: Settings
    public let plan: Plan
    var life = Life.preparing(.new)
    /// Those that are not gone, by ascending number.
    public internal(set) var generations: [Generation] = []
    /// The snapshot that the app runs with, as far as is known.
    public internal(set) var digestInForce: Digest?

    var now = Instant(nanoseconds: 0)
    package internal(set) var timers = Timers()
    var random: RandomSource
    var effects: [Effect] = []

    package internal(set) var nextGeneration: GenerationNumber = 1
    var hasEverLaunched = false
    /// Some generation has listened on a socket that was adopted.
    var hasAdopted = false
    /// New connections can be moved between the generations of an adopted address.
    var hasSteered = false
    /// Why the app's sockets are its own after all.
    var adoptionRefusal: String?
    /// Under `auto`: the app has ended by being told to reload, and is never told again.
    var endsByReload = false
    /// So many generations in a row were taken as ready without having been seen to wait for connections.
    var unseenInARow = 0
    /// Looking for a generation that waits for connections is of no use here: it cannot be seen.
    var cannotScan = false
    var isScanningUseless: Bool { cannotScan || unseenInARow >= Times.unseenUntilUseless }
    var backoff = Backoff(first: Times.restartFirst, limit: Times.restartLimit)
    /// How the app last ended while it was serving (or, if it never was, while it started).
    var lastEnd: ExitStatus?
    /// When SIGINT was last forwarded: an app that ends by it is not started again.
    var interruptedAt: Instant?

    var intake = Intake()
    /// Some generation was ready once.
    var hasEverServed = false
    package internal(set) var move: Move?
    /// Changes wait: somebody has asked for it.
    package internal(set) var isPaused = false
    package internal(set) var proving: Proving?
    var nextChange: ChangeNumber = 1
    /// The digest that was last decided upon, whatever came of it.
    package internal(set) var lastSeen: Digest?

    /// The snapshots on the stage.
    package internal(set) var stage: StageBook
    var agentBackoff = Backoff(first: Times.agentFirst, limit: Times.agentLimit)
    var agent = AgentLife.notStarted

    public internal(set) var history = History()
    public internal(set) var counters = Counters()

    /// - Parameter record: what an earlier run has left on the stage.
    public init(_ settings: Settings, _ plan: Plan, record: StageRecord = StageRecord(), seed: UInt64) {
        self.settings = settings
        self.plan = plan
        stage = StageBook(record)
        random = RandomSource(seed: seed)
    }

    /// When `tick` is next wanted; nil: not before another event.
    public var nextDeadline: Instant? {
        if case .exited = life { return nil }
        return timers.nextDeadline
    }

    public var phase: Phase {
        switch life {
        case .preparing: .waiting
        case .running: .running
        case .stopping: .stopping
        case .exited(let code): .exited(code)
        }
    }

    /// The generation that takes new requests.
    public var serving: Generation? { generations.last { if case .serving = $0.state { true } else { false } } }
    public var starting: Generation? { generations.last { $0.kind == .starting } }
    // Without a copy of the generation, which on the way of a start and of a change is worth something.
    var servingNumber: GenerationNumber? {
        generations.lastIndex { if case .serving = $0.state { true } else { false } }.map { generations[$0].number }
    }
    var isServing: Bool { servingNumber != nil }
    var isStarting: Bool { generations.contains { $0.kind == .starting } }

    /// The app's listening sockets, or some of them, are Baton's.
    var holdsListener: Bool { settings.hasListener || hasAdopted }
    /// New connections can be moved from one generation to another.
    var steers: Bool { plan.steering.choice || hasSteered }
    /// It matters to the sockets which generation serves: they are steered to it, or closed when it has given them up.
    var followsServing: Bool { steers || hasAdopted }
    /// The app's sockets are its own after all: a second copy of it could not bind.
    var sharesNothing: Bool { adoptionRefusal != nil && !settings.hasListener }
    /// Never two copies: the old one may still hold the app's port, or that is what was asked for.
    var runsAlone: Bool { !canHandOver || settings.onChange == .restart }
    /// A new generation can take the place of the serving one without a gap.
    var canHandOver: Bool { holdsListener && !sharesNothing }

    public mutating func handle(_ event: Event, at instant: Instant) -> [Effect] {
        if case .exited = life { return [] }
        now = max(now, instant)
        effects.removeAll(keepingCapacity: true)
        switch event {
        case .begin(let digest): begin(digest)
        case .launched(let number):
            hasEverLaunched = true
            tell(number, .launched)
        case .launchFailed(let number, let failure): tell(number, .launchFailed(failure))
        case .exited(let number, let status, let leftovers, let successor):
            tell(number, .exited(status, leftovers: leftovers, successor: successor))
        case .groupEmptied(let number): tell(number, .groupEmptied)
        case .notified(let number, let notification): tell(number, .notified(notification))
        case .readyDescriptor(let number, let isReady): tell(number, .readyDescriptor(isReady))
        case .probeFinished(let number, let isReady): tell(number, .probeFinished(isReady))
        case .appStopped(let number): tell(number, .appStopped)
        case .disposition(let number, let disposition): tellMove(.inspected(number, disposition))
        case .listensItself(let number): tell(number, .listensItself)
        case .adopted(let number, let steers): tell(number, .adopted(steers: steers))
        case .adoptionRefused(let reason): adoptionRefused(reason)
        case .scanned(let number, let waiting): tell(number, .scanned(waiting))
        case .connections(let number, let connections): tell(number, .counted(connections))
        case .touched(let atomic): touched(atomic: atomic)
        case .snapshot(let result): snapshot(result)
        case .mountSuperseded(let path): mountSuperseded(path)
        case .snapshotStaged(let number, let result): snapshotStaged(number, result)
        case .promotionFailed(let number, let reason): promotionFailed(number, reason)
        case .validated(let number, let verdict): snapshotValidated(number, verdict)
        case .reloadFinished(let change, let failure): tellMove(.reloadFinished(change, failure: failure))
        case .sourceArrived(let source): sourceArrived(source)
        case .agentEnded(let status): agentEnded(status)
        case .reloadAsked: askedByHand()
        case .pauseAsked: pause()
        case .resumeAsked: resume()
        case .rollbackAsked: rollBack()
        case .signal(let signal): received(signal)
        case .childrenGone: tellStop(.childrenGone)
        case .tick: while let key = timers.takeDue(now) { fired(key) }
        }
        // Time passes only between events: where a change stands now is where it has been since this one.
        if let proving { history.enter(stepOfProving, of: proving.change.number, at: now) }
        if let move { history.enter(step(of: move), of: move.change.number, at: now) }
        return effects
    }

    private mutating func begin(_ digest: Digest?) {
        guard case .preparing(.new) = life else { return }
        life = .preparing(plan.awaited.isEmpty ? .reading : .awaiting(plan.awaited))
        if plan.agent.choice { startAgent() }
        if plan.awaited.isEmpty { prepareRun(digest) } else { timers.arm(.awaited, at: now + Times.awaitedReport) }
    }

    /// All that the app needs is there.
    /// - Parameters:
    ///   - digest: of the sources.
    ///   - inForce: of what the app reads, where that is something else.
    mutating func run(_ digest: Digest?, inForce: Digest? = nil) {
        guard case .preparing = life else { return }
        life = .running
        timers.cancel(.awaited)
        forgetTornReads()
        intake.touchedAt = nil
        lastSeen = digest
        digestInForce = inForce ?? digest
        startGeneration()
    }

    private mutating func fired(_ key: Timers.Key) {
        switch key {
        case .ready(let number): tell(number, .due(.ready))
        case .alive(let number): tell(number, .due(.alive))
        case .scan(let number): tell(number, .due(.scan))
        case .scanLimit(let number): tell(number, .due(.scanLimit))
        case .confirm(let number): tell(number, .due(.confirm))
        case .probe(let number): tell(number, .due(.probe))
        case .drain(let number): tell(number, .due(.drain))
        case .drainSignal(let number): tell(number, .due(.drainSignal))
        case .count(let number): tell(number, .due(.count))
        case .groupCheck(let number): tell(number, .due(.groupCheck))
        case .settle, .readRetry: read()
        case .splay: tellMove(.due(.turn))
        case .hold: tellMove(.due(.hold))
        case .restart: restartDue()
        case .stageRetry: stageRetryDue()
        case .validation: validationDue()
        case .probation: probationDue()
        case .firstProof: firstProven()
        case .slowStart: steerToServing()
        case .reload: tellMove(.due(.reload))
        case .agent: startAgent()
        case .awaited: stillAwaiting()
        case .stopDelay: tellStop(.due(.delay))
        case .stopDeadline: tellStop(.due(.deadline))
        case .stopGrace: tellStop(.due(.grace))
        }
    }

    mutating func emit(_ effect: Effect) { effects.append(effect) }
    mutating func log(_ record: LogRecord) { effects.append(.log(record)) }

    package func index(_ number: GenerationNumber) -> Int? { generations.firstIndex { $0.number == number } }

    package func generation(_ number: GenerationNumber, in kind: Generation.Kind) -> Generation? {
        generations.first { $0.number == number && $0.kind == kind }
    }
}
