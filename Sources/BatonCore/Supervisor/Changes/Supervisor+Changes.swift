// From a snapshot that was read to the outcome of a change.
extension Supervisor {
    /// The second half: one change, until it is in force.
    package struct Move: Sendable {
        package let change: Change
        package internal(set) var step: Step
        /// Its number on the stage, from when it is asked for.
        package internal(set) var snapshot: SnapshotNumber?
        /// The app did not survive the reload with it: a new process tries it. If that fails, too, it was the content.
        var isRetried = false
        /// The change waits until this generation catches the reload signal.
        var awaitsHandlerOf: GenerationNumber?

        package enum Step: Sendable, Hashable {
            /// Its content is being copied to the stage. `turn`: when the change before it would have had its own.
            case staging(turn: Instant?)
            case validating(turn: Instant?)
            /// Somebody has asked for no change to be applied.
            case paused(turn: Instant?)
            case splaying(until: Instant)
            /// Asked whether the generation catches the reload signal.
            case inspecting(GenerationNumber)
            /// The reload command is running for this generation.
            case reloading(GenerationNumber)
            /// The app cannot be told yet: it is starting, or has no handler yet.
            case holding
            /// Handover, while the first generation is not known to be ready: so many more scans must show that it does not serve.
            case scanning(GenerationNumber, left: Int)
            /// Restart: the old one has to be gone first.
            case awaitingGone
            /// A generation with this snapshot is starting.
            case starting(GenerationNumber, Outcome.Means)
        }
    }

    mutating func propose(_ digest: Digest?, _ cause: Change.Cause) {
        lastSeen = digest
        let change = newChange(digest, cause, inForce: digestInForce)
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
        if isPaused, !change.isManual { return pauseMove(turn: turn) }
        schedule(turn: turn)
    }

    /// The next number, and the line in the log.
    /// - Parameter inForce: what the app runs with.
    mutating func newChange(_ digest: Digest?, _ cause: Change.Cause, inForce: Digest?) -> Change {
        let change = Change(number: nextChange, digest: digest, cause: cause, seenAt: now)
        nextChange = nextChange.next
        log(.changed(change, inForce: inForce))
        return change
    }

    /// When the change on its way has its turn, or the one before it would have had.
    private var turnOfMove: Instant? {
        switch move?.step {
        case .staging(let turn), .validating(let turn), .paused(let turn): turn
        case .splaying(let turn): turn
        case nil, .inspecting, .reloading, .holding, .scanning, .awaitingGone, .starting: nil
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
        guard let step = move?.step else { return }
        endMove(.superseded)
        if case .starting(let number, _) = step, generation(number, in: .starting) != nil, isServing {
            retire(number)
        }
    }

    mutating func endMove(_ outcome: Outcome) {
        guard let move else { return }
        leaveStep()
        self.move = nil
        settleStage(move.snapshot, outcome)
        end(move.change, outcome, generation: move.generation)
    }

    mutating func end(_ change: Change, _ outcome: Outcome, generation: GenerationNumber?) {
        history.end(change, outcome, generation: generation, at: now)
        log(.outcome(change, outcome, at: now, isStopping: phase == .stopping, byCommand: settings.reloadsByCommand))
        emit(.changeEnded(change, outcome))
    }

    mutating func apply() {
        guard phase == .running, let move else { return }
        // Nothing of it is in force yet.
        switch move.step {
        case .staging, .validating, .paused: return
        case .splaying, .inspecting, .reloading, .holding, .scanning, .awaitingGone, .starting: break
        }
        // It takes the place of one that is not proven yet: what mends a bad change does not wait for it.
        supersedeProving()
        switch settings.onChange {
        case .none: endMove(.applied(.none, .none))
        case .exit:
            endMove(.applied(.exit, .none))
            beginStop(.change)
        case .handover: sharesNothing ? restart() : handOver()
        case .restart: restart()
        case .auto where settings.hasEnvironmentSources || endsByReload: startAnew()
        case .reload, .auto: applyBySignalIfCaught()
        }
    }

    /// A generation is being started for whatever reason; the change on its way is what it will read.
    mutating func rideAlong(on number: GenerationNumber) {
        switch move?.step {
        // The stage still holds what was there before.
        case nil, .starting, .staging, .validating: break
        case .paused where plan.staging.choice: break
        case .paused, .awaitingGone, .splaying, .inspecting, .reloading, .holding, .scanning:
            leaveStep()
            move?.step = .starting(number, .restart)
        }
    }

    /// Ends all that the step of the change on its way runs: no timer, no process outlives its step.
    mutating func leaveStep() {
        guard let move else { return }
        switch move.step {
        case .staging: timers.cancel(.stageRetry)
        case .validating: timers.cancel(.validation)
        case .splaying: timers.cancel(.splay)
        case .reloading:
            timers.cancel(.reload)
            emit(.endReload(move.change.number))
        case .holding: timers.cancel(.hold)
        case .paused, .inspecting, .scanning, .awaitingGone, .starting: break
        }
    }
}
