// The agent, and what the app waits for before its first start.
extension Supervisor {
    enum AgentLife: Sendable, Hashable {
        case notStarted
        case running(since: Instant)
        /// Waiting to be started again, unless Baton stops.
        case ended
    }

    mutating func startAgent() {
        guard phase == .waiting || phase == .running else { return }
        agent = .running(since: now)
        counters.agentStarts += 1
        emit(.startAgent)
    }

    /// Its death never touches the app: what is on the stage stays, and the next one goes on.
    mutating func agentEnded(_ status: ExitStatus) {
        guard plan.agent.choice else { return }
        let before = agent
        agent = .ended
        guard phase == .waiting || phase == .running else { return }
        if case .running(let since) = before, now - since >= Times.agentForgiven { agentBackoff.reset() }
        let wait = agentBackoff.next(&random)
        log(.agentEnded(status, wait))
        timers.arm(.agent, at: now + wait)
    }

    mutating func sourceArrived(_ source: String) {
        guard case .preparing(.awaiting(var awaited)) = life, awaited.remove(source) != nil else { return }
        guard awaited.isEmpty else {
            life = .preparing(.awaiting(awaited))
            return
        }
        life = .preparing(.reading)
        timers.cancel(.awaited)
        read()
    }

    mutating func stillAwaiting() {
        guard case .preparing(let preparing) = life else { return }
        switch preparing {
        case .awaiting(let awaited): log(.awaiting(awaited.sorted()))
        case .validating: log(.awaitingVerdict(settings.validateTimeout))
        case .new, .reading, .staging: log(.awaitingFirst(intake.obstacle))
        }
        timers.arm(.awaited, at: now + Times.awaitedReport)
    }
}
