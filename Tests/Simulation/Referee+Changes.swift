import BatonCore

// Changes and snapshots: 4, 10, 11.
extension Referee {
    /// What the app reads is whole and is what the book says; nothing that was refused ever is.
    func checkStage(_ after: Supervisor, _ effects: [Supervisor.Effect], _ world: SimulatedWorld) throws {
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
        guard snapshots.count <= 6 else {
            throw Violation(invariant: 8, description: "\(snapshots.count) snapshots pile up")
        }
    }

    /// 4.
    mutating func checkChanges(_ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect]) throws {
        for effect in effects {
            if case .log(let record) = effect, record.event == .changeDetected {
                for case .number(let number) in record.fields.filter({ $0.name == "change" }).map(\.value) {
                    open.insert(ChangeNumber(Int(number)))
                }
            }
            guard case .changeEnded(let change, let outcome) = effect else { continue }
            guard open.remove(change.number) != nil, ended.updateValue(outcome, forKey: change.number) == nil else {
                throw Violation(invariant: 4, description: "change \(change.number) ended twice, or was never seen")
            }
            let isLogged = effects.contains { effect in
                guard case .log(let record) = effect, record.event.rawValue.hasPrefix("change_") else { return false }
                return record.event != .changeDetected && record.fields.contains(.digest(change.digest))
            }
            guard isLogged else { throw Violation(invariant: 4, description: "change \(change.number) ended unlogged") }
            guard let digest = change.digest else { continue }
            switch outcome {
            case .applied where change.cause == .rollback: if let seen = after.lastSeen { failed.insert(seen) }
            case .applied: failed.remove(digest)
            case .rejected, .rolledBack, .failed: failed.insert(digest)
            case .superseded: break
            }
        }
        guard open.count == (after.move == nil ? 0 : 1) + (after.proving == nil ? 0 : 1) else {
            throw Violation(invariant: 4, description: "\(open.count) changes are open: \(open)")
        }
    }

    /// In a calm world every change comes to its outcome within the times that the settings give to its stages: one that is under
    /// way may have to end first, a reading may be torn, a generation given up, an old one killed, before its own turn.
    func checkPace(_ effects: [Supervisor.Effect], _ world: SimulatedWorld) throws {
        guard let calmSince else { return }
        let proving = max(setup.probation ?? Supervisor.Times.leastProbation, setup.slowStart)
        let reading = max(setup.settle * 10, .seconds(10)) + setup.splay + setup.validateTimeout
        let turn = reading + setup.readyTimeout * 2 + proving + setup.drainTimeout + .seconds(30)
        for case .changeEnded(let change, _) in effects where world.now > max(calmSince, change.seenAt) + turn * 2 {
            throw Violation(
                invariant: 4,
                description: "change \(change.number) took \(world.now - change.seenAt), where \(turn * 2) is the most")
        }
    }

    /// 11, so far: under `auto` an app that ends by its reload goes on, and is not told again; nor is one whose handler proves
    /// nothing.
    mutating func checkReloads(
        _ event: Supervisor.Event, _ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect],
        _ world: SimulatedWorld
    ) throws {
        guard setup.onChange == .auto else { return }
        if case .exited(let number, let status, _, _) = event, !isReplaced(number, effects), before.phase == .running,
            before.generation(number, in: .ready)?.isMainAlive == true, let told = toldToReload[number],
            world.now - told <= Supervisor.Times.reloadBlamed, !isInterrupted,
            status != .exited(0) || !setup.adopts
        {
            endsByReload = true
            retried = before.proving?.change.number
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
            case .changeEnded(let change, .rolledBack), .changeEnded(let change, .failed):
                // A new process did not survive it either: it was the content.
                if change.number == retried { endsByReload = false }
            default: break
            }
        }
        if case .reloadFinished(let change, _) = event, case .reloading = before.move?.step,
            change == before.move?.change.number, let serving = before.serving
        {
            toldToReload[serving.number] = world.now
        }
    }

    /// 10 and 11: what is good is kept until something newer is proven, and a change that fails goes back to it.
    mutating func checkProof(
        _ event: Supervisor.Event, _ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect],
        _ world: SimulatedWorld
    ) throws {
        var promoted = world.promoted
        for effect in effects {
            switch effect {
            case .promote(let number): promoted = number
            case .keepRecord(let proven, let older, _):
                good = proven.number
                recorded = Set([proven.number, older?.number].compactMap(\.self))
            // Killed in between, the next run would find a record of what is half gone.
            case .dropSnapshot(let number) where number == good || recorded.contains(number):
                throw Violation(invariant: 10, description: "snapshot \(number), which was proven, is dropped")
            case .changeEnded(_, .applied(let means, let proof)):
                try checkTime(means, proof, before, world)
                if case .waiting = before.proving?.hearing, event == .tick {
                    throw Violation(invariant: 2, description: "it is proven while clients wait that it does not take")
                }
                // One that has ended well is proven whatever its probe has said last.
                if case .exited = event { break }
                guard !setup.ready.isProbed || proof != .alive else {
                    throw Violation(invariant: 4, description: "it is proven without its probe")
                }
            case .changeEnded(_, .rolledBack): try checkUndone(after)
            case .changeEnded(let change, .superseded) where change.number == before.move?.change.number:
                try checkReplaced(before, after, effects)
            case .changeEnded(let change, .superseded) where change.number == before.proving?.change.number:
                try checkSuperseded(change, after)
            default: break
            }
        }
        if good == nil { good = promoted }
        try checkItEnds(after, world)
        if case .exited(let number, let status, _, _) = event, before.phase == .running, setup.stages, !isInterrupted,
            !isReplaced(number, effects),
            let proving = before.proving, proving.generation == number,
            proving.means == .reload || (status.code != 0 && !setup.exitOK.contains(status.code))
        {
            guard after.phase == .running else {
                throw Violation(invariant: 11, description: "generation \(number) fails, and nothing goes back")
            }
        }
    }

    /// 8: whatever a probe does, or an app that has said RELOADING=1, the proof comes to its end.
    private mutating func checkItEnds(_ after: Supervisor, _ world: SimulatedWorld) throws {
        guard let change = after.proving?.change.number else {
            proving = nil
            return
        }
        guard let proving, proving.change == change else {
            self.proving = (change, world.now)
            return
        }
        let time = max(setup.probation ?? .zero, setup.slowStart, Supervisor.Times.leastProbation)
        // Ticks come late.
        let limit = max(time, setup.readyTimeout) + Supervisor.Times.lastProbe + .seconds(5)
        guard world.now - proving.since <= limit else {
            throw Violation(invariant: 8, description: "change \(change) is not proven and not undone")
        }
    }

    /// Whoever serves has the last good content, or another one takes its place.
    private func checkUndone(_ after: Supervisor) throws {
        guard setup.stages, after.phase == .running, after.move == nil, after.starting == nil,
            after.timers.deadline(.restart) == nil, let serving = after.serving
        else { return }
        guard serving.digest == after.stage.promoted?.digest else {
            throw Violation(invariant: 11, description: "generation \(serving.number) goes on with what has failed")
        }
    }

    /// A generation that is starting for a change that is superseded does not come to serve.
    private func checkReplaced(_ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect]) throws {
        guard case .starting(let number, _) = before.move?.step, before.serving != nil, after.phase == .running,
            after.generation(number, in: .starting) != nil
        else { return }
        throw Violation(invariant: 3, description: "generation \(number) goes on for a change that is superseded")
    }

    /// A newer change that may still be refused has not taken its place.
    private func checkSuperseded(_ change: Change, _ after: Supervisor) throws {
        guard after.phase == .running, !isInterrupted else { return }
        switch after.move?.step {
        case .staging, .validating, .paused:
            throw Violation(
                invariant: 4, description: "change \(change.number) is superseded by one that may be refused")
        case nil, .splaying, .inspecting, .reloading, .holding, .scanning, .awaitingGone, .starting: break
        }
    }

    /// Nobody is said to be alive before there was time to die, nor to be ready whose probe says no.
    private func checkTime(
        _ means: Outcome.Means, _ proof: Outcome.Proof, _ before: Supervisor, _ world: SimulatedWorld
    ) throws {
        if proof == .probe, let number = before.proving?.generation, probed[number] != true {
            throw Violation(invariant: 4, description: "generation \(number) is proven, and its probe says no")
        }
        guard means == .reload, setup.probation != .zero else { return }
        guard proof != .none else { throw Violation(invariant: 4, description: "applied, and nothing was waited for") }
        guard proof != .app, let generation = before.proving?.generation, let told = toldToReload[generation] else {
            return
        }
        guard world.now - told >= Supervisor.Times.leastProbation else {
            throw Violation(invariant: 4, description: "generation \(generation) is proven after \(world.now - told)")
        }
    }
}
