// A change is in force: it is proven, or undone.
extension Supervisor {
    /// A change that is in force, and not proven yet.
    package struct Proving: Sendable, Hashable {
        package let change: Change
        /// Its number on the stage.
        let snapshot: SnapshotNumber?
        /// The app did not survive a reload with it before.
        let isRetried: Bool
        package let generation: GenerationNumber
        package let means: Outcome.Means
        /// It has so long to fail, unless it is proven before.
        let time: Interval
        /// What is known so far.
        var proof: Outcome.Proof
        var probe: Probe
        /// Its probe was asked, and has not answered yet.
        var isAsked = false
        /// Whether it takes its connections.
        package internal(set) var hearing: Hearing
        /// Its time is over, and the next answer of its probe decides.
        var isOverdue = false

        enum Probe: Sendable, Hashable {
            case notAsked
            case green
            /// So many times in a row.
            case red(Int)
        }
    }

    /// Whether a generation that gets the new connections takes them: a copy may listen and wait for a lock that the old one has.
    package enum Hearing: Sendable, Hashable {
        /// It has taken one, or that is not asked here.
        case heard
        /// Nobody has come yet.
        case silent
        /// So many wait, since then, and none was taken: so many counts say it.
        case waiting(Int, since: Instant, counts: Int)
    }

    /// The change on its way is in force.
    /// - Parameters:
    ///   - proof: what is known by now.
    ///   - replaced: the generations that are ready and have served until now.
    /// - Returns: which of those is kept to go back to.
    @discardableResult
    mutating func putInForce(
        _ number: GenerationNumber, _ means: Outcome.Means, _ proof: Outcome.Proof, replaced: [GenerationNumber] = []
    ) -> GenerationNumber? {
        guard let move else { return nil }
        // Where one that was superseded before it was proven has served meanwhile, the first is the last proven one.
        let standby = replaced.first
        let hears = means == .handover && standby != nil && steers && settings.probation != .zero
        let time = max(provingTime(means, hasStandby: standby != nil), hears ? Times.silence : .zero)
        guard time > .zero else {
            endMove(.applied(means, proof))
            // One that is told to reload may have been started beside one that was kept.
            if means == .reload { releaseOlder(than: number) }
            return nil
        }
        leaveStep()
        self.move = nil
        let probe: Proving.Probe = proof == .probe ? .green : .notAsked
        proving = Proving(
            change: move.change, snapshot: move.snapshot, isRetried: move.isRetried, generation: number, means: means,
            time: time, proof: proof, probe: probe, hearing: hears ? .silent : .heard)
        if standby != nil, let probation = settings.probation, probation > .zero {
            log(.onProbation(number, probation))
        }
        timers.arm(.probation, at: now + time)
        if hears { timers.arm(.count(number), at: now + Times.acceptCount) }
        if settings.ready.isProbed { timers.arm(.probe(number), at: now + Times.probationProbe) }
        return standby
    }

    /// A slow start and probation begin together.
    private func provingTime(_ means: Outcome.Means, hasStandby: Bool) -> Interval {
        switch means {
        case .handover where hasStandby: max(settings.probation ?? .zero, steers ? settings.slowStart : .zero)
        // Nobody who might be gone back to runs beside it.
        case .handover, .reload, .restart:
            settings.probation == .zero ? .zero : max(settings.probation ?? .zero, Times.leastProbation)
        case .exit, .none: .zero
        }
    }

    /// In logs: in which time a generation has failed.
    var provingWords: String {
        guard timers.deadline(.slowStart) == nil else { return "in slow start" }
        return proving?.means == .reload ? "after its reload" : "on probation"
    }

    // MARK: how it ends

    mutating func probationDue() {
        guard phase == .running, var proving else { return }
        if proving.means == .reload, let ready = generation(proving.generation, in: .ready)?.ready, ready.isReloading,
            let toldAt = ready.toldToReloadAt
        {
            let limit = toldAt + settings.readyTimeout
            guard now >= limit else { return timers.arm(.probation, at: limit) }
            return undo("generation \(proving.generation) did not finish its reload within \(settings.readyTimeout)")
        }
        if case .waiting(_, let since, _) = proving.hearing {
            timers.arm(.probation, at: max(now, since + Times.deafAfter) + Times.acceptCountLater)
        } else if settings.ready.isProbed, proving.probe != .green || proving.isAsked {
            guard !proving.isOverdue else {
                return undo("the probe of generation \(proving.generation) did not finish by the end of probation")
            }
            proving.isOverdue = true
            self.proving = proving
            timers.arm(.probation, at: now + lastProbeTime)
        } else {
            prove()
        }
    }

    /// A command may take longer than an answer over the network.
    private var lastProbeTime: Interval {
        if case .command = settings.ready {
            max(Times.lastProbe, min(settings.readyTimeout, Times.lastProbeCommand))
        } else {
            Times.lastProbe
        }
    }

