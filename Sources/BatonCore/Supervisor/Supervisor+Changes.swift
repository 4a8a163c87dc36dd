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
    package struct Move: Sendable {
        package let change: Change
        package internal(set) var step: Step
        /// Its number on the stage, from when it is asked for.
        package internal(set) var snapshot: Int?

        package enum Step: Sendable, Hashable {
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
        switch move?.step {
        // The stage still holds what was there before.
        case nil, .starting, .proving, .staging, .validating: break
        case .awaitingGone, .splaying, .inspecting, .reloading, .holding, .scanning:
            leaveStep()
            move?.step = .starting(number, .restart)
        }
    }

    /// Ends all that the step of the change on its way runs: no timer, no process outlives its step.
    private mutating func leaveStep() {
        guard let move else { return }
        switch move.step {
        case .staging: timers.cancel(.stageRetry)
        case .validating: timers.cancel(.validation)
        case .splaying: timers.cancel(.splay)
        case .reloading:
            timers.cancel(.reload)
            emit(.endReload(move.change.number))
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
            return supersedeMove()
        }
        propose(digest, isManual: false)
    }

    private mutating func propose(_ digest: Digest?, isManual: Bool) {
        lastSeen = digest
        let change = Change(number: nextChange, digest: digest, isManual: isManual, seenAt: now)
        nextChange += 1
        log(.changed(change, inForce: digestInForce))
        let turn = turnOfMove
        let awaitsGone = move.map { $0.step == .awaitingGone } ?? false
        supersedeMove()
        history.begin(change, touchedAt: intake.touchedAt ?? now)
        if plan.staging.choice {
            // Nobody serves: whoever starts meanwhile reads what was there before.
            if awaitsGone { timers.arm(.restart, at: now + Times.restartFirst) }
            move = Move(change: change, step: .staging(turn: turn))
            return stageSnapshot()
        }
        move = Move(change: change, step: awaitsGone ? .awaitingGone : .holding)
        if awaitsGone { return }
        schedule(turn: turn)
    }

    /// When the change on its way has its turn, or the one before it would have had.
    private var turnOfMove: Instant? {
        switch move?.step {
        case .staging(let turn), .validating(let turn): turn
        case .splaying(let turn): turn
        case nil, .inspecting, .reloading, .holding, .scanning, .awaitingGone, .starting, .proving: nil
        }
    }

    /// From here on nothing but time stands between the change and the app.
    mutating func schedule(turn: Instant?) {
        guard let change = move?.change else { return }
        if settings.splay > .zero, !change.isManual, isServing {
            // A newer change keeps the older one's turn, or steady changes would put each other off for ever.
            let turn = turn ?? now + random.interval(upTo: settings.splay)
            move?.step = .splaying(until: turn)
            timers.arm(.splay, at: turn)
        } else {
            move?.step = .holding
            apply()
        }
    }

    /// The change that was on its way ends here; a generation that was being started for it is told to go.
    mutating func supersedeMove() {
        guard let stage = move?.step else { return }
        // What serves with it has not failed so far, and is what there is.
        if case .proving = stage { return endProbation() }
        endMove(.superseded)
        if case .starting(let number, _) = stage, generation(number, in: .starting) != nil, isServing {
            retire(number)
        }
    }

    mutating func endMove(_ outcome: Outcome) {
        guard let move else { return }
        let change = move.change
        leaveStep()
        self.move = nil
        settleStage(move.snapshot, outcome)
        history.end(change, outcome, generation: move.generation, at: now)
        log(.outcome(change, outcome, at: now))
        emit(.changeEnded(change, outcome))
    }

    // MARK: apply

    mutating func apply() {
        guard phase == .running, let move else { return }
        // Nothing of it is in force yet.
        switch move.step {
        case .staging, .validating: return
        case .splaying, .inspecting, .reloading, .holding, .scanning, .awaitingGone, .starting, .proving: break
        }
        switch settings.onChange {
        case .none: endMove(.applied(.none))
        case .exit:
            endMove(.applied(.exit))
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
            move?.step = .inspecting(servingNumber)
            emit(.inspect(servingNumber, settings.reloadSignal))
        } else if isStarting || generations.contains(where: \.isMainAlive) {
            move?.step = .holding
            if !isStarting { timers.arm(.hold, at: now + Times.holdInterval) }
        } else {
            startGeneration()
        }
    }

    mutating func inspected(_ number: Int, _ disposition: Disposition) {
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
        guard let change = move?.change else { return }
        digestInForce = change.digest
        generations[index].content = .known(change.digest)
        generations[index].editReady { $0.toldToReloadAt = now }
        emit(.signal(generations[index].number, settings.reloadSignal, .main))
        endMove(.applied(.reload))
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
            move?.step = .holding
            timers.arm(.hold, at: now + Times.holdInterval)
        } else if canHandOver {
            log(.notCaught(number, settings.reloadSignal, then: "handing over instead"))
            handOver()
        } else {
            let reason = "generation \(number) does not catch \(settings.reloadSignal), which would end it"
            endMove(.rejected(reason: reason))
        }
    }

    // MARK: reload by command

    private mutating func runReload(of number: Int) {
        guard let change = move?.change else { return }
        move?.step = .reloading(number)
        if let index = index(number) {
            generations[index].content = .uncertain(generations[index].digest, new: change.digest)
        }
        timers.arm(.reload, at: now + settings.readyTimeout)
        emit(.runReload(change.number, number))
    }

    mutating func reloadFinished(_ number: Int, _ failure: String?) {
        guard let digest = move?.change.digest else { return }
        if let failure { return endMove(.rejected(reason: failure)) }
        // Whoever has taken its place meanwhile has read it at its start.
        guard let index = index(number), generations[index].kind == .ready else { return apply() }
        digestInForce = digest
        generations[index].content = .known(digest)
        generations[index].editReady { $0.toldToReloadAt = now }
        endMove(.applied(.reload))
    }

    mutating func reloadTimedOut() {
        endMove(.rejected(reason: "the reload command has not ended within \(settings.readyTimeout)"))
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
        if let started = starting { move?.step = .starting(started.number, means) }
    }

    /// Nobody serves for certain, and this one may: it is told to go only once it is known to be ready and another one serves, or
    /// once it has failed. One that has not begun to serve can be replaced at once.
    /// - Returns: whether the change waits for it, or for what can be seen of it.
    private mutating func waitsFor(_ starting: Generation) -> Bool {
        if starting.listening != .nowhere || (settings.hasListener && isLookingUseless) {
            move?.step = .holding
            return true
        }
        // On the socket that it was given the kernel lets clients in; whether it takes them is seen from outside.
        guard settings.hasListener else { return false }
        move?.step = .scanning(starting.number, left: Times.firstScans)
        emit(.countConnections(starting.number))
        emit(.lookWhetherWaiting(starting.number))
        return true
    }

    /// Whether the first generation serves, for the change that waits to know.
    mutating func scanned(_ number: Int, _ waiting: Waiting) {
        guard case .scanning(number, let left) = move?.step else { return }
        guard waiting == .no else { return seenServing(number) }
        guard left > 1 else {
            move?.step = .holding
            retire(number)
            return handOver()
        }
        move?.step = .scanning(number, left: left - 1)
        timers.arm(.look(number), at: now + Times.waitingLook)
    }

    /// It has taken connections: those that are open and not in its queue.
    mutating func scanned(_ number: Int, _ connections: Connections?) {
        if let connections, connections.open > connections.queued { seenServing(number) }
    }

    /// The change waits until it is known what becomes of it.
    mutating func seenServing(_ number: Int) {
        if case .scanning(number, _) = move?.step { move?.step = .holding }
    }

    private mutating func restart() {
        for generation in generations where generation.kind != .draining { retire(generation.number) }
        timers.cancel(.restart)
        move?.step = .awaitingGone
        if generations.isEmpty { startGeneration() }
    }

    mutating func mountSuperseded(_ path: String) {
        guard phase == .running else { return }
        log(.mountSuperseded(path, settings.subpath))
        if settings.subpath == .exit { beginStop(.change) }
    }
}
