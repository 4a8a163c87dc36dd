// How a generation that is no longer wanted comes to its end.
extension Supervisor {
    /// Tells a generation to finish. From here on it only ends.
    mutating func retire(_ number: GenerationNumber) {
        guard let index = index(number), generations[index].kind != .draining else { return }
        // While nobody serves clients have nowhere else to go.
        if generations[index].kind == .starting, steers, !isServing { emit(.yieldSockets(number)) }
        beginDraining(index, .signalled)
        log(.drainSignalSent(number, settings.drainSignal, settings.drainTimeout))
        sendDrainSignal(number, settings.drainSignal)
        timers.arm(.drain(number), at: now + settings.drainTimeout)
        enforceMaxDraining()
    }

    private mutating func beginDraining(_ index: Int, _ step: Generation.DrainStep, reportedAt: Instant? = nil) {
        generations[index].state = .draining(
            .init(
                since: now, replacedFor: generations[index].replacedFor, step: step, connections: nil,
                reportedAt: reportedAt))
        endReadiness(generations[index].number)
    }

    /// Its main process has ended, and other processes of its group have not.
    mutating func leaveLeftovers(_ number: GenerationNumber) {
        guard let index = index(number) else { return }
        // They have no signal yet.
        if generations[index].kind != .draining {
            sendDrainSignal(number, settings.drainSignal)
            timers.arm(.drain(number), at: now + settings.drainTimeout)
        } else {
            tellToDrain(number)
        }
        generations[index].state = .leftovers(
            .init(
                since: generations[index].drainingSince ?? now, replacedFor: generations[index].replacedFor,
                isKilled: generations[index].isKilled))
        for key in [Timers.Key.drainSignal(number), .count(number)] { timers.cancel(key) }
        timers.arm(.groupCheck(number), at: now + Times.groupCheck)
    }

    /// SIGCONT after the signal: a stopped process would not see it before.
    mutating func sendDrainSignal(_ number: GenerationNumber, _ signal: Signal) {
        emit(.signal(number, signal, .target))
        emit(.signal(number, .cont, .group))
    }

    private mutating func enforceMaxDraining() {
        let draining = generations.filter { $0.kind == .draining && !$0.isKilled }
        for oldest in draining.prefix(max(0, draining.count - settings.maxDraining)) {
            log(.tooManyDraining(oldest.number, settings.maxDraining, hadItsSignal: !oldest.waitsForQuiet))
            if oldest.waitsForQuiet { tellToDrain(oldest.number) } else { kill(oldest.number) }
        }
    }

    // MARK: by connection

    /// New connections go elsewhere already: lets the generation finish those that it has, and tells it only then.
    mutating func retireOnceQuiet(_ number: GenerationNumber) {
        guard let index = index(number), generations[index].kind != .draining else { return }
        beginDraining(index, .quiet(counts: 0), reportedAt: now)
        log(.draining(number, to: servingNumber, settings.drainTimeout))
        timers.arm(.drain(number), at: now + settings.drainTimeout)
        let quarter = Interval(nanoseconds: settings.drainTimeout.nanoseconds / 4)
        let grace = min(Times.drainGrace, quarter)
        timers.arm(.drainSignal(number), at: now + (settings.drainTimeout - grace))
        timers.arm(.count(number), at: now + Times.firstDrainCount)
        enforceMaxDraining()
    }

    mutating func counted(_ number: GenerationNumber, _ connections: Connections?) {
        guard phase == .running, let index = index(number), case .draining(var draining) = generations[index].state,
            draining.step != .killed
        else { return }
        draining.connections = connections
        generations[index].state = .draining(draining)
        guard let connections else { return uncounted(number, draining) }
        let isSoon = now - draining.since < Times.drainCountSoonFor
        timers.arm(.count(number), at: now + (isSoon ? Times.drainCount : Times.drainCountLater))
        reportDrain(index, draining, connections)
        guard case .quiet(let counts) = draining.step else { return }
        let quiet = connections.isNone ? counts + 1 : 0
        generations[index].editDraining { $0.step = .quiet(counts: quiet) }
        if quiet >= Times.quietCounts && now - draining.since >= Times.handshake { tellToDrain(number) }
    }

    private mutating func uncounted(_ number: GenerationNumber, _ draining: Generation.Draining) {
        guard case .quiet = draining.step else { return }
        // What cannot be seen may be a handshake under way.
        guard now - draining.since >= Times.handshake else {
            return timers.arm(.count(number), at: draining.since + Times.handshake)
        }
        log(.connectionsUncounted(number))
        tellToDrain(number)
    }

    private mutating func reportDrain(
        _ index: Int, _ draining: Generation.Draining, _ connections: Connections
    ) {
        guard !connections.isNone, let reportedAt = draining.reportedAt, now - reportedAt >= Times.drainReport else {
            return
        }
        generations[index].editDraining { $0.reportedAt = now }
        let left = timers.deadline(.drain(generations[index].number)).map { $0 - now } ?? .zero
        log(.drainInProgress(generations[index].number, connections, left: left))
    }

    mutating func drainSignalDue(_ number: GenerationNumber) {
        guard let generation = generation(number, in: .draining), generation.waitsForQuiet else { return }
        let left = timers.deadline(.drain(number)).map { $0 - now } ?? .zero
        log(.drainSignalForced(number, generation.connections, left: left))
        tellToDrain(number)
    }

    mutating func tellToDrain(_ number: GenerationNumber) {
        guard let index = index(number), generations[index].waitsForQuiet else { return }
        generations[index].editDraining { $0.step = .signalled }
        timers.cancel(.drainSignal(number))
        let isQuiet = generations[index].connections?.isNone == true
        let left = timers.deadline(.drain(number)).map { $0 - now } ?? .zero
        log(.drainSignalSent(number, settings.drainSignal, left, isQuiet: isQuiet))
        sendDrainSignal(number, settings.drainSignal)
    }

    // MARK: the end

    mutating func drainTimedOut(_ number: GenerationNumber) {
        log(.drainTimedOut(number, settings.drainTimeout))
        kill(number)
    }

    mutating func kill(_ number: GenerationNumber) {
        guard let index = index(number) else { return }
        switch generations[index].state {
        case .draining(var draining):
            draining.step = .killed
            generations[index].state = .draining(draining)
        case .leftovers(var leftovers):
            leftovers.isKilled = true
            generations[index].state = .leftovers(leftovers)
        case .starting, .serving, .standby: return
        }
        for key in [Timers.Key.drain(number), .drainSignal(number), .count(number)] { timers.cancel(key) }
        if let connections = generations[index].connections, !connections.isNone {
            counters.connectionsCut += Int64(connections.open + connections.queued)
            log(.connectionsLost(number, connections))
        }
        emit(.signal(number, .kill, .group))
        timers.arm(.groupCheck(number), at: now + Times.groupCheck)
    }

    mutating func checkGroup(_ number: GenerationNumber) {
        timers.arm(.groupCheck(number), at: now + Times.groupCheck)
        emit(.checkGroup(number))
    }

    mutating func groupEmptied(_ number: GenerationNumber) {
        remove(number)
        generationGone()
    }

    /// Some generation has gone for good: a restart, a stop may have waited for it.
    mutating func generationGone() {
        switch phase {
        case .stopping: stopProgress()
        case .running: tellMove(.generationGone)
        case .waiting, .exited: break
        }
    }
}