    mutating func askProbe(_ number: GenerationNumber) {
        if proving?.generation == number { proving?.isAsked = true }
        emit(.runProbe(number))
    }

    /// Nothing of it has failed in its time.
    private mutating func prove() {
        guard let proving else { return }
        let proof: Outcome.Proof =
            proving.proof == .app ? .app : settings.ready.isProbed && proving.probe == .green ? .probe : .alive
        endProving(.applied(proving.means, proof))
        steerToServing()
        releaseOlder(than: proving.generation)
    }

    /// Nobody goes back to them any more.
    private mutating func releaseOlder(than number: GenerationNumber) {
        for old in generations where old.kind == .ready && old.number < number { release(old.number) }
    }

    /// The app says that it has reloaded.
    mutating func saidReloaded(_ number: GenerationNumber) {
        guard var proving, proving.generation == number, proving.means == .reload else { return }
        proving.proof = .app
        self.proving = proving
        // The settings may ask for more than its word.
        if settings.probation == nil { prove() }
    }

    mutating func probedWhileProving(_ number: GenerationNumber, _ isReady: Bool) {
        guard var proving, proving.generation == number, index(number) != nil else { return }
        proving.isAsked = false
        if isReady {
            proving.probe = .green
        } else if case .red(let times) = proving.probe {
            proving.probe = .red(times + 1)
        } else {
            proving.probe = .red(1)
        }
        self.proving = proving
        if isReady, proving.isOverdue { return prove() }
        if case .red(let times) = proving.probe, proving.isOverdue || times >= Times.probationFailures {
            return undo("generation \(number) is no longer ready")
        }
        timers.arm(.probe(number), at: now + Times.probationProbe)
    }

    // MARK: deafness

    mutating func countWhileProving(_ number: GenerationNumber) {
        if proving?.generation == number { emit(.countConnections(number)) }
    }

    mutating func countedWhileProving(_ number: GenerationNumber, _ connections: Connections?) {
        guard phase == .running, var proving, proving.generation == number, proving.hearing != .heard,
            let readyAt = generation(number, in: .ready)?.readyAt
        else { return }
        proving.hearing = hearing(proving.hearing, connections)
        self.proving = proving
        if proving.hearing == .heard {
            // Nothing else was waited for.
            if provingTime(proving.means, hasStandby: true) == .zero { probationDue() }
            return
        }
        if case .waiting(let count, let since, let counts) = proving.hearing, now - since >= Times.deafAfter,
            counts >= Times.deafCounts
        {
            return deaf(number, count)
        }
        let isSoon = now - readyAt < Times.acceptCountSoonFor
        timers.arm(.count(number), at: now + (isSoon ? Times.acceptCount : Times.acceptCountLater))
    }

    private func hearing(_ before: Hearing, _ connections: Connections?) -> Hearing {
        // Where it cannot be told nothing is concluded.
        guard let connections else { return .heard }
        // Those in the queue are open, too.
        if connections.open > connections.queued { return .heard }
        switch before {
        case .heard: return .heard
        case .silent: return connections.queued == 0 ? .silent : .waiting(connections.queued, since: now, counts: 1)
        // Only the program shortens its queue.
        case .waiting(let count, _, _) where connections.queued < count: return .heard
        case .waiting(_, let since, let counts):
            return .waiting(connections.queued, since: since, counts: min(counts, 1000) + 1)
        }
    }

    private mutating func deaf(_ number: GenerationNumber, _ count: Int) {
        counters.connectionsCut += Int64(count)
        let queue = count == 1 ? "the connection" : "any of the \(count) connections"
        undo("generation \(number) did not accept \(queue) in its queue for \(Times.deafAfter)")
    }

    // MARK: how it ends early

    /// A newer change is about to take its place, or a stop: what is on the stage stays as it is, with the last proven one beside it.
    mutating func supersedeProving() {
        guard let proving else { return }
        // As long as its timer runs: the last share lasts until the next step.
        let isSharing = timers.deadline(.slowStart) != nil
        leaveProving()
        end(proving.change, .superseded, generation: proving.generation)
        if isSharing { steerToServing() }
    }

    /// It never was in force.
    mutating func rejectProving(_ outcome: Outcome) {
        endProving(outcome)
        goBack()
    }

    private mutating func endProving(_ outcome: Outcome) {
        guard let proving else { return }
        leaveProving()
        settleStage(proving.snapshot, outcome)
        end(proving.change, outcome, generation: proving.generation)
    }

    private mutating func leaveProving() {
        guard let proving else { return }
        self.proving = nil
        timers.cancel(.probation)
        timers.cancel(.slowStart)
        timers.cancel(.count(proving.generation))
        endReadiness(proving.generation)
    }

    // MARK: undoing

