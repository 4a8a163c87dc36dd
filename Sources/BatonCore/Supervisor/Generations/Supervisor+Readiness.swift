// Ready by what a generation says, and what follows on it.
extension Supervisor {
    mutating func notified(_ number: GenerationNumber, _ notification: Notification) {
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
            guard ready.isReloading else { break }
            log(.appReloaded(number))
            generations[index].editReady { $0.isReloading = false }
            saidReloaded(number)
        case .draining, .leftovers: break
        }
    }

    private mutating func saidReady(_ number: GenerationNumber) {
        guard settings.ready == .auto || settings.ready == .notify else { return }
        guard let index = index(number), generations[index].starting?.saidReadyAt == nil else { return }
        generations[index].editStarting { $0.saidReadyAt = now }
        if !isServing {
            becomeReady(number)
        } else {
            timers.cancel(.alive(number))
            timers.arm(.confirm(number), at: now + Times.readyConfirmation)
        }
    }

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

    mutating func closedReadyDescriptor(_ number: GenerationNumber) {
        giveUp(number, because: "it closed its readiness descriptor without a newline")
    }

    mutating func probeAgain(_ number: GenerationNumber) { timers.arm(.probe(number), at: now + Times.probeInterval) }

    mutating func readyTimedOut(_ number: GenerationNumber) {
        let isScanned = settings.ready == .auto && holdsListener && !isScanningUseless
        let what = isScanned ? "it did not wait for connections on its listening socket" : "it was not ready"
        giveUp(number, because: "\(what) within \(settings.readyTimeout)")
    }

    mutating func becomeReady(_ number: GenerationNumber) {
        guard let index = index(number), generations[index].kind == .starting else { return }
        let change: ChangeNumber? = if case .starting = move?.step { move?.change.number } else { nil }
        let replaced = standAside(for: change)
        let proof = readinessProof(generations[index])
        generations[index].state = .serving(Generation.Ready())
        generations[index].readyAt = now
        hasEverServed = true
        endReadiness(number)
        digestInForce = generations[index].digest
        log(.ready(generations[index], at: now))
        emit(.noteSockets(number))
        emit(.giveTerminal(number))
        awaitFirstProof()
        var kept: GenerationNumber?
        if case .starting(number, let means) = move?.step {
            kept = putInForce(number, means, proof, replaced: replaced)
        }
        steerToServing()
        if let slowStart { log(.slowStart(number, beside: slowStart.old, settings.slowStart)) }
        for old in replaced where old != kept { release(old) }
        if isChangeHeld { apply() }
    }

    /// Another one serves in the place of those that are ready, or is about to, for this change's sake.
    private mutating func standAside(for change: ChangeNumber?) -> [GenerationNumber] {
        var replaced: [GenerationNumber] = []
        for index in generations.indices {
            guard let ready = generations[index].ready else { continue }
            generations[index].state = .standby(ready, replacedFor: change)
            replaced.append(generations[index].number)
        }
        return replaced
    }

    private func readinessProof(_ generation: Generation) -> Outcome.Proof {
        if settings.ready.isProbed { return .probe }
        switch settings.ready {
        case .notify, .descriptor: return .app
        case .auto, .http, .tcp, .command, .delay: return generation.starting?.saidReadyAt == nil ? .alive : .app
        }
    }

    /// The one that was kept serves again, where no other one does.
    mutating func takeBackStandby() {
        guard servingNumber == nil, let number = generations.last(where: { $0.ready != nil })?.number else { return }
        serveAgain(number)
    }

    mutating func serveAgain(_ number: GenerationNumber) {
        guard let index = index(number), let ready = generations[index].ready else { return }
        generations[index].state = .serving(ready)
        digestInForce = generations[index].digest
    }

    /// It serves no longer: another one does.
    mutating func release(_ number: GenerationNumber) { steers ? retireOnceQuiet(number) : retire(number) }
}
