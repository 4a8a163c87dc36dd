import BatonCore

// What an event means for the processes of the world.
extension SimulatedWorld {
    /// What an event means for the processes; nil where it can no longer happen.
    mutating func happen(_ event: Supervisor.Event) -> Supervisor.Event? {
        switch event {
        case .launched(let number):
            guard processes[number]?.isMainAlive == true else { return nil }
            processes[number]?.isLaunched = true
            for _ in 0..<(processes[number]?.listens ?? 0) {
                schedule(.adopted(number, steers: steersAdopted), in: random.interval(upTo: .seconds(2)))
            }
            if processes[number]?.saysReady == true {
                var ready = Notification()
                ready.ready = true
                schedule(.notified(number, ready), in: random.interval(upTo: .seconds(1)))
                schedule(
                    .readyDescriptor(number, isReady: Bool.random(using: &random)),
                    in: random.interval(upTo: .seconds(1)))
            }
            return event
        case .adopted(let number, _): return processes[number]?.isLaunched == true ? event : nil
        case .launchFailed(let number, _):
            guard processes[number]?.isMainAlive == true else { return nil }
            processes[number] = nil
            network.end(number, .crash)
            return event
        case .exited(let number, let status, _, _):
            guard let process = processes[number] else { return nil }
            // Told a second time: no world does it, and no harm may come of it.
            guard process.isMainAlive else { return event }
            if let event = replaceMain(number, process, status) { return event }
            network.end(number, process.isDeaf ? .deaf : process.ending ?? .crash)
            if process.leftovers > 0 { processes[number]?.isMainAlive = false } else { processes[number] = nil }
            noteIfAlone()
            // Found just before the generation was told to go: too late.
            let successor: ProcessID? =
                process.leftovers > 0 && !supervisor.mayBeSucceeded(number, status, at: now) ? 7 : nil
            return .exited(number, status, leftovers: process.leftovers > 0, successor: successor)
        case .groupEmptied(let number):
            guard let process = processes[number], !process.isMainAlive else { return nil }
            processes[number] = nil
            noteIfAlone()
            return event
        case .probeFinished(let number, _):
            guard processes[number]?.isProbed == true else { return nil }
            processes[number]?.isProbed = false
            return event
        case .snapshotStaged(let number, .whole):
            guard !dropped.contains(number) else { return nil }
            // Copied is what is there now, and that is compared with what was to be copied.
            let wanted = supervisor.phase == .waiting ? supervisor.firstDigest : supervisor.move?.change.digest
            guard let digest = volume.digest, digest == wanted else {
                return .snapshotStaged(number, .torn("it moved"))
            }
            snapshots[number] = digest
            return event
        case .childrenGone:
            return processes.isEmpty ? event : nil
        case .disposition(let number, _):
            guard let process = processes[number], process.isMainAlive else { return .disposition(number, .unknown) }
            return .disposition(number, process.disposition)
        default: return event
        }
    }

    /// It leaves a successor behind, which clients do not notice. Nobody else looks for one at that moment, but one may be found.
    private mutating func replaceMain(
        _ number: GenerationNumber, _ process: Process, _ status: ExitStatus
    ) -> Supervisor.Event? {
        guard process.successors > 0, supervisor.mayBeSucceeded(number, status, at: now) else { return nil }
        processes[number]?.successors -= 1
        processes[number]?.isMainAlive = false
        processes[number]?.willEnd = false
        return .exited(
            number, status, leftovers: Bool.random(using: &random),
            successor: ProcessID(Int32(truncatingIfNeeded: number.value * 100 + process.successors)))
    }

    mutating func noteIfAlone() { if processes.isEmpty { schedule(.childrenGone, in: .zero) } }

    /// Why those are to go that are told to in this step.
    mutating func noteEndings(_ event: Supervisor.Event, _ before: Supervisor, _ effects: [Supervisor.Effect]) {
        let said = effects.compactMap { if case .log(let record) = $0 { record.event } else { nil } }
        for case .signal(let number, let signal, _) in effects
        where signal == .kill || signal == setup.drainSignal || signal == .quit {
            // The first word counts, but for SIGKILL, which always has the last.
            guard processes[number]?.isMainAlive == true, processes[number]?.ending == nil || signal == .kill else {
                continue
            }
            let isHurried = said.contains(.tooManyDraining) || said.contains(.drainSignalForced)
            let after = supervisor.generation(number, in: .draining)
            processes[number]?.ending =
                if supervisor.phase != .running {
                    .stop
                } else if signal == .kill || isHurried {
                    .deadline
                } else if before.generation(number, in: .starting) != nil {
                    .givenUp
                } else if after?.drainingSince == now, before.generation(number, in: .draining) == nil {
                    // At once and in so many words: it restarts, or its sockets cannot be steered.
                    .stop
                } else {
                    .quiet
                }
        }
    }
}
