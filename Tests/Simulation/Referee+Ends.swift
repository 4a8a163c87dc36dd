import BatonCore

// Starts, ends and the stop: 3, 5, 6, 8, 9.
extension Referee {
    /// 3 and 5.
    mutating func checkStarts(_ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect]) throws {
        let starting = after.generations.filter { $0.kind == .starting }
        guard starting.count <= 1 else { throw Violation(invariant: 3, description: "\(starting.count) are starting") }
        for case .start(let number) in effects {
            guard number == started.next else {
                throw Violation(invariant: 3, description: "generation \(number) out of turn")
            }
            started = number
            guard
                askedToStopAt == nil
                    || setup.signalMap.names(.terminate) && after.phase == .running
            else { throw Violation(invariant: 5, description: "generation \(number) started after SIGTERM") }
        }
    }

    /// 6 and 8: nothing outlives what it was for: a reload command its step, a count the generation that may be counted, a slow
    /// start the running; and what is left of a generation has its signal.
    mutating func checkLeftBehind(
        _ event: Supervisor.Event, _ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect]
    ) throws {
        if case .reloadFinished(let change, _) = event, reloadCommand == change { reloadCommand = nil }
        for effect in effects {
            switch effect {
            case .endReload(let change): if reloadCommand == change { reloadCommand = nil }
            case .runReload(let change, _):
                guard reloadCommand == nil else {
                    throw Violation(invariant: 8, description: "a second reload command runs beside that of \(change)")
                }
                reloadCommand = change
            case .signal(let number, _, .target), .signal(let number, .kill, _): signalled.insert(number)
            case .countConnections(let number):
                guard before.generations.first(where: { $0.number == number })?.isKilled != true else {
                    throw Violation(
                        invariant: 8, description: "generation \(number) is killed, and counted all the same")
                }
            default: break
            }
        }
        if case .reloading = after.move?.step {
        } else if let reloadCommand, after.phase == .running {
            throw Violation(invariant: 8, description: "the reload command of change \(reloadCommand) is forgotten")
        }
        for generation in after.generations where !generation.isMainAlive {
            guard signalled.contains(generation.number) else {
                throw Violation(invariant: 6, description: "what is left of \(generation.number) has no signal")
            }
        }
        guard sharedWith == nil || after.phase != .stopping || after.serving == nil else {
            throw Violation(invariant: 1, description: "a slow start goes on while Baton stops")
        }
    }

    /// 5 and 6.
    func checkStop(_ after: Supervisor, _ effects: [Supervisor.Effect], _ world: SimulatedWorld) throws {
        let grace = Supervisor.Times.stopGrace
        if let askedToStopAt, !setup.signalMap.names(.terminate) || after.phase == .stopping {
            let latest = askedToStopAt + setup.stopDelay + setup.stopTimeout + grace
            if case .exited = after.phase {
            } else if world.now > latest + .milliseconds(501) {
                throw Violation(invariant: 5, description: "still there at \(world.now), to be gone by \(latest)")
            }
        }
        for case .exit(let code) in effects {
            let possible = Set(statuses.map { setup.exitOK.contains($0.code) ? 0 : $0.code })
            guard possible.contains(code) || code == 137 || code == 143 else {
                throw Violation(invariant: 6, description: "exit code \(code) is none of the app's \(possible)")
            }
        }
    }

    /// 6: a generation leaves the book once, and is not told anything afterwards.
    mutating func checkEnds(_ event: Supervisor.Event, _ after: Supervisor, _ effects: [Supervisor.Effect])
        throws
    {
        for case .log(let record) in effects
        where [.generationEnded, .generationEndedUnexpectedly].contains(record.event) {
            for case .number(let number) in record.fields.filter({ $0.name == "generation" }).map(\.value) {
                guard toldEnded.insert(GenerationNumber(Int(number))).inserted else {
                    throw Violation(invariant: 6, description: "generation \(number) ended twice")
                }
            }
        }
        let present = Set(after.generations.map(\.number))
        for number in (1..<max(1, after.nextGeneration.value)).lazy.map({ GenerationNumber($0) })
        where !present.contains(number) { reaped.insert(number) }
        guard reaped.isDisjoint(with: present) else {
            throw Violation(invariant: 6, description: "a generation came back from the dead")
        }
        for case .signal(let number, let signal, _) in effects
        where reaped.contains(number) && !present.contains(number) {
            throw Violation(invariant: 6, description: "\(signal) to generation \(number), which is gone")
        }
    }

    /// 8 and 9: something is always under way.
    mutating func checkProgress(
        _ event: Supervisor.Event, _ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect],
        _ world: SimulatedWorld
    ) throws {
        if case .exited = after.phase { return }
        if after.phase == .running, after.serving == nil, after.starting == nil {
            let waitsForRestart = after.timers.deadline(.restart) != nil
            let waitsForOld = after.move?.step == .awaitingGone && !after.generations.isEmpty
            guard waitsForRestart || waitsForOld else {
                throw Violation(invariant: 9, description: "nothing serves and nothing is being started")
            }
        }
        if after.phase == .stopping, after.nextDeadline == nil, world.processes.isEmpty {
            throw Violation(invariant: 8, description: "stopping, with nothing to wait for")
        }
        for generation in after.generations where !generation.isMainAlive {
            guard after.timers.deadline(.groupCheck(generation.number)) != nil else {
                throw Violation(
                    invariant: 8, description: "what is left of generation \(generation.number) is forgotten")
            }
        }
        for generation in after.generations where generation.kind == .draining && after.phase == .running {
            guard generation.isKilled || after.timers.deadline(.drain(generation.number)) != nil else {
                throw Violation(invariant: 8, description: "generation \(generation.number) drains without end")
            }
        }
        guard event == .tick, let deadline = before.nextDeadline, deadline <= world.now else { return }
        ticksInPlace = lastTick == world.now ? ticksInPlace + 1 : 0
        lastTick = world.now
        if ticksInPlace > 50 { throw Violation(invariant: 8, description: "spins at \(world.now)") }
        if let next = after.nextDeadline, next <= world.now {
            throw Violation(invariant: 8, description: "a due timer was left")
        }
    }
}
