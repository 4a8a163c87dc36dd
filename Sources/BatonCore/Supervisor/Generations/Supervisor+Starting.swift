// A generation is started, and listens.
extension Supervisor {
    /// Starts the next generation with the latest snapshot. Whatever change was on its way rides along: a process that
    /// starts now reads the new configuration whether that was the plan or not.
    mutating func startGeneration() {
        guard phase == .running, !isStarting else { return }
        timers.cancel(.restart)
        let number = nextGeneration
        nextGeneration = nextGeneration.next
        counters.generationsStarted += 1
        generations.append(Generation(number: number, digest: digestAtStart, startedAt: now))
        rideAlong(on: number)
        timers.arm(.ready(number), at: now + settings.readyTimeout)
        log(.starting(number, digestAtStart, beside: servingNumber))
        emit(.start(number))
    }

    mutating func launched(_ number: GenerationNumber) {
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

    mutating func noteLaunched(_ index: Int) {
        hasEverLaunched = true
        generations[index].editStarting {
            if $0.proof == .exec { $0.proof = .word }
            $0.launchedAt = $0.launchedAt ?? now
        }
    }

    /// Ready by being seen to wait for connections, or by what comes nearest to it here.
    mutating func beginScan(_ number: GenerationNumber) {
        guard let index = index(number), generations[index].isLaunched else { return }
        let listens = generations[index].listening == .adopted
        if !holdsListener || (isScanningUseless && (listens || !hasAdopted)) {
            generations[index].editStarting { $0.proof = .age }
            let launchedAt = generations[index].starting?.launchedAt
            let since = listens ? now : launchedAt ?? generations[index].startedAt
            return timers.arm(.alive(number), at: max(now, since + Times.aliveProof))
        }
        // One that is to listen by itself is alive long before it does: where it cannot be seen to wait, its listening is
        // waited for.
        if isScanningUseless {
            generations[index].editStarting { $0.proof = .listen }
        } else if case .scan = generations[index].starting?.proof {
        } else {
            generations[index].editStarting { $0.proof = .scan(Generation.Scan()) }
            emit(.scan(number))
        }
        if !isServing || isSightDoubted { limitScan(number) }
    }

    mutating func adopted(_ number: GenerationNumber, steers: Bool) {
        guard let index = index(number) else { return }
        hasAdopted = true
        if steers { hasSteered = true }
        generations[index].listening = .adopted
        seenServing(number)
        switch generations[index].state {
        case .starting(let starting):
            guard settings.ready == .auto, starting.saidReadyAt == nil else { return }
            for key in [Timers.Key.alive(number), .scanLimit(number)] { timers.cancel(key) }
            generations[index].editScan { $0.isLimited = false }
            beginScan(number)
        case .serving: steerToServing()
        case .standby, .draining, .leftovers: break
        }
    }

    mutating func listensItself(_ number: GenerationNumber) {
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
}
