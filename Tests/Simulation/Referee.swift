import BatonCore

/// Checks the invariants (their text stands at `Supervisor`) after every step, from outside: by what the supervisor
/// orders, not by what it believes.
package struct Referee {
    package struct Violation: Error, CustomStringConvertible {
        package let invariant: Int
        package let description: String
    }

    let setup: Setup
    var open: Set<ChangeNumber> = []
    var ended: [ChangeNumber: Outcome] = [:]
    var started: GenerationNumber = 0
    var reaped: Set<GenerationNumber> = []
    var toldEnded: Set<GenerationNumber> = []
    var statuses: [ExitStatus] = []
    var askedToStopAt: Instant?
    var lastApplied: Digest?
    var ticksInPlace = 0
    var steeredTo: GenerationNumber?
    /// Who gets the other new connections, in a slow start.
    var sharedWith: GenerationNumber?
    var lastTick: Instant?
    /// What the world has told of listening sockets.
    var listened: Set<GenerationNumber> = []
    var isAdoptionRefused = false
    /// When each generation was last told to reload, by the signal or by a command that ended well.
    var toldToReload: [GenerationNumber: Instant] = [:]
    var endsByReload = false
    /// The change that a new process tries, as the app did not survive its reload.
    var retried: ChangeNumber?
    /// What the app has failed with, or what was refused.
    var failed: Set<Digest> = []
    /// The snapshot that was proven last, and those that the record on the stage names.
    var good: SnapshotNumber?
    var recorded: Set<SnapshotNumber> = []
    /// The change that is being proven, and since when.
    var proving: (change: ChangeNumber, since: Instant)?
    /// What the last probe of each generation said.
    var probed: [GenerationNumber: Bool] = [:]
    /// ^C is a person's wish to end it.
    var isInterrupted = false
    /// Scans in a row in which the first generation was not seen to wait.
    var idleScans = 0
    /// The change for which a reload command runs.
    var reloadCommand: ChangeNumber?
    /// They have been sent a signal that ends them.
    var signalled: Set<GenerationNumber> = []
    /// From when on nothing is done to the world any more.
    var calmSince: Instant?

    init(setup: Setup) {
        self.setup = setup
        let versions = setup.record.versions
        recorded = Set(versions.indices.map { SnapshotNumber($0 + 1) })
        if setup.record.good != nil {
            good = SnapshotNumber(versions.count)
            if let held = setup.record.held { failed.insert(held) }
        }
    }

    var restartsOnChange: Bool {
        // auto without a listener, or with an app that has gone unready, ends in a restart.
        if setup.hasListener { return setup.onChange == .restart }
        return setup.onChange == .restart || (setup.onChange == .auto && listened.isEmpty)
            || (isAdoptionRefused && setup.onChange != .reload)
    }

    mutating func check(
        _ event: Supervisor.Event, before: Supervisor, after: Supervisor, effects: [Supervisor.Effect],
        world: SimulatedWorld
    ) throws {
        note(event, before, world)
        try checkServing(event, before, after, effects)
        try checkSuccession(event, before, after, effects, world)
        try checkSteering(before, after, effects)
        try checkPatience(event, before, after, effects)
        try checkStage(after, effects, world)
        try checkStarts(before, after, effects)
        try checkChanges(before, after, effects)
        try checkPace(effects, world)
        try checkReloads(event, before, after, effects, world)
        try checkProof(event, before, after, effects, world)
        try checkLeftBehind(event, before, after, effects)
        try checkStop(after, effects, world)
        try checkEnds(event, after, effects)
        try checkProgress(event, before, after, effects, world)
        try checkClients(world)
    }

    private mutating func note(_ event: Supervisor.Event, _ before: Supervisor, _ world: SimulatedWorld) {
        if case .exited(_, let status, _, _) = event { statuses.append(status) }
        if case .launchFailed(_, let failure) = event { statuses.append(.exited(failure.exitCode)) }
        if case .adopted(let number, _) = event, before.index(number) != nil { listened.insert(number) }
        if case .probeFinished(let number, let isReady) = event, before.index(number) != nil {
            probed[number] = isReady
        }
        // No world has both, and no harm may come of it.
        if case .readyDescriptor(let number, isReady: true) = event { probed[number] = true }
        if case .signal(.interrupt) = event { isInterrupted = true }
        if case .adoptionRefused = event { isAdoptionRefused = true }
        if case .signal(.terminate) = event, before.phase == .running, askedToStopAt == nil {
            askedToStopAt = world.now
        }
    }

    /// After the mischief has ended every change must have come to its end, and the app must run with the last content
    /// unless its change was turned down.
    func checkEnd(_ world: SimulatedWorld) throws {
        let supervisor = world.supervisor
        guard supervisor.phase != .waiting else {
            throw Violation(invariant: 8, description: "still waiting for what the app is started with")
        }
        guard supervisor.phase == .running else { return }
        guard supervisor.move == nil, supervisor.proving == nil, open.isEmpty else {
            throw Violation(
                invariant: 4,
                description: "change \(open) never ended (\(String(describing: supervisor.move?.step)))")
        }
        guard supervisor.lastSeen == world.volume.digest else {
            throw Violation(invariant: 4, description: "the last content was never seen")
        }
        guard supervisor.serving != nil || supervisor.starting != nil || supervisor.timers.deadline(.restart) != nil
        else {
            throw Violation(invariant: 9, description: "nothing serves at the end")
        }
        guard let last = ended.keys.max(), let serving = supervisor.serving else { return }
        let isFailed = supervisor.lastSeen.map(failed.contains) == true
        switch ended[last] {
        case .rejected, .rolledBack, .failed, nil: break
        case .applied where setup.onChange == .none, .superseded where setup.onChange == .none:
            // Whoever serves is not told; who is started next reads what was seen last.
            guard supervisor.digestAtStart == supervisor.lastSeen || isFailed else {
                throw Violation(invariant: 4, description: "the stage does not hold the last content, \(world.written)")
            }
        case .applied, .superseded:
            guard serving.digest == supervisor.lastSeen || isFailed else {
                throw Violation(invariant: 4, description: "serves \(serving.digest as Any), not \(world.written)")
            }
        }
    }
}
