// Starting, readiness and the end of generations.
extension Supervisor {
    /// Starts the next generation with the latest snapshot. Whatever change was on its way rides along: a process that
    /// starts now reads the new configuration whether that was the plan or not.
    mutating func startGeneration() {
        guard phase == .running, !isStarting else { return }
        timers.cancel(.restart)
        let number = nextGeneration
        nextGeneration += 1
        counters.generationsStarted += 1
        generations.append(Generation(number: number, digest: digestAtStart, startedAt: now))
        rideAlong(on: number)
        timers.arm(.ready(number), at: now + settings.readyTimeout)
        log(.starting(number, digestAtStart, beside: servingNumber))
        emit(.start(number))
    }

    mutating func launched(_ number: Int) {
        guard let index = index(number) else { return }
        noteLaunched(index)
        switch settings.ready {
        case .auto: beginScan(number)
        case .delay(let interval):
            generations[index].editStarting { $0.proof = .age }
            timers.arm(.alive(number), at: now + interval)
        case .command, .http, .tcp:
            generations[index].editStarting { $0.proof = .probe }
            emit(.runProbe(number))
        case .notify, .descriptor: break
        }
    }

    private mutating func noteLaunched(_ index: Int) {
        hasEverLaunched = true
        generations[index].editStarting { if $0.proof == .exec { $0.proof = .word } }
    }

    /// Ready by being seen to wait for connections, or by what comes nearest to it here.
    private mutating func beginScan(_ number: Int) {
        guard let index = index(number), generations[index].isLaunched else { return }
        let listens = generations[index].listening == .adopted
        if !holdsListener || (isLookingUseless && (listens || !hasAdopted)) {
            generations[index].editStarting { $0.proof = .age }
            let since = listens ? now : generations[index].startedAt
            return timers.arm(.alive(number), at: max(now, since + Times.aliveProof))
        }
        // One that is to listen by itself is alive long before it does: where it cannot be seen to wait, its listening is
        // waited for.
        if isLookingUseless {
            generations[index].editStarting { $0.proof = .listen }
        } else if case .scan = generations[index].starting?.proof {
        } else {
            generations[index].editStarting { $0.proof = .scan(Generation.Scan()) }
            emit(.lookWhetherWaiting(number))
        }
        if !isServing || isSightDoubted { limitScan(number) }
    }

    mutating func adopted(_ number: Int, steers: Bool) {
        guard let index = index(number) else { return }
        hasAdopted = true
        if steers { hasSteered = true }
        generations[index].listening = .adopted
        seenServing(number)
        switch generations[index].state {
        case .starting(let starting):
            guard settings.ready == .auto, starting.saidReadyAt == nil else { return }
            for key in [Timers.Key.alive(number), .lookLimit(number)] { timers.cancel(key) }
            generations[index].editScan { $0.isLimited = false }
            beginScan(number)
        case .serving: steerToServing()
        case .standby, .draining, .leftovers: break
        }
    }

    mutating func listensItself(_ number: Int) {
        if let index = index(number), generations[index].listening == .nowhere {
            generations[index].listening = .itself
        }
        seenServing(number)
    }

    mutating func adoptionRefused(_ reason: String) {
        guard adoptionRefusal == nil else { return }
        adoptionRefusal = reason
        log(.adoptionRefused(reason))
    }

    mutating func launchFailed(_ number: Int, _ failure: LaunchFailure) {
        guard let generation = generations.first(where: { $0.number == number }) else { return }
        remove(number)
        stop?.ended(number, .exited(failure.exitCode))
        log(.launchFailed(number, failure))
        switch generation.state {
        case .starting: startFailed(number, .exited(failure.exitCode), failure.reason)
        case .serving, .standby: readyEnded(generation, .exited(failure.exitCode))
        case .draining, .leftovers: generationGone()
        }
    }

    // MARK: ready

