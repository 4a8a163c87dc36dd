// What somebody asks for: no change for now, the changes again, the content before.
extension Supervisor {
    // MARK: pause

    /// Changes are seen, copied and validated, and then wait, until `resume`. What somebody asks for by hand does not wait, and what is
    /// being applied is not stopped.
    mutating func pause() {
        guard phase == .running || phase == .waiting, !isPaused else { return }
        isPaused = true
        log(.paused)
        guard phase == .running, let move, !move.change.isManual, case .splaying(let turn) = move.step else { return }
        timers.cancel(.splay)
        // It is in force already: who is started meanwhile is to read what was there before.
        if let proven = stage.proven, stage.promoted?.number == move.snapshot {
            stage.promoted = proven
            emit(.promote(proven.number))
        }
        pauseMove(turn: turn)
    }

    mutating func resume() {
        guard isPaused else { return }
        isPaused = false
        log(.resumed)
        guard phase == .running, let move, case .paused(let turn) = move.step else { return }
        if let snapshot = move.snapshot { accept(snapshot, turn: turn) } else { schedule(turn: turn) }
    }

    mutating func pauseMove(turn: Instant?) {
        guard let change = move?.change else { return }
        move?.step = .paused(turn: turn)
        log(.changePaused(change))
    }

    // MARK: rollback

    /// Why there is nothing to go back to by hand; nil where there is.
    public var rollbackRefusal: String? {
        switch phase {
        case .running: break
        case .waiting: return "the app is not started yet"
        case .stopping, .exited: return "Baton is stopping"
        }
        guard plan.staging.choice else {
            return "without a stage no earlier configuration is kept; set BATON_STAGE_FILES=on"
        }
        if rollbackTarget == nil { return "no earlier configuration has been proven yet" }
        return nil
    }

    /// The last proven one where what is in force is not proven yet, or else the one before it.
    private var rollbackTarget: Snapshot? { stage.promoted == stage.proven ? stage.previous : stage.proven }

    /// Goes back, until the content of the sources changes; over a restart of the container, too.
    mutating func rollBack() {
        guard rollbackRefusal == nil, let target = rollbackTarget else { return }
        let awaitsGone = move?.step == .awaitingGone
        supersedeMove()
        let change = newChange(target.digest, .rollback, inForce: digestInForce)
        history.begin(change, touchedAt: now)
        move = Move(change: change, step: awaitsGone ? .awaitingGone : .holding, snapshot: target.number)
        stage.held = lastSeen
        if stage.promoted != target { promote(target) }
        if !awaitsGone { schedule(turn: nil) }
    }
}
