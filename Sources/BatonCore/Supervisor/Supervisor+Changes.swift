// From "something was touched" to an outcome.
extension Supervisor {
    /// The first half: wait for quiet, read.
    struct Intake: Sendable {
        /// The first touch of a burst that has not been read yet.
        var settlingSince: Instant?
        /// The first touch since something was last read whole.
        var touchedAt: Instant?
        var tornReads = 0
        /// Why what was last read is not whole.
        var obstacle: String?
        /// SIGHUP: apply even if the content is the same.
        var isManual = false
    }

    /// A generation that serves, and that everything may still go back from.
    package struct Proving: Sendable, Hashable {
        package let generation: Int
        let means: Outcome.Means
        /// In a row.
        var failedProbes = 0
    }

    /// The second half: one change, until its outcome.
    package struct Pending: Sendable {
        package let change: Change
        package internal(set) var stage: Stage
        /// Its number on the stage, from when it is asked for.
        package internal(set) var snapshot: Int?

        package enum Stage: Sendable, Hashable {
            /// Its content is being copied to the stage. `turn`: when the change before it would have had its own.
            case staging(turn: Instant?)
            case validating(turn: Instant?)
            case splaying(until: Instant)
            /// Asked whether the generation catches the reload signal.
            case inspecting(Int)
            /// The reload command is running for this generation.
            case reloading(Int)
            /// The app cannot be told yet: it is starting, or has no handler yet.
            case holding
            /// Handover, while the first generation is not known to be ready: so many more scans must show that it does not serve.
            case scanning(Int, left: Int)
            /// Restart: the old one has to be gone first.
            case awaitingGone
            /// A generation with this snapshot is starting.
            case starting(Int, Outcome.Means)
            /// A generation with it serves, and may still be taken back.
            case proving(Proving)
        }
    }

    /// A generation is being started for whatever reason; the change on its way is what it will read.
    mutating func rideAlong(on number: Int) {
        switch pending?.stage {
        // The stage still holds what was there before.
        case nil, .starting, .proving, .staging, .validating: break
        case .awaitingGone, .splaying, .inspecting, .reloading, .holding, .scanning:
            leaveStep()
            pending?.stage = .starting(number, .restart)
        }
    }

    /// Ends all that the step of the change on its way runs: no timer, no process outlives its step.
    private mutating func leaveStep() {
        guard let pending else { return }
        switch pending.stage {
        case .staging: timers.cancel(.stageRetry)
        case .validating: timers.cancel(.validation)
        case .splaying: timers.cancel(.splay)
        case .reloading:
            timers.cancel(.reload)
            emit(.endReload(pending.change.number))
        case .holding: timers.cancel(.hold)
        case .proving:
            timers.cancel(.probation)
            timers.cancel(.slowStart)
        case .inspecting, .scanning, .awaitingGone, .starting: break
        }
    }

    // MARK: intake

    /// What is touched is read: while the app runs, and while its first snapshot is made.
    private var reads: Bool {
        switch life {
        case .running, .preparing(.reading), .preparing(.staging): true
        case .preparing(.new), .preparing(.awaiting), .stopping, .exited: false
        }
    }

    mutating func touched(atomic: Bool) {
        guard reads else { return }
        intake.touchedAt = intake.touchedAt ?? now
        guard !atomic, settings.settle > .zero else { return read() }
        let since = intake.settlingSince ?? now
        intake.settlingSince = since
        let limit = since + max(settings.settle * Times.settleLimitFactor, Times.settleLimitFloor)
        timers.cancel(.readRetry)
        timers.arm(.settle, at: min(now + settings.settle, limit))
    }

    mutating func read() {
        guard reads else { return }
        timers.cancel(.settle)
        timers.cancel(.readRetry)
        intake.settlingSince = nil
        emit(.readSnapshot)
    }

    mutating func snapshot(_ result: SnapshotResult) {
        guard reads else { return }
        switch result {
        case .whole(let digest) where phase == .waiting: prepareRun(digest)
        case .whole(let digest):
            let isManual = intake.isManual
            forgetTornReads()
            intake.isManual = false
            isManual ? propose(digest, isManual: true) : consider(digest)
            intake.touchedAt = nil
        case .torn(let detail): readAgain(detail)
        }
    }

    /// It was not whole, when it was read or when it was copied.
    mutating func readAgain(_ detail: String) {
        intake.obstacle = detail
        intake.tornReads = min(intake.tornReads + 1, 1000)
        if intake.tornReads == 5 { log(.keepsChanging(detail)) }
        let wait = Times.readRetryFirst * (1 << Int64(min(intake.tornReads - 1, 6)))
        timers.arm(.readRetry, at: now + min(wait, Times.readRetryLimit))
    }

    mutating func forgetTornReads() {
        intake.tornReads = 0
        intake.obstacle = nil
    }

