import BatonCore

/// Checks the invariants (their text stands at `Supervisor`) after every step, from outside: by what the supervisor
/// orders, not by what it believes.
package struct Referee {
    package struct Violation: Error, CustomStringConvertible {
        package let invariant: Int
        package let description: String
    }

    let setup: Setup
    private var open: Set<ChangeNumber> = []
    private var ended: [ChangeNumber: Outcome] = [:]
    private var started: GenerationNumber = 0
    private var reaped: Set<GenerationNumber> = []
    private var toldEnded: Set<GenerationNumber> = []
    private var statuses: [ExitStatus] = []
    private var askedToStopAt: Instant?
    private var lastApplied: Digest?
    private var ticksInPlace = 0
    private var steeredTo: GenerationNumber?
    /// Who gets the other new connections, in a slow start.
    private var sharedWith: GenerationNumber?
    private var lastTick: Instant?
    /// What the world has told of listening sockets.
    private var listened: Set<GenerationNumber> = []
    private var isAdoptionRefused = false
    /// When each generation was last told to reload, by the signal or by a command that ended well.
    private var toldToReload: [GenerationNumber: Instant] = [:]
    private var endsByReload = false
    /// ^C is a person's wish to end it.
    private var isInterrupted = false
    /// Scans in a row in which the first generation was not seen to wait.
    private var idleScans = 0
    /// The change for which a reload command runs.
    private var reloadCommand: ChangeNumber?
    /// They have been sent a signal that ends them.
    private var signalled: Set<GenerationNumber> = []
    /// From when on nothing is done to the world any more.
    var calmSince: Instant?

    init(setup: Setup) { self.setup = setup }

    private var restartsOnChange: Bool {
        // auto without a listener, or with an app that has gone unready, ends in a restart.
        if setup.hasListener { return setup.onChange == .restart }
        return setup.onChange == .restart || (setup.onChange == .auto && listened.isEmpty)
            || (isAdoptionRefused && setup.onChange != .reload)
    }

    mutating func check(
        _ event: Supervisor.Event, before: Supervisor, after: Supervisor, effects: [Supervisor.Effect],
        world: SimulatedWorld
    ) throws {
        note(event, before, world)
        try checkServing(event, before, after, effects)
        try checkSteering(before, after, effects)
        try checkPatience(event, before, after, effects)
        try checkStage(after, effects, world)
        try checkStarts(before, after, effects)
        try checkChanges(before, after, effects)
        try checkPace(effects, world)
        try checkReloads(event, before, after, effects, world)
        try checkLeftBehind(event, before, after, effects)
        try checkStop(after, effects, world)
        try checkEnds(event, after, effects)
        try checkProgress(event, before, after, effects, world)
        try checkClients(world)
    }

    /// Each client ends served, or by something that the log has told; none is lost by a generation that went in quiet.
    private func checkClients(_ world: SimulatedWorld) throws {
        guard world.network.isConserved else { throw Violation(invariant: 2, description: "a client has vanished") }
        for (ending, count) in world.network.lost where ending.losesNobody && count > 0 {
            throw Violation(
                invariant: 2, description: "\(count) clients are lost by a generation that ended by \(ending.rawValue)")
        }
    }

    private mutating func note(_ event: Supervisor.Event, _ before: Supervisor, _ world: SimulatedWorld) {
        if case .exited(_, let status, _) = event { statuses.append(status) }
        if case .launchFailed(_, let failure) = event { statuses.append(.exited(failure.exitCode)) }
        if case .adopted(let number, _) = event, before.index(number) != nil { listened.insert(number) }
        if case .signal(.interrupt) = event { isInterrupted = true }
        if case .adoptionRefused = event { isAdoptionRefused = true }
        if case .signal(.terminate) = event, before.phase == .running, askedToStopAt == nil {
            askedToStopAt = world.now
        }
    }

    /// 1, 2 and 7: a serving generation is told to go only for a successor that is ready.
    private mutating func checkServing(
        _ event: Supervisor.Event, _ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect]
    ) throws {
        guard after.phase == .running else { return }
        for effect in effects {
            guard case .signal(let number, let signal, _) = effect, signal == setup.drainSignal || signal == .kill,
                before.generation(number, in: .ready) != nil
            else { continue }
            // Its main process ended by itself: what is left of it is only tidied up.
            if case .exited(number, _, _) = event { continue }
            if restartsOnChange { continue }
            // Taken back: the one before it has been kept for this.
            if case .proving(let proving) = before.move?.step, proving.generation == number,
                let serving = after.serving, serving.number < number
            {
                continue
            }
            guard let serving = after.serving, serving.number > number else {
                throw Violation(invariant: 2, description: "generation \(number) is drained and no successor is ready")
            }
        }
        try checkFirst(event, before, after, effects)
        let wasServing = before.serving
        if let wasServing, after.serving == nil, !restartsOnChange {
            let isGone =
                switch event {
                case .exited(wasServing.number, _, _), .launchFailed(wasServing.number, _): true
                default: false
                }
            guard isGone else {
                throw Violation(
                    invariant: 1, description: "generation \(wasServing.number) stopped serving on \(event)")
            }
        }
    }

    /// Nobody serves for certain, but a generation that is not known to be ready may: no change tells it to go.
    private mutating func checkFirst(
        _ event: Supervisor.Event, _ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect]
    ) throws {
        guard let starting = before.starting, starting.isLaunched, before.serving == nil, before.phase == .running,
            setup.hasListener || listened.contains(starting.number), setup.onChange == .handover, !isAdoptionRefused
        else { return }
        let hasFailed = effects.contains {
            if case .log(let record) = $0 { record.event == "generation_not_ready" } else { false }
        }
        if case .exited(starting.number, _, _) = event { return }
        if case .looked(starting.number, let waiting) = event { idleScans = waiting == .no ? idleScans + 1 : 0 }
        // On a socket that it was given it may have been seen not to wait.
        if !listened.contains(starting.number), idleScans >= Supervisor.Times.firstScans { return }
        for case .signal(starting.number, setup.drainSignal, _) in effects where !hasFailed {
            throw Violation(invariant: 1, description: "generation \(starting.number), which may serve, is told to go")
        }
    }

    /// Where connections are steered: to the serving generation and to no other, but for a slow start's; and a generation that
    /// is replaced is told to go only once it has nothing to finish, or its time is nearly up.
    private mutating func checkSteering(_ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect])
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
            proved != provedGeneration(before)
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
                after.timers.deadline(.drainLook(generation.number)) != nil || generation.connections != nil
                    || after.timers.deadline(.drainSignal(generation.number)) != nil
            else { throw Violation(invariant: 8, description: "nobody looks after generation \(generation.number)") }
        }
    }

    private func provedGeneration(_ supervisor: Supervisor) -> GenerationNumber? {
        if case .proving(let proving) = supervisor.move?.step { proving.generation } else { nil }
    }

    /// Nobody is told to go while it is seen to have connections, nor the old one while the new one is on probation; who cannot
    /// share a port is not started beside another; what is refused is never in force; a dead agent is started again.
    private func checkPatience(
        _ event: Supervisor.Event, _ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect]
    ) throws {
        if case .connections(let number, let connections?) = event, connections.open + connections.queued > 0 {
            for case .signal(number, setup.drainSignal, _) in effects {
                throw Violation(invariant: 2, description: "generation \(number) is told to go with connections open")
            }
        }
        if let proved = provedGeneration(after), proved != provedGeneration(before) {
            guard after.generations.contains(where: { $0.kind == .ready && $0.number < proved }) else {
                throw Violation(
                    invariant: 2, description: "nothing is kept to go back to from generation \(proved)")
            }
        }
        if setup.probation > .zero || (setup.slowStart > .zero && setup.steers), before.serving != nil,
            case .starting = before.move?.step, after.phase == .running
        {
            for case .changeEnded(let change, .applied(.handover)) in effects {
                throw Violation(invariant: 2, description: "change \(change.number) is applied without probation")
            }
        }
        if case .validated(let number, .some) = event, effects.contains(.promote(number)) {
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

    /// What the app reads is whole and is what the book says; nothing that was refused ever is.
    private func checkStage(_ after: Supervisor, _ effects: [Supervisor.Effect], _ world: SimulatedWorld) throws {
        guard setup.stages else { return }
        var promoted = world.promoted
        var snapshots = world.snapshots
        for effect in effects {
            switch effect {
            case .promote(let number):
                guard snapshots[number] != nil else {
                    throw Violation(invariant: 4, description: "snapshot \(number) is promoted and not there")
                }
                promoted = number
            case .dropSnapshot(let number):
                guard number != promoted else {
                    throw Violation(invariant: 4, description: "snapshot \(number) is dropped while the app reads it")
                }
                snapshots[number] = nil
            case .start(let number):
                guard let read = promoted.flatMap({ snapshots[$0] }),
                    after.generations.last(where: { $0.number == number })?.digest == read
                else {
                    throw Violation(invariant: 4, description: "generation \(number) does not read what it is said to")
                }
            default: break
            }
        }
        guard snapshots.count <= 3 else {
            throw Violation(invariant: 8, description: "\(snapshots.count) snapshots pile up")
        }
    }

    /// 3 and 5.
    private mutating func checkStarts(_ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect]) throws
    {
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

    /// 4.
    private mutating func checkChanges(_ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect]) throws
    {
        for effect in effects {
            if case .log(let record) = effect, record.event == "change_detected" {
                for case .number(let number) in record.fields.filter({ $0.name == "change" }).map(\.value) {
                    open.insert(ChangeNumber(Int(number)))
                }
            }
            guard case .changeEnded(let change, let outcome) = effect else { continue }
            guard open.remove(change.number) != nil, ended.updateValue(outcome, forKey: change.number) == nil else {
                throw Violation(invariant: 4, description: "change \(change.number) ended twice, or was never seen")
            }
            let isLogged = effects.contains { effect in
                guard case .log(let record) = effect, record.event.hasPrefix("change_") else { return false }
                return record.event != "change_detected" && record.fields.contains(.digest(change.digest))
            }
            guard isLogged else { throw Violation(invariant: 4, description: "change \(change.number) ended unlogged") }
        }
        guard open.count == (after.move == nil ? 0 : 1) else {
            throw Violation(invariant: 4, description: "\(open.count) changes are open: \(open)")
        }
    }

    /// In a calm world every change comes to its outcome within the times that the settings give to its stages: one that is under
    /// way may have to end first, a reading may be torn, a generation given up, an old one killed, before its own turn.
    private func checkPace(_ effects: [Supervisor.Effect], _ world: SimulatedWorld) throws {
        guard let calmSince else { return }
        let turn =
            max(setup.settle * 10, .seconds(10)) + setup.splay + setup.validateTimeout + setup.readyTimeout
            + max(setup.probation, setup.slowStart) + setup.drainTimeout + .seconds(30)
        for case .changeEnded(let change, _) in effects where world.now > max(calmSince, change.seenAt) + turn * 2 {
            throw Violation(
                invariant: 4,
                description: "change \(change.number) took \(world.now - change.seenAt), where \(turn * 2) is the most")
        }
    }

    /// 6 and 8: nothing outlives what it was for: a reload command its step, a count the generation that may be counted, a slow
    /// start the running; and what is left of a generation has its signal.
    private mutating func checkLeftBehind(
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

    /// 11, so far: under `auto` an app that ends by its reload goes on, and is not told again; nor is one whose handler proves
    /// nothing.
    private mutating func checkReloads(
        _ event: Supervisor.Event, _ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect],
        _ world: SimulatedWorld
    ) throws {
        guard setup.onChange == .auto else { return }
        if case .exited(let number, let status, _) = event, before.phase == .running,
            before.generation(number, in: .ready)?.isMainAlive == true, let told = toldToReload[number],
            world.now - told <= Supervisor.Times.reloadBlamed, !isInterrupted,
            status != .exited(0) || !setup.adopts
        {
            endsByReload = true
            guard after.phase == .running else {
                throw Violation(
                    invariant: 11, description: "generation \(number) ended by its reload, and Baton with it")
            }
        }
        for effect in effects {
            switch effect {
            case .signal(let number, setup.reloadSignal, .main):
                toldToReload[number] = world.now
                if case .disposition(number, .caughtByRuntime) = event {
                    throw Violation(
                        invariant: 11, description: "generation \(number) is told to reload by a runtime's signal")
                }
                guard !endsByReload else {
                    throw Violation(invariant: 11, description: "generation \(number) is told again what ended the app")
                }
            case .changeEnded(_, .applied(.reload)):
                if case .reloadFinished = event, let serving = before.serving {
                    toldToReload[serving.number] = world.now
                }
            default: break
            }
        }
    }

    /// 5 and 6.
    private func checkStop(_ after: Supervisor, _ effects: [Supervisor.Effect], _ world: SimulatedWorld) throws {
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
    private mutating func checkEnds(_ event: Supervisor.Event, _ after: Supervisor, _ effects: [Supervisor.Effect])
        throws
    {
        for case .log(let record) in effects where record.event == "generation_ended" {
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
    private mutating func checkProgress(
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

    /// After the mischief has ended every change must have come to its end, and the app must run with the last content
    /// unless its change was turned down.
    func checkEnd(_ world: SimulatedWorld) throws {
        let supervisor = world.supervisor
        guard supervisor.phase != .waiting else {
            throw Violation(invariant: 8, description: "still waiting for what the app is started with")
        }
        guard supervisor.phase == .running else { return }
        guard supervisor.move == nil, open.isEmpty else {
            throw Violation(
                invariant: 4,
                description: "change \(open) never ended (\(String(describing: supervisor.move?.step)))")
        }
        guard supervisor.lastSeen == world.volume.digest else {
            throw Violation(invariant: 4, description: "the last content was never seen")
        }
        guard supervisor.serving != nil || supervisor.starting != nil || supervisor.timers.deadline(.restart) != nil
        else {
            throw Violation(invariant: 9, description: "nothing serves at the end")
        }
        guard let last = ended.keys.max(), let serving = supervisor.serving else { return }
        switch ended[last] {
        case .rejected, .rolledBack, nil: break
        case .applied where setup.onChange == .none, .superseded where setup.onChange == .none:
            // Whoever serves is not told; who is started next reads what was seen last.
            guard supervisor.digestAtStart == supervisor.lastSeen else {
                throw Violation(invariant: 4, description: "the stage does not hold the last content, \(world.written)")
            }
        case .applied, .superseded:
            guard serving.digest == supervisor.lastSeen else {
                throw Violation(invariant: 4, description: "serves \(serving.digest as Any), not \(world.written)")
            }
        }
    }
}
