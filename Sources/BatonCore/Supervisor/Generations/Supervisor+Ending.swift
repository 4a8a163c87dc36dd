// A generation fails, or ends; the restart policy decides.
extension Supervisor {
    mutating func launchFailed(_ number: GenerationNumber, _ failure: LaunchFailure) {
        guard let generation = generations.first(where: { $0.number == number }) else { return }
        remove(number)
        stop?.ended(number, .exited(failure.exitCode))
        log(.launchFailed(number, failure))
        switch generation.state {
        case .starting: startFailed(number, .exited(failure.exitCode), failure.reason, cannotBeRun: true)
        case .serving, .standby: readyEnded(generation, .exited(failure.exitCode))
        case .draining, .leftovers: generationGone()
        }
    }

    mutating func giveUp(_ number: GenerationNumber, because reason: String) {
        log(.notReady(number, reason))
        retire(number)
        startFailed(number, nil, "generation \(number) failed to become ready: \(reason)")
    }

    /// A generation that never got ready; by now it is draining or gone.
    /// - Parameter cannotBeRun: its program could not be executed.
    private mutating func startFailed(
        _ number: GenerationNumber, _ status: ExitStatus?, _ reason: String, cannotBeRun: Bool = false
    ) {
        endReadiness(number)
        var failed: Move?
        if case .starting(number, _) = move?.step, let move {
            endMove(failure(of: move.snapshot, besides: number, reason))
            if move.isRetried { endsByReload = false }
            failed = move
        }
        guard phase == .running else { return stopProgress() }
        // Who serves may be one that was superseded before it was proven.
        guard !isServing else {
            failed == nil ? goBackByRestart() : goBack()
            return
        }
        if cannotBeRun, !hasEverLaunched, let status {
            // The very first one: starting it again would change nothing.
            lastEnd = status
            return beginStop(.appEnded)
        }
        lastEnd = status ?? lastEnd
        // The change that waited for it may be what mends it.
        if isChangeHeld, status != .exited(0), !wasInterrupted(status) { return timers.arm(.restart, at: now) }
        // Nor does a change that the app cannot start with end the service.
        if failed?.snapshot != nil, !hasFinished(status), !wasInterrupted(status) { return goBack() }
        recover(status)
    }

    /// A change waits until it is known what becomes of the generation that is starting.
    var isChangeHeld: Bool {
        switch move?.step {
        case .holding, .scanning: true
        case nil, .staging, .validating, .paused, .splaying, .inspecting, .reloading, .awaitingGone, .starting: false
        }
    }

    mutating func exited(_ number: GenerationNumber, _ status: ExitStatus, leftovers: Bool) {
        guard let index = index(number) else { return }
        let generation = generations[index]
        endReadiness(number)
        log(.ended(generation, status, leftovers: leftovers, isStopping: phase != .running, at: now))
        if leftovers { leaveLeftovers(number) } else { remove(number) }
        stop?.ended(number, status)
        switch generation.state {
        case .starting:
            startFailed(number, status, "generation \(number) \(status) before it was ready\(advice(status))")
        case .serving, .standby: readyEnded(generation, status)
        case .draining, .leftovers: generationGone()
        }
    }

    /// It may have told the running one to replace itself, as hypnotoad does.
    private func advice(_ status: ExitStatus) -> String {
        guard status == .exited(0), isServing else { return "" }
        return
            " (a program that only tells its running copy to replace itself is no second copy: BATON_ON_CHANGE=reload "
            + "with BATON_RELOAD_SIGNAL or BATON_RELOAD_COMMAND does the same without it)"
    }

    private mutating func readyEnded(_ generation: Generation, _ status: ExitStatus) {
        lastEnd = status
        takeBackStandby()
        // Another one is ready still: kept for this, or not told to go yet.
        steerToServing()
        guard phase == .running else { return stopProgress() }
        counters.appCrashes += 1
        let hasEndedByReload = noteEndByReload(generation, status)
        if let proving, proving.generation != generation.number, !plan.staging.choice {
            log(.rollbackUnavailable(generation.number, proving.generation))
        }
        if endedUnderReloadCommand(generation.number, status) { return }
        if hasEndedByReload, settings.onChange == .auto, retryByStart(generation.number) { return }
        endedWhileProving(generation, status)
        if let readyAt = generation.readyAt, now - readyAt >= Times.restartForgiven { backoff.reset() }
        guard !isServing else { return }
        if let starting {
            // Nobody else serves any more: it is not given up for not having been seen to wait.
            let hasOtherProof = starting.starting?.proof == .age || starting.starting?.saidReadyAt != nil
            if settings.ready == .auto, starting.isLaunched, !hasOtherProof { limitScan(starting.number) }
            return
        }
        // It goes back to the last good content.
        guard timers.deadline(.restart) == nil else { return }
        if hasEndedByReload { return timers.arm(.restart, at: now) }
        recover(status)
    }

