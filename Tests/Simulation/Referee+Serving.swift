import BatonCore

// Who serves, and where connections go: 1, 2, 7.
extension Referee {
    /// Each client ends served, or by something that the log has told; none is lost by a generation that went in quiet.
    func checkClients(_ world: SimulatedWorld) throws {
        guard world.network.isConserved else { throw Violation(invariant: 2, description: "a client has vanished") }
        for (ending, count) in world.network.lost where ending.losesNobody && count > 0 {
            throw Violation(
                invariant: 2, description: "\(count) clients are lost by a generation that ended by \(ending.rawValue)")
        }
    }

    /// 1, 2 and 7: a serving generation is told to go only for a successor that is ready.
    mutating func checkServing(
        _ event: Supervisor.Event, _ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect]
    ) throws {
        guard after.phase == .running else { return }
        for effect in effects {
            guard case .signal(let number, let signal, _) = effect, signal == setup.drainSignal || signal == .kill,
                before.generation(number, in: .ready) != nil
            else { continue }
            // Its main process ended by itself: what is left of it is only tidied up.
            if case .exited(number, _, _, _) = event { continue }
            if restartsOnChange { continue }
            if isUndone(before, after, effects), after.serving.map({ $0.number < number }) ?? true { continue }
            guard let serving = after.serving, serving.number > number else {
                throw Violation(invariant: 2, description: "generation \(number) is drained and no successor is ready")
            }
        }
        try checkFirst(event, before, after, effects)
        let wasServing = before.serving
        if let wasServing, after.serving == nil, !restartsOnChange, !isUndone(before, after, effects) {
            let isGone =
                switch event {
                case .exited(wasServing.number, _, _, _), .launchFailed(wasServing.number, _): true
                default: false
                }
            guard isGone else {
                throw Violation(
                    invariant: 1, description: "generation \(wasServing.number) stopped serving on \(event)")
            }
        }
    }

    /// A change has failed: the generation before has been kept for this, or one is started with the last good content, after the one
    /// that has failed if it cannot be beside it.
    private func isUndone(_ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect]) -> Bool {
        let hasFailed = effects.contains {
            switch $0 {
            case .changeEnded(_, .rolledBack), .changeEnded(_, .rejected): true
            default: false
            }
        }
        let isBad = setup.stages && before.serving.map { $0.digest != before.stage.promoted?.digest } == true
        return (hasFailed || isBad)
            && (after.serving != nil || after.starting != nil || after.timers.deadline(.restart) != nil)
    }

    /// Nobody serves for certain, but a generation that is not known to be ready may: no change tells it to go.
    mutating func checkFirst(
        _ event: Supervisor.Event, _ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect]
    ) throws {
        guard let starting = before.starting, starting.isLaunched, before.serving == nil, before.phase == .running,
            setup.hasListener || listened.contains(starting.number), setup.onChange == .handover, !isAdoptionRefused
        else { return }
        let hasFailed = effects.contains {
            if case .log(let record) = $0 { record.event == .generationNotReady } else { false }
        }
        if case .exited(starting.number, _, _, _) = event { return }
        if case .scanned(starting.number, let waiting) = event { idleScans = waiting == .no ? idleScans + 1 : 0 }
        // On a socket that it was given it may have been seen not to wait.
        if !listened.contains(starting.number), idleScans >= Supervisor.Times.firstScans { return }
        for case .signal(starting.number, setup.drainSignal, _) in effects where !hasFailed {
            throw Violation(invariant: 1, description: "generation \(starting.number), which may serve, is told to go")
        }
    }

    /// Where connections are steered: to the serving generation and to no other, but for a slow start's; and a generation that
    /// is replaced is told to go only once it has nothing to finish, or its time is nearly up.
    mutating func checkSteering(_ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect])
        throws
    {
        guard after.generations.count(where: \.waitsForQuiet) <= setup.maxDraining else {
            throw Violation(invariant: 8, description: "more generations drain quietly than there may be")
        }
        for effect in effects {
            switch effect {
            case .steer(let number): (steeredTo, sharedWith) = (number, nil)
            case .share(let number, let old, let percent):
                guard (1..<100).contains(percent) else {
                    throw Violation(invariant: 1, description: "\(percent) % of the connections for \(number)")
                }
                (steeredTo, sharedWith) = (number, old)
            default: break
            }
        }
        if let sharedWith, after.phase == .running {
            guard after.generation(sharedWith, in: .ready) != nil else {
                throw Violation(invariant: 1, description: "\(sharedWith) gets connections and is not ready")
            }
        }
        if setup.steers, setup.slowStart > .zero, let proved = provedGeneration(after),
            proved != provedGeneration(before), before.serving != nil
        {
            guard sharedWith != nil else {
                throw Violation(invariant: 2, description: "all connections at once, in a slow start")
            }
        }
        guard let serving = after.serving, setup.steers || listened.contains(serving.number) else { return }
        guard steeredTo == serving.number else {
            throw Violation(
                invariant: 1,
                description: "\(serving.number) serves, connections go to \(String(describing: steeredTo))")
        }
        for generation in after.generations where generation.waitsForQuiet {
            guard
                after.timers.deadline(.count(generation.number)) != nil || generation.connections != nil
                    || after.timers.deadline(.drainSignal(generation.number)) != nil
            else { throw Violation(invariant: 8, description: "nobody looks after generation \(generation.number)") }
        }
    }

    func provedGeneration(_ supervisor: Supervisor) -> GenerationNumber? {
        supervisor.proving.flatMap { $0.means == .handover ? $0.generation : nil }
    }

    /// Nobody is told to go while it is seen to have connections, nor the old one while the new one is on probation; who cannot
    /// share a port is not started beside another; what is refused is never in force; a dead agent is started again.
    func checkPatience(
        _ event: Supervisor.Event, _ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect]
    ) throws {
        // One that takes no connection is not waited for.
        if case .connections(let number, let connections?) = event, connections.open > 0,
            !isUndone(before, after, effects)
        {
            for case .signal(number, setup.drainSignal, _) in effects {
                throw Violation(invariant: 2, description: "generation \(number) is told to go with connections open")
            }
        }
        if let proved = provedGeneration(after), proved != provedGeneration(before), before.serving != nil {
            guard after.generations.contains(where: { $0.kind == .ready && $0.number < proved }) else {
                throw Violation(
                    invariant: 2, description: "nothing is kept to go back to from generation \(proved)")
            }
        }
        if setup.probation ?? .zero > .zero || (setup.slowStart > .zero && setup.steers), before.serving != nil,
            case .starting = before.move?.step, after.phase == .running
        {
            for case .changeEnded(let change, .applied(.handover, _)) in effects {
                throw Violation(invariant: 2, description: "change \(change.number) is applied without probation")
            }
        }
        if case .validated(let number, .rejected) = event, effects.contains(.promote(number)),
            before.phase == .running || before.stage.proven != nil
        {
            throw Violation(invariant: 4, description: "snapshot \(number) was refused and is put in force")
        }
        for case .start(let number) in effects where setup.onChange == .restart {
            guard !after.generations.contains(where: { $0.number != number && $0.isMainAlive && !$0.isKilled }) else {
                throw Violation(invariant: 2, description: "generation \(number) is started beside another")
            }
        }
        if case .agentEnded = event, setup.hasAgent, after.phase == .running || after.phase == .waiting {
            guard after.timers.deadline(.agent) != nil else {
                throw Violation(invariant: 8, description: "a dead agent is not started again")
            }
        }
    }
}
