// What follows on each event in each state, and nothing else: a new state needs a function here, a new event a line in each, or it does
// not compile. What has come too late for its state is named as such.
extension Supervisor {
    enum GenerationEvent {
        case launched
        case launchFailed(LaunchFailure)
        case exited(ExitStatus, leftovers: Bool, successor: ProcessID?)
        case groupEmptied
        case notified(Notification)
        case readyDescriptor(Bool)
        case probeFinished(Bool)
        case scanned(Waiting)
        case counted(Connections?)
        case adopted(steers: Bool)
        case listensItself
        case appStopped
        case due(GenerationTimer)
    }

    enum GenerationTimer { case ready, alive, confirm, scan, scanLimit, probe, drain, drainSignal, count, groupCheck }

    mutating func tell(_ number: GenerationNumber, _ event: GenerationEvent) {
        guard let index = index(number) else { return }
        switch generations[index].state {
        case .starting: starting(number, event)
        case .serving, .standby: ready(number, event)
        case .draining: draining(number, event)
        case .leftovers: leftovers(number, event)
        }
    }

    private mutating func starting(_ number: GenerationNumber, _ event: GenerationEvent) {
        switch event {
        case .launched: launched(number)
        case .launchFailed(let failure): launchFailed(number, failure)
        case .exited(let status, let leftovers, _): exited(number, status, leftovers: leftovers)
        case .notified(let notification): notified(number, notification)
        case .readyDescriptor(let isReady): isReady ? becomeReady(number) : closedReadyDescriptor(number)
        case .probeFinished(let isReady): isReady ? becomeReady(number) : probeAgain(number)
        case .scanned(let waiting): scanned(number, waiting)
        case .counted(let connections): noteFirstCount(number, connections)
        case .adopted(let steers): adopted(number, steers: steers)
        case .listensItself: listensItself(number)
        case .appStopped: appStopped()
        case .due(.ready): readyTimedOut(number)
        case .due(.alive), .due(.confirm): becomeReady(number)
        case .due(.scan): emit(.scan(number))
        case .due(.scanLimit): neverSeenWaiting(number)
        case .due(.probe): emit(.runProbe(number))
        // Of states to come.
        case .groupEmptied, .due(.drain), .due(.drainSignal), .due(.count), .due(.groupCheck): break
        }
    }

    private mutating func ready(_ number: GenerationNumber, _ event: GenerationEvent) {
        switch event {
        case .launchFailed(let failure): launchFailed(number, failure)
        case .exited(let status, let leftovers, let successor):
            readyExited(number, status, leftovers: leftovers, successor)
        case .notified(let notification): notified(number, notification)
        case .probeFinished(let isReady): probedWhileProving(number, isReady)
        case .scanned(let waiting): scannedAgain(number, waiting)
        case .counted(let connections): countedWhileProving(number, connections)
        case .due(.count): countWhileProving(number)
        case .adopted(let steers): adopted(number, steers: steers)
        case .listensItself: listensItself(number)
        case .appStopped: appStopped()
        case .due(.probe): askProbe(number)
        // Too late.
        case .launched, .readyDescriptor, .due(.ready), .due(.alive), .due(.confirm), .due(.scan), .due(.scanLimit):
            break
        // Of states to come.
        case .groupEmptied, .due(.drain), .due(.drainSignal), .due(.groupCheck): break
        }
    }

    private mutating func draining(_ number: GenerationNumber, _ event: GenerationEvent) {
        switch event {
        case .launchFailed(let failure): launchFailed(number, failure)
        case .exited(let status, let leftovers, _): exited(number, status, leftovers: leftovers)
        case .notified(let notification): notified(number, notification)
        case .counted(let connections): counted(number, connections)
        case .adopted(let steers): adopted(number, steers: steers)
        case .listensItself: listensItself(number)
        case .appStopped: appStopped()
        case .due(.drain): drainTimedOut(number)
        case .due(.drainSignal): drainSignalDue(number)
        case .due(.count): emit(.countConnections(number))
        // Too late.
        case .launched, .readyDescriptor, .probeFinished, .scanned, .due(.ready), .due(.alive), .due(.confirm),
            .due(.scan), .due(.scanLimit), .due(.probe):
            break
        // Of a state to come.
        case .groupEmptied, .due(.groupCheck): break
        }
    }