    private mutating func consider(_ digest: Digest) {
        guard digest != lastSeen else { return log(.sameContent(digest)) }
        guard lastSeen != nil else {
            // The first look at a source that could not be read at once: this is what the app started with.
            lastSeen = digest
            digestInForce = digest
            return log(.firstLook(digest))
        }
        let isUncertain = if case .uncertain = serving?.content { true } else { false }
        // Where the stage would go back to something else, a crash restart would read that.
        let isGood = !plan.staging.choice || stage.proven?.digest == digest
        guard digest != digestInForce || !isServing || !isGood || isUncertain else {
            // Back to what the app runs with: whatever was on its way is no longer wanted.
            lastSeen = digest
            log(.backToInForce(digest))
            return supersedePending()
        }
        propose(digest, isManual: false)
    }

    private mutating func propose(_ digest: Digest?, isManual: Bool) {
        lastSeen = digest
        let change = Change(number: nextChange, digest: digest, isManual: isManual, seenAt: now)
        nextChange += 1
        log(.changed(change, inForce: digestInForce))
        let turn = turnOfPending
        let awaitsGone = pending.map { $0.stage == .awaitingGone } ?? false
        supersedePending()
        history.begin(change, touchedAt: intake.touchedAt ?? now)
        if plan.staging.choice {
            // Nobody serves: whoever starts meanwhile reads what was there before.
            if awaitsGone { timers.arm(.restart, at: now + Times.restartFirst) }
            pending = Pending(change: change, stage: .staging(turn: turn))
            return stageSnapshot()
        }
        pending = Pending(change: change, stage: awaitsGone ? .awaitingGone : .holding)
        if awaitsGone { return }
        schedule(turn: turn)
    }

    /// When the change on its way has its turn, or the one before it would have had.
    private var turnOfPending: Instant? {
        switch pending?.stage {
        case .staging(let turn), .validating(let turn): turn
        case .splaying(let turn): turn
        default: nil
        }
    }

    /// From here on nothing but time stands between the change and the app.
    mutating func schedule(turn: Instant?) {
        guard let change = pending?.change else { return }
        if settings.splay > .zero, !change.isManual, isServing {
            // A newer change keeps the older one's turn, or steady changes would put each other off for ever.
            let turn = turn ?? now + random.interval(upTo: settings.splay)
            pending?.stage = .splaying(until: turn)
            timers.arm(.splay, at: turn)
        } else {
            pending?.stage = .holding
            apply()
        }
    }

    /// The change that was on its way ends here; a generation that was being started for it is told to go.
    mutating func supersedePending() {
        guard let stage = pending?.stage else { return }
        // What serves with it has not failed so far, and is what there is.
        if case .proving = stage { return endProbation() }
        endPending(.superseded)
        if case .starting(let number, _) = stage, generation(number, in: .starting) != nil, isServing {
            retire(number)
        }
    }

    mutating func endPending(_ outcome: Outcome) {
        guard let pending else { return }
        let change = pending.change
        leaveStep()
        self.pending = nil
        settleStage(pending.snapshot, outcome)
        history.end(change, outcome, generation: pending.generation, at: now)
        log(.outcome(change, outcome, at: now))
        emit(.changeEnded(change, outcome))
    }

    // MARK: apply

    mutating func apply() {
        guard phase == .running, let pending else { return }
        // Nothing of it is in force yet.
        switch pending.stage {
        case .staging, .validating: return
        default: break
        }
        switch settings.onChange {
        case .none: endPending(.applied(.none))
        case .exit:
            endPending(.applied(.exit))
            beginStop(.change)
        case .handover: sharesNothing ? restart() : handOver()
        case .restart: restart()
        case .auto where settings.hasEnvironmentSources || endsByReload: startAnew()
        case .reload, .auto: applyBySignalIfCaught()
        }
    }

    private mutating func applyBySignalIfCaught() {
        if let servingNumber, settings.reloadsByCommand {
            runReload(of: servingNumber)
        } else if let servingNumber {
            pending?.stage = .inspecting(servingNumber)
            emit(.inspect(servingNumber, settings.reloadSignal))
        } else if isStarting || generations.contains(where: \.isMainAlive) {
            pending?.stage = .holding
            if !isStarting { timers.arm(.hold, at: now + Times.holdInterval) }
        } else {
            startGeneration()
        }
    }

    mutating func inspected(_ number: Int, _ disposition: Disposition) {
        guard phase == .running, pending?.stage == .inspecting(number) else { return }
        guard let index = index(number), generations[index].kind == .ready else { return apply() }
        switch disposition {
        case .caught: reloadBySignal(index)
        case .caughtByRuntime(let reason): doubted(index, reason)
        case .notCaught, .unknown: settings.onChange == .auto ? startAnew() : notCaught(index)
        }
    }

    /// The app is a new process, beside the old one where that is possible.
    private mutating func startAnew() { canHandOver ? handOver() : restart() }

