// How a generation that is no longer wanted comes to its end.
extension Supervisor {
    /// Tells a generation to finish. From here on it only ends.
    mutating func retire(_ number: Int) {
        guard let index = index(number), generations[index].state != .draining else { return }
        // While nobody serves clients have nowhere else to go.
        if generations[index].state == .starting, steers, !isServing { emit(.yieldSockets(number)) }
        generations[index].state = .draining
        generations[index].drainingSince = now
        endReadiness(number)
        log(.draining(number, policy.drainSignal, policy.drainTimeout))
        drain(number, with: policy.drainSignal)
        timers.arm(.drain(number), at: now + policy.drainTimeout)
        enforceMaxDraining()
    }

    mutating func drainLeftovers(_ number: Int) {
        guard let index = index(number) else { return }
        generations[index].state = .draining
        generations[index].drainingSince = now
        drain(number, with: policy.drainSignal)
        timers.arm(.drain(number), at: now + policy.drainTimeout)
    }

    /// SIGCONT after the signal: a stopped process would not see it before.
    mutating func drain(_ number: Int, with signal: Signal) {
        emit(.signal(number, signal, .target))
        emit(.signal(number, .cont, .group))
    }

    private mutating func enforceMaxDraining() {
        let draining = generations.filter { $0.state == .draining && !$0.isKilled }
        for oldest in draining.prefix(max(0, draining.count - policy.maxDraining)) {
            log(.tooManyDraining(oldest.number, policy.maxDraining, isTold: !oldest.waitsForQuiet))
            if oldest.waitsForQuiet { tellToDrain(oldest.number) } else { kill(oldest.number) }
        }
    }

    // MARK: by connection

    /// New connections go elsewhere already: lets the generation finish those that it has, and tells it only then.
    mutating func retireOnceQuiet(_ number: Int) {
        guard let index = index(number), generations[index].state != .draining else { return }
        generations[index].state = .draining
        generations[index].waitsForQuiet = true
        generations[index].drainingSince = now
        generations[index].reportedAt = now
        endReadiness(number)
        log(.drainingQuietly(number, policy.drainTimeout))
        timers.arm(.drain(number), at: now + policy.drainTimeout)
        let quarter = Interval(nanoseconds: policy.drainTimeout.nanoseconds / 4)
        let grace = min(Times.drainGrace, quarter)
        timers.arm(.drainSignal(number), at: now + (policy.drainTimeout - grace))
        timers.arm(.drainLook(number), at: now + Times.firstDrainLook)
        enforceMaxDraining()
    }

    mutating func counted(_ number: Int, _ connections: Connections?) {
        scanned(number, connections)
        guard let index = index(number), generations[index].state == .draining, generations[index].isMainAlive,
            !generations[index].isKilled
        else { return }
        guard phase == .running, let since = generations[index].drainingSince else { return }
        generations[index].connections = connections
        guard let connections else {
            guard generations[index].waitsForQuiet else { return }
            // What cannot be seen may be a handshake under way.
            guard now - since >= Times.handshake else {
                return timers.arm(.drainLook(number), at: since + Times.handshake)
            }
            log(.connectionsUncounted(number))
            return tellToDrain(number)
        }
        let isSoon = now - since < Times.drainLookSoonFor
        timers.arm(.drainLook(number), at: now + (isSoon ? Times.drainLook : Times.drainLookLater))
        reportDrain(index, connections)
        generations[index].quietLooks = connections.isNone ? generations[index].quietLooks + 1 : 0
        let isQuiet = generations[index].quietLooks >= Times.quietLooks && now - since >= Times.handshake
        if generations[index].waitsForQuiet, isQuiet { tellToDrain(number) }
    }

    private mutating func reportDrain(_ index: Int, _ connections: Connections) {
        guard !connections.isNone, let reportedAt = generations[index].reportedAt, now - reportedAt >= Times.drainReport
        else { return }
        generations[index].reportedAt = now
        let left = timers.deadline(.drain(generations[index].number)).map { $0 - now } ?? .zero
        log(.drainLasts(generations[index].number, connections, left: left))
    }

    mutating func drainSignalDue(_ number: Int) {
        guard let generation = generation(number, in: .draining), generation.waitsForQuiet else { return }
        log(.drainNotQuiet(number, generation.connections))
        tellToDrain(number)
    }

    mutating func tellToDrain(_ number: Int) {
        guard let index = index(number), generations[index].waitsForQuiet else { return }
        generations[index].waitsForQuiet = false
        timers.cancel(.drainSignal(number))
        let isQuiet = generations[index].connections?.isNone == true
        let left = timers.deadline(.drain(number)).map { $0 - now } ?? .zero
        log(.draining(number, policy.drainSignal, left, isQuiet: isQuiet))
        drain(number, with: policy.drainSignal)
    }

    // MARK: the end

    mutating func drainTimedOut(_ number: Int) {
        guard generation(number, in: .draining) != nil else { return }
        log(.drainTimedOut(number, policy.drainTimeout))
        kill(number)
    }

    mutating func kill(_ number: Int) {
        guard let index = index(number) else { return }
        generations[index].isKilled = true
        generations[index].waitsForQuiet = false
        for key in [Timers.Key.drain(number), .drainSignal(number), .drainLook(number)] { timers.cancel(key) }
        if let connections = generations[index].connections, !connections.isNone {
            counters.connectionsCut += Int64(connections.open + connections.queued)
            log(.connectionsCut(number, connections))
        }
        emit(.signal(number, .kill, .group))
        timers.arm(.groupCheck(number), at: now + Times.groupCheck)
    }

    mutating func checkGroup(_ number: Int) {
        guard let index = index(number), !generations[index].isMainAlive else { return }
        timers.arm(.groupCheck(number), at: now + Times.groupCheck)
        emit(.checkGroup(number))
    }

    mutating func groupEmptied(_ number: Int) {
        guard let index = index(number), !generations[index].isMainAlive else { return }
        remove(number)
        generationGone()
    }

    /// Some generation has gone for good: a restart, a stop may have waited for it.
    mutating func generationGone() {
        switch phase {
        case .stopping: stopProgress()
        case .running: if case .awaitingGone = pending?.stage, generations.isEmpty { startGeneration() }
        case .waiting, .exited: break
        }
    }
}