    private mutating func leftovers(_ number: GenerationNumber, _ event: GenerationEvent) {
        switch event {
        case .groupEmptied: groupEmptied(number)
        case .notified(let notification): notified(number, notification)
        case .adopted(let steers): adopted(number, steers: steers)
        case .listensItself: listensItself(number)
        case .appStopped: appStopped()
        case .due(.drain): drainTimedOut(number)
        case .due(.groupCheck): checkGroup(number)
        // Too late.
        case .launched, .launchFailed, .exited, .readyDescriptor, .probeFinished, .scanned, .counted, .due(.ready),
            .due(.alive), .due(.confirm), .due(.scan), .due(.scanLimit), .due(.probe), .due(.drainSignal), .due(.count):
            break
        }
    }
}

extension Supervisor {
    enum MoveEvent {
        case copied(SnapshotNumber, StageResult)
        case validated(SnapshotNumber, Verdict)
        case inspected(GenerationNumber, Disposition)
        case reloadFinished(ChangeNumber, failure: String?)
        case generationGone
        case due(MoveTimer)
    }

    enum MoveTimer { case turn, hold, copy, validation, reload }

    mutating func tellMove(_ event: MoveEvent) {
        guard phase == .running, let move else { return }
        switch (move.step, event) {
        case (.staging(let turn), .copied(let number, let result)): copied(number, result, turn: turn)
        case (.staging, .due(.copy)): stageSnapshot()
        case (.validating(let turn), .validated(let number, let verdict)): validated(number, verdict, turn: turn)
        case (.validating, .due(.validation)): validationTimedOut()
        case (.splaying, .due(.turn)), (.holding, .due(.hold)): apply()
        case (.inspecting(let number), .inspected(let asked, let disposition)) where asked == number:
            inspected(number, disposition)
        case (.reloading(let number), .reloadFinished(let change, let failure)) where change == move.change.number:
            reloadFinished(number, failure)
        case (.reloading, .due(.reload)): reloadTimedOut()
        case (.awaitingGone, .generationGone): if generations.isEmpty { startGeneration() }
        // The answer to a step, or to a change, that is over, or nothing to this one.
        case (.staging, _), (.validating, _), (.splaying, _), (.inspecting, _), (.reloading, _), (.holding, _),
            (.scanning, _), (.awaitingGone, _), (.starting, _), (.paused, _):
            break
        }
    }

    enum StopEvent {
        case asked(Signal)
        case mainsGone
        case childrenGone
        case due(StopTimer)
    }

    enum StopTimer { case delay, deadline, grace }

    mutating func tellStop(_ event: StopEvent) {
        guard let stop else { return }
        switch (stop.step, event) {
        case (.delaying, .asked):
            log(.secondStop)
            terminate()
        case (.delaying, .mainsGone), (.delaying, .due(.delay)): terminate()
        case (.terminating, .asked(let signal)): forwardStop(signal)
        case (.terminating, .mainsGone): signalOrphans()
        case (.terminating, .due(.deadline)), (.orphans, .due(.deadline)): killEverything()
        case (.orphans, .childrenGone), (.killed, .childrenGone), (.killed, .due(.grace)): finishStop()
        // Others know of it by now, or nothing follows on it yet.
        case (.delaying, .childrenGone), (.delaying, .due), (.terminating, .childrenGone), (.terminating, .due),
            (.orphans, .asked), (.orphans, .mainsGone), (.orphans, .due), (.killed, .asked), (.killed, .mainsGone),
            (.killed, .due):
            break
        }
    }
}