    mutating func notified(_ number: Int, _ notification: Notification) {
        guard let index = index(number) else { return }
        if let pid = notification.mainPID { emit(.adoptMain(number, pid: pid)) }
        if let status = notification.status { log(.appStatus(number, status)) }
        if let extra = notification.extendTimeout { extendTimeout(generations[index], by: extra) }
        if notification.stopping { log(.appStopping(number)) }
        if notification.reloading, generations[index].kind == .ready {
            generations[index].editReady { $0.isReloading = true }
            log(.appReloading(number))
        }
        guard notification.ready else { return }
        // It speaks: its exec has succeeded, whatever has been read of its launch so far.
        noteLaunched(index)
        switch generations[index].state {
        case .starting: saidReady(number)
        case .serving(let ready), .standby(let ready, _):
            if ready.isReloading { log(.appReloaded(number)) }
            generations[index].editReady { $0.isReloading = false }
        case .draining, .leftovers: break
        }
    }

    private mutating func saidReady(_ number: Int) {
        guard settings.ready == .auto || settings.ready == .notify else { return }
        guard let index = index(number), generations[index].starting?.saidReadyAt == nil else { return }
        if !isServing {
            becomeReady(number)
        } else {
            generations[index].editStarting { $0.saidReadyAt = now }
            timers.cancel(.alive(number))
            timers.arm(.confirm(number), at: now + Times.readyConfirmation)
        }
    }

    /// The one before was not seen to wait, and may have been slow, or wait in a way that cannot be seen: the next one tells.
    private var isSightDoubted: Bool { unseenInARow > 0 }

    /// It is taken as ready after a while, whatever is seen.
    private mutating func limitScan(_ number: Int) {
        if let index = index(number) { generations[index].editScan { $0.isLimited = true } }
        timers.arm(.lookLimit(number), at: now + min(Times.waitingLookLimit, settings.readyTimeout))
    }

    mutating func looked(_ number: Int, _ waiting: Waiting) {
        guard generation(number, in: .starting)?.isLaunched == true, !isLookingUseless else { return }
        scanned(number, waiting)
        guard settings.ready == .auto, let index = index(number),
            case .scan(var scan) = generations[index].starting?.proof
        else { return }
        if case .unknown = waiting { scan.refusals += 1 } else { scan.refusals = 0 }
        scan.missing = if case .partly(let missing) = waiting { missing } else { nil }
        generations[index].editStarting { $0.proof = .scan(scan) }
        switch waiting {
        case .yes:
            unseenInARow = 0
            return becomeReady(number)
        case .no: if isSightDoubted, let servingNumber { emit(.lookWhetherWaiting(servingNumber)) }
        case .partly: if !scan.isLimited { limitScan(number) }
        case .unknown where scan.refusals < Times.refusedLooks: break
        case .unknown(let reason): return giveUpScan(number, reason)
        }
        timers.arm(.look(number), at: now + Times.waitingLook)
    }

    private mutating func giveUpScan(_ number: Int, _ reason: String) {
        cannotLook = true
        log(.cannotLook(number, reason))
        timers.cancel(.lookLimit(number))
        beginScan(number)
    }

    /// The serving one was taken as ready unseen. If it is seen to wait by now, it was only slow to listen.
    mutating func lookedAgain(_ number: Int, _ waiting: Waiting) {
        switch waiting {
        case .yes, .partly: break
        case .no, .unknown: return
        }
        guard isSightDoubted, number == servingNumber else { return }
        unseenInARow = 0
        guard let starting, case .scan(let scan) = starting.starting?.proof, scan.missing == nil,
            let index = index(starting.number)
        else { return }
        generations[index].editScan { $0.isLimited = false }
        timers.cancel(.lookLimit(starting.number))
    }

