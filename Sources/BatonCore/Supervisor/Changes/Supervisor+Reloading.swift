// A change is applied by telling the app that is there.
extension Supervisor {
    mutating func applyBySignalIfCaught() {
        // One that takes its place is on its way already, after a change that has failed.
        if isServing, isStarting { return handOver() }
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

    mutating func inspected(_ number: GenerationNumber, _ disposition: Disposition) {
        guard let index = index(number), generations[index].kind == .ready else { return apply() }
        switch disposition {
        case .caught: reloadBySignal(index)
        case .caughtByRuntime(let reason): doubted(index, reason)
        case .notCaught, .ignored, .unknown:
            settings.onChange == .auto ? startAnew() : notCaught(index, disposition)
        }
    }

    private mutating func reloadBySignal(_ index: Int) {
        guard let change = move?.change else { return }
        digestInForce = change.digest
        generations[index].content = .known(change.digest)
        generations[index].editReady {
            $0.toldToReloadAt = now
            $0.isReloading = false
        }
        let number = generations[index].number
        emit(.signal(number, settings.reloadSignal, .main))
        log(.reloadSignalSent(number, settings.reloadSignal, change.number))
        putInForce(number, .reload, .none)
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

    private mutating func notCaught(_ index: Int, _ disposition: Disposition) {
        guard let change = move?.change else { return }
        let generation = generations[index]
        let number = generation.number
        let reason = LogRecord.notCaught(number, settings.reloadSignal, disposition)
        if now < handlerDeadline(generation) {
            if move?.awaitsHandlerOf != number {
                log(.reloadSignalAwaited(change, number, settings.reloadSignal, handlerDeadline(generation) - now))
            }
            move?.awaitsHandlerOf = number
            move?.step = .holding
            timers.arm(.hold, at: now + Times.holdInterval)
        } else if canHandOver {
            log(.handingOverInstead(number, reason))
            handOver()
        } else {
            let advice = "set BATON_RELOAD_SIGNAL, BATON_RELOAD_COMMAND or BATON_ON_CHANGE=auto"
            endMove(.rejected(reason: "\(reason): \(advice)"))
            goBackFromSuperseded()
        }
    }

    /// Slow starters install their handler late; after the ready timeout there is none to wait for.
    func handlerDeadline(_ generation: Generation) -> Instant { generation.startedAt + settings.readyTimeout }

    private mutating func runReload(of number: GenerationNumber) {
        guard let change = move?.change else { return }
        move?.step = .reloading(number)
        if let index = index(number) {
            generations[index].content = .uncertain(generations[index].digest, new: change.digest)
            generations[index].editReady { $0.isReloading = false }
        }
        timers.arm(.reload, at: now + settings.readyTimeout)
        emit(.runReload(change.number, number))
    }

    mutating func reloadFinished(_ number: GenerationNumber, _ failure: String?) {
        guard let digest = move?.change.digest else { return }
        if let failure {
            // What it has done before it failed may still end the app.
            if let index = index(number) { generations[index].editReady { $0.toldToReloadAt = now } }
            endMove(.rejected(reason: failure))
            return goBackFromSuperseded()
        }
        // Whoever has taken its place meanwhile has read it at its start.
        guard let index = index(number), generations[index].kind == .ready else { return apply() }
        digestInForce = digest
        generations[index].content = .known(digest)
        generations[index].editReady { $0.toldToReloadAt = now }
        putInForce(number, .reload, .none)
    }

    mutating func reloadTimedOut() {
        if case .reloading(let number) = move?.step, let index = index(number) {
            generations[index].editReady { $0.toldToReloadAt = now }
        }
        endMove(.rejected(reason: "the reload command did not finish within \(settings.readyTimeout)"))
        goBackFromSuperseded()
    }
}