    /// An app that was told to reload under `auto`, and ended by it: nobody has asked for its end, so it goes on, with the new
    /// configuration, and is not told that way again.
    /// - Returns: whether this is one.
    private mutating func noteEndByReload(_ generation: Generation, _ status: ExitStatus) -> Bool {
        guard settings.onChange == .auto || plan.staging.choice, let toldAt = generation.ready?.toldToReloadAt,
            now - toldAt <= Times.reloadBlamed,
            !wasInterrupted(status), !isFinishedJob(generation, status)
        else { return false }
        // With a stage, what it is started with is good in any case.
        guard settings.onChange == .auto else { return true }
        endsByReload = true
        log(.endedByReload(generation.number, status, after: now - toldAt, handsOver: canHandOver))
        return true
    }

    /// The reload command was still running for it.
    /// - Returns: whether what follows is decided: a new process tries the change, or the last good content is started.
    private mutating func endedUnderReloadCommand(_ number: GenerationNumber, _ status: ExitStatus) -> Bool {
        guard case .reloading(number) = move?.step, let move, !isServing, !wasInterrupted(status) else { return false }
        if settings.onChange == .auto {
            endsByReload = true
            leaveStep()
            self.move?.step = .holding
            self.move?.isRetried = true
            timers.arm(.restart, at: now)
            return true
        }
        endMove(
            failure(of: move.snapshot, besides: number, "generation \(number) \(status) while its reload command ran"))
        goBack()
        return timers.deadline(.restart) != nil
    }

    /// It ended well and has never listened, where that would have been seen.
    private func isFinishedJob(_ generation: Generation, _ status: ExitStatus) -> Bool {
        let seesListening = plan.adopts && adoptionRefusal == nil && !settings.hasListener
        return status == .exited(0) && seesListening && generation.listening == .nowhere
    }

    /// Nothing serves and nothing is being started: the restart policy decides. A nil status is a failure to get ready.
    private mutating func recover(_ status: ExitStatus?) {
        guard phase == .running else { return }
        let isFailure = status.map { exitCode($0) != 0 } ?? true
        let restarts =
            switch settings.restart {
            case .never: false
            case .onFailure: isFailure
            case .always: true
            }
        guard restarts, !wasInterrupted(status) else { return beginStop(.appEnded) }
        let wait = backoff.next(&random)
        log(.restarting(after: wait, failures: backoff.failures))
        timers.arm(.restart, at: now + wait)
    }

    /// ^C and SIGINT are a person's wish to end it, whatever the restart policy says.
    func wasInterrupted(_ status: ExitStatus?) -> Bool { wasInterrupted(status, at: now) }

    package func wasInterrupted(_ status: ExitStatus?, at instant: Instant) -> Bool {
        if status == .signalled(Signal.interrupt.number) { return true }
        guard let interruptedAt else { return false }
        return instant - interruptedAt <= settings.stopTimeout
    }

    /// It has done what it was to do, and is not to be started again.
    func hasFinished(_ status: ExitStatus?) -> Bool {
        guard let status else { return false }
        return exitCode(status) == 0 && settings.restart != .always
    }

    mutating func restartDue() {
        if runsAlone, generations.contains(where: { !$0.isKilled }) {
            timers.arm(.restart, at: now + Times.restartFirst)
        } else {
            startGeneration()
        }
    }

    mutating func endReadiness(_ number: GenerationNumber) {
        timers.cancelAll(of: number)
        if settings.ready.isProbed { emit(.endProbe(number)) }
    }

    mutating func remove(_ number: GenerationNumber) {
        if let gone = generations.first(where: { $0.number == number }), let change = gone.replacedFor,
            let since = gone.drainingSince
        {
            history.note(now - since, of: .drain, change)
        }
        generations.removeAll { $0.number == number }
        for key in [Timers.Key.drain(number), .drainSignal(number), .count(number)] { timers.cancel(key) }
        timers.cancel(.groupCheck(number))
        timers.cancelAll(of: number)
    }

    func exitCode(_ status: ExitStatus) -> Int32 { settings.exitOK.contains(status.code) ? 0 : status.code }
}