    mutating func neverSeenWaiting(_ number: Int) {
        guard let generation = generation(number, in: .starting) else { return }
        if case .scan(let scan) = generation.starting?.proof, let missing = scan.missing {
            log(.waitsInPart(number, missing, Times.waitingLookLimit))
            return becomeReady(number)
        }
        // Seen to wait in part at first, and not at all any more: it is starting still.
        guard !isServing || (isSightDoubted && (generation.listening == .adopted || !hasAdopted)) else { return }
        unseenInARow += 1
        log(.neverWaits(number, Times.waitingLookLimit))
        becomeReady(number)
    }

    mutating func closedReadyDescriptor(_ number: Int) {
        giveUp(number, because: "it closed its readiness descriptor without a newline")
    }

    mutating func probeAgain(_ number: Int) { timers.arm(.probe(number), at: now + Times.probeInterval) }

    mutating func readyTimedOut(_ number: Int) {
        let looks = settings.ready == .auto && holdsListener && !isLookingUseless
        let what = looks ? "it has not waited for connections on its listening socket" : "it was not ready"
        giveUp(number, because: "\(what) within \(settings.readyTimeout)")
    }

    mutating func becomeReady(_ number: Int) {
        guard let index = index(number), generations[index].kind == .starting else { return }
        let change: Int? = if case .starting = move?.step { move?.change.number } else { nil }
        let replaced = standAside(for: change)
        generations[index].state = .serving(Generation.Ready())
        generations[index].readyAt = now
        endReadiness(number)
        digestInForce = generations[index].digest
        log(.ready(generations[index], at: now))
        emit(.giveTerminal(number))
        if case .starting(number, let means) = move?.step {
            if provingTime > .zero, !replaced.isEmpty { return beginProving(number, means) }
            endMove(.applied(means))
        }
        steerToServing()
        for old in replaced { release(old) }
        if isChangeHeld { apply() }
    }

    /// Another one serves in the place of those that are ready, or is about to, for this change's sake.
    private mutating func standAside(for change: Int?) -> [Int] {
        var replaced: [Int] = []
        for index in generations.indices {
            guard let ready = generations[index].ready else { continue }
            generations[index].state = .standby(ready, replacedFor: change)
            replaced.append(generations[index].number)
        }
        return replaced
    }

    /// The one that was kept serves again, where no other one does.
    mutating func takeBackStandby() {
        guard servingNumber == nil, let index = generations.lastIndex(where: { $0.ready != nil }),
            let ready = generations[index].ready
        else { return }
        generations[index].state = .serving(ready)
    }

    /// It serves no longer: another one does.
    mutating func release(_ number: Int) { steers ? retireOnceQuiet(number) : retire(number) }

    // MARK: failure

    private mutating func giveUp(_ number: Int, because reason: String) {
        log(.notReady(number, reason))
        retire(number)
        startFailed(number, nil, reason)
    }

    /// A generation that never got ready; by now it is draining or gone.
    private mutating func startFailed(_ number: Int, _ status: ExitStatus?, _ reason: String) {
        endReadiness(number)
        if case .starting(number, _) = move?.step { endMove(.rolledBack(reason: reason)) }
        guard phase == .running else { return stopProgress() }
        guard !isServing else { return }
        if !hasEverLaunched, let status {
            // The very first program cannot be run at all: starting it again would change nothing.
            lastEnd = status
            return beginStop(.appEnded)
        }
        lastEnd = status ?? lastEnd
        // The change that waited for it may be what mends it.
        if isChangeHeld, status != .exited(0), !wasInterrupted(status) { return timers.arm(.restart, at: now) }
        recover(status)
    }

    /// A change waits until it is known what becomes of the generation that is starting.
    private var isChangeHeld: Bool {
        switch move?.step {
        case .holding, .scanning: true
        case nil, .staging, .validating, .splaying, .inspecting, .reloading, .awaitingGone, .starting, .proving: false
        }
    }