    private mutating func reloadBySignal(_ index: Int) {
        guard let change = pending?.change else { return }
        digestInForce = change.digest
        generations[index].content = .known(change.digest)
        generations[index].editReady { $0.toldToReloadAt = now }
        emit(.signal(generations[index].number, settings.reloadSignal, .main))
        endPending(.applied(.reload))
    }

    /// Its handler proves nothing: the signal may end it.
    private mutating func doubted(_ index: Int, _ reason: String) {
        let number = generations[index].number
        if settings.onChange == .auto, !settings.namesReloadSignal {
            log(.handlerProvesNothing(number, settings.reloadSignal, reason, handsOver: canHandOver))
            return startAnew()
        }
        // Once for each generation: it is what was asked for.
        if generations[index].ready?.toldToReloadAt == nil {
            log(.reloadDoubted(number, settings.reloadSignal, reason))
        }
        reloadBySignal(index)
    }

    private mutating func notCaught(_ index: Int) {
        let number = generations[index].number
        // Slow starters install their handler late; after the ready timeout there is none to wait for.
        if now < generations[index].startedAt + settings.readyTimeout {
            pending?.stage = .holding
            timers.arm(.hold, at: now + Times.holdInterval)
        } else if canHandOver {
            log(.notCaught(number, settings.reloadSignal, then: "handing over instead"))
            handOver()
        } else {
            let reason = "generation \(number) does not catch \(settings.reloadSignal), which would end it"
            endPending(.rejected(reason: reason))
        }
    }

    // MARK: reload by command

    private mutating func runReload(of number: Int) {
        guard let change = pending?.change else { return }
        pending?.stage = .reloading(number)
        if let index = index(number) {
            generations[index].content = .uncertain(generations[index].digest, new: change.digest)
        }
        timers.arm(.reload, at: now + settings.readyTimeout)
        emit(.runReload(change.number, number))
    }

    mutating func reloadFinished(_ change: Int, _ failure: String?) {
        guard phase == .running, pending?.change.number == change, case .reloading(let number) = pending?.stage,
            let digest = pending?.change.digest
        else { return }
        if let failure { return endPending(.rejected(reason: failure)) }
        // Whoever has taken its place meanwhile has read it at its start.
        guard let index = index(number), generations[index].kind == .ready else { return apply() }
        digestInForce = digest
        generations[index].content = .known(digest)
        generations[index].editReady { $0.toldToReloadAt = now }
        endPending(.applied(.reload))
    }

    mutating func reloadTimedOut() {
        guard case .reloading = pending?.stage else { return }
        endPending(.rejected(reason: "the reload command has not ended within \(settings.readyTimeout)"))
    }

    private mutating func handOver() {
        if let starting {
            if !isServing, starting.isLaunched, waitsFor(starting) { return }
            // It has not read this snapshot.
            retire(starting.number)
        }
        timers.cancel(.restart)
        let means: Outcome.Means = isServing ? .handover : .restart
        startGeneration()
        if let started = starting { pending?.stage = .starting(started.number, means) }
    }

    /// Nobody serves for certain, and this one may: it is told to go only once it is known to be ready and another one serves, or
    /// once it has failed. One that has not begun to serve can be replaced at once.
    /// - Returns: whether the change waits for it, or for what can be seen of it.
    private mutating func waitsFor(_ starting: Generation) -> Bool {
        if starting.listening != .nowhere || (settings.hasListener && isLookingUseless) {
            pending?.stage = .holding
            return true
        }
        // On the socket that it was given the kernel lets clients in; whether it takes them is seen from outside.
        guard settings.hasListener else { return false }
        pending?.stage = .scanning(starting.number, left: Times.firstScans)
        emit(.countConnections(starting.number))
        emit(.lookWhetherWaiting(starting.number))
        return true
    }

    /// Whether the first generation serves, for the change that waits to know.
    mutating func scanned(_ number: Int, _ waiting: Waiting) {
        guard case .scanning(number, let left) = pending?.stage else { return }
        guard waiting == .no else { return seenServing(number) }
        guard left > 1 else {
            pending?.stage = .holding
            retire(number)
            return handOver()
        }
        pending?.stage = .scanning(number, left: left - 1)
        timers.arm(.look(number), at: now + Times.waitingLook)
    }

    /// It has taken connections: those that are open and not in its queue.
    mutating func scanned(_ number: Int, _ connections: Connections?) {
        if let connections, connections.open > connections.queued { seenServing(number) }
    }

    /// The change waits until it is known what becomes of it.
    mutating func seenServing(_ number: Int) {
        if case .scanning(number, _) = pending?.stage { pending?.stage = .holding }
    }

    private mutating func restart() {
        for generation in generations where generation.kind != .draining { retire(generation.number) }
        timers.cancel(.restart)
        pending?.stage = .awaitingGone
        if generations.isEmpty { startGeneration() }
    }

    mutating func mountSuperseded(_ path: String) {
        guard phase == .running else { return }
        log(.mountSuperseded(path, settings.subpath))
        if settings.subpath == .exit { beginStop(.change) }
    }
}