    /// The generation of the change that is being proven has ended.
    mutating func endedWhileProving(_ generation: Generation, _ status: ExitStatus) {
        guard let proving, proving.generation == generation.number else { return }
        if !isServing, wasInterrupted(status) { return supersedeProving() }
        if !isServing, proving.means != .reload, hasFinished(status) { return prove() }
        undo("generation \(generation.number) \(status) \(provingWords)")
    }

    /// Under `auto`: what the app did not survive when it reloaded may still be right for a new process.
    /// - Returns: whether that is tried.
    mutating func retryByStart(_ number: GenerationNumber) -> Bool {
        guard let proving, proving.generation == number, move == nil, !isServing else { return false }
        leaveProving()
        move = Move(change: proving.change, step: .holding, snapshot: proving.snapshot, isRetried: true)
        timers.arm(.restart, at: now)
        return true
    }

    /// It has failed: all goes back to the last good content, where there is one.
    private mutating func undo(_ reason: String) {
        guard let proving else { return }
        endProving(failure(of: proving.snapshot, besides: proving.generation, reason))
        if proving.isRetried { endsByReload = false }
        if case .waiting = proving.hearing { goBack(wasHeard: false) } else { goBack() }
    }

    /// Of a change with which this generation has failed.
    func failure(of snapshot: SnapshotNumber?, besides number: GenerationNumber, _ reason: String) -> Outcome {
        let hasOther = generations.contains { $0.kind == .ready && $0.number != number }
        return hasOther || snapshot != nil ? .rolledBack(reason: reason) : .failed(reason: reason)
    }

    private var standby: Generation? { generations.last { if case .standby = $0.state { true } else { false } } }
    var hasStandby: Bool { standby != nil }

    /// A change did not come into force: who serves may be one that was superseded before it was proven.
    mutating func goBackFromSuperseded() {
        guard phase == .running, proving == nil, move == nil, let serving, case .known(let digest) = serving.content
        else { return }
        if hasStandby || (plan.staging.choice && digest != stage.promoted?.digest) { goBack() }
    }

    /// What serves has to be the last good content: the generation that was kept for it, or else one that is started with it.
    mutating func goBack(wasHeard: Bool = true) {
        guard phase == .running else { return }
        if let standby { takeBack(standby, wasHeard: wasHeard) }
        guard plan.staging.choice, !isStarting else { return }
        guard let serving else { return timers.arm(.restart, at: now) }
        guard serving.content != .known(stage.promoted?.digest) else { return }
        if runsAlone {
            retire(serving.number)
            timers.arm(.restart, at: now)
        } else {
            startGeneration()
        }
    }

    /// A second copy with the last good content did not get ready beside the one that has failed: it may need what that one holds.
    mutating func goBackByRestart() {
        guard phase == .running, plan.staging.choice, proving == nil, move == nil, let serving,
            case .known(let digest) = serving.content, digest != stage.promoted?.digest
        else { return }
        retire(serving.number)
        timers.arm(.restart, at: now)
    }

    private mutating func takeBack(_ old: Generation, wasHeard: Bool) {
        guard let failed = servingNumber, let index = index(failed), let ready = generations[index].ready else {
            return
        }
        generations[index].state = .standby(ready, replacedFor: nil)
        serveAgain(old.number)
        if followsServing { emit(.steer(old.number)) }
        // Who waits with one that never takes a connection is to know.
        wasHeard ? release(failed) : retire(failed)
    }

    // MARK: slow start

    /// The share that the serving generation has of the new connections while its slow start lasts.
    struct SlowStart: Sendable, Hashable {
        /// Gets the others.
        let old: GenerationNumber
        /// From 1 to 99.
        let percent: Int
    }

    /// Follows from how long the new one has been ready: one step's share at once, more with every step. Nil where it has all.
    var slowStart: SlowStart? {
        guard steers, settings.slowStart > .zero, let proving, proving.means == .handover,
            let readyAt = generation(proving.generation, in: .ready)?.readyAt,
            let old = generations.first(where: { $0.kind == .ready && $0.number < proving.generation })
        else { return nil }
        let since = now - readyAt
        guard since < settings.slowStart else { return nil }
        let parts = Times.slowStartSteps + 1
        let taken = min(since.nanoseconds / slowStartStep.nanoseconds + 1, parts - 1)
        return SlowStart(old: old.number, percent: Int(taken * 100 / parts))
    }

    private var slowStartStep: Interval {
        max(.milliseconds(1), Interval(nanoseconds: settings.slowStart.nanoseconds / Times.slowStartSteps))
    }

    /// New connections go to the serving generation: all of them, or its share in a slow start.
    mutating func steerToServing() {
        guard followsServing, let servingNumber else { return }
        guard let slowStart else { return emit(.steer(servingNumber)) }
        emit(.share(servingNumber, with: slowStart.old, percent: slowStart.percent))
        timers.arm(.slowStart, at: now + slowStartStep)
    }
}