    mutating func exited(_ number: Int, _ status: ExitStatus, leftovers: Bool) {
        guard let index = index(number) else { return }
        let generation = generations[index]
        endReadiness(number)
        log(.ended(generation, status, leftovers: leftovers, at: now))
        if leftovers { leaveLeftovers(number) } else { remove(number) }
        stop?.ended(number, status)
        switch generation.state {
        case .starting: startFailed(number, status, "it \(status) before it was ready")
        case .serving, .standby: readyEnded(generation, status)
        case .draining, .leftovers: generationGone()
        }
    }

    private mutating func readyEnded(_ generation: Generation, _ status: ExitStatus) {
        lastEnd = status
        takeBackStandby()
        // Another one is ready still: kept for this, or not told to go yet.
        steerToServing()
        guard phase == .running else { return stopProgress() }
        counters.appCrashes += 1
        let hasEndedByReload = noteEndByReload(generation, status)
        if case .proving(let proving) = move?.step, proving.generation != generation.number {
            // It was kept to go back to: what serves alone is in force.
            log(.nothingToGoBackTo(generation.number, proving.generation))
            endProbation()
        }
        if failedOnProbation(generation.number, "generation \(generation.number) \(status) \(provingWords)") { return }
        if let readyAt = generation.readyAt, now - readyAt >= Times.restartForgiven { backoff.reset() }
        guard !isServing else { return }
        if let starting {
            // Nobody else serves any more: it is not given up for not having been seen to wait.
            let hasOtherProof = starting.starting?.proof == .age || starting.starting?.saidReadyAt != nil
            if settings.ready == .auto, starting.isLaunched, !hasOtherProof { limitScan(starting.number) }
            return
        }
        if hasEndedByReload { return timers.arm(.restart, at: now) }
        recover(status)
    }

    /// An app that was told to reload under `auto`, and ended by it: nobody has asked for its end, so it goes on, with the new
    /// configuration, and is not told that way again.
    /// - Returns: whether this is one.
    private mutating func noteEndByReload(_ generation: Generation, _ status: ExitStatus) -> Bool {
        guard settings.onChange == .auto, let toldAt = generation.ready?.toldToReloadAt,
            now - toldAt <= Times.reloadBlamed,
            !wasInterrupted(status), !isFinishedJob(generation, status)
        else { return false }
        endsByReload = true
        log(.endedByReload(generation.number, status, after: now - toldAt, handsOver: canHandOver))
        return true
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
    private func wasInterrupted(_ status: ExitStatus?) -> Bool {
        if status == .signalled(Signal.interrupt.number) { return true }
        guard let interruptedAt else { return false }
        return now - interruptedAt <= settings.stopTimeout
    }

    mutating func restartDue() {
        if runsAlone, generations.contains(where: { !$0.isKilled }) {
            timers.arm(.restart, at: now + Times.restartFirst)
        } else {
            startGeneration()
        }
    }

    // MARK: bookkeeping

    private mutating func extendTimeout(_ generation: Generation, by extra: Interval) {
        guard phase == .running else { return }
        let key: Timers.Key
        switch generation.state {
        case .starting: key = .ready(generation.number)
        case .draining, .leftovers: key = .drain(generation.number)
        case .serving, .standby: return
        }
        guard let deadline = timers.deadline(key) else { return }
        timers.arm(key, at: max(deadline, now + min(extra, Times.extensionLimit)))
    }

    mutating func endReadiness(_ number: Int) {
        timers.cancelAll(of: number)
        if settings.ready.isProbed { emit(.endProbe(number)) }
    }

    mutating func remove(_ number: Int) {
        if let gone = generations.first(where: { $0.number == number }), let change = gone.replacedFor,
            let since = gone.drainingSince
        {
            history.note(now - since, of: .drain, change)
        }
        generations.removeAll { $0.number == number }
        for key in [Timers.Key.drain(number), .drainSignal(number), .drainLook(number)] { timers.cancel(key) }
        timers.cancel(.groupCheck(number))
        timers.cancelAll(of: number)
    }

    func exitCode(_ status: ExitStatus) -> Int32 { settings.exitOK.contains(status.code) ? 0 : status.code }
}
