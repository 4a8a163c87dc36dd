import BatonCore
import OldCore

// From the types of the old core to those of today's, case by case: a case that only one of them has does not compile here.

// Revisions before these were types of their own have plain integers.

extension BatonCore.OrdinalNumber {
    init(_ old: some OldCore.OrdinalNumber) { self.init(old.value) }
}

extension BatonCore.Signal {
    init(_ old: OldCore.Signal) { self = .init(number: old.number) ?? .terminate }
}

extension BatonCore.Digest {
    init(_ old: OldCore.Digest) {
        let parts = old.parts
        self.init(parts[0], parts[1], parts[2], parts[3])
    }
}

extension BatonCore.Interval {
    init(_ old: OldCore.Interval) { self.init(nanoseconds: old.nanoseconds) }
}

extension BatonCore.ExitStatus {
    init(_ old: OldCore.ExitStatus) {
        switch old {
        case .exited(let code): self = .exited(code)
        case .signalled(let number): self = .signalled(number)
        }
    }
}

extension BatonCore.Notification {
    init(_ old: OldCore.Notification) {
        self.init()
        ready = old.ready
        reloading = old.reloading
        stopping = old.stopping
        status = old.status
        mainPID = old.mainPID.map { .init($0.value) }
        extendTimeout = old.extendTimeout.map { .init($0) }
    }
}

extension BatonCore.Supervisor.Event {
    init(_ old: OldCore.Supervisor.Event) {
        switch old {
        case .begin(let digest): self = .begin(digest.map { .init($0) })
        case .launched(let number): self = .launched(.init(number))
        case .launchFailed(let number, let failure):
            self = .launchFailed(.init(number), .init(reason: failure.reason, exitCode: failure.exitCode))
        case .exited(let number, let status, let leftovers, let successor):
            self = .exited(
                .init(number), .init(status), leftovers: leftovers, successor: successor.map { .init($0.value) })
        case .groupEmptied(let number): self = .groupEmptied(.init(number))
        case .notified(let number, let notification): self = .notified(.init(number), .init(notification))
        case .readyDescriptor(let number, let isReady): self = .readyDescriptor(.init(number), isReady: isReady)
        case .probeFinished(let number, let isReady): self = .probeFinished(.init(number), isReady: isReady)
        case .appStopped(let number): self = .appStopped(.init(number))
        case .disposition(let number, let disposition): self = .disposition(.init(number), .init(disposition))
        case .adopted(let number, let steers): self = .adopted(.init(number), steers: steers)
        case .listensItself(let number): self = .listensItself(.init(number))
        case .adoptionRefused(let reason): self = .adoptionRefused(reason)
        case .scanned(let number, let waiting): self = .scanned(.init(number), .init(waiting))
        case .connections(let number, let connections):
            self = .connections(
                .init(number), connections.map { .init(queued: $0.queued, open: $0.open, idle: $0.idle) })
        case .touched(let atomic): self = .touched(atomic: atomic)
        case .snapshot(.whole(let digest)): self = .snapshot(.whole(.init(digest)))
        case .snapshot(.torn(let detail)): self = .snapshot(.torn(detail))
        case .snapshotStaged(let number, .whole): self = .snapshotStaged(.init(number), .whole)
        case .snapshotStaged(let number, .torn(let detail)): self = .snapshotStaged(.init(number), .torn(detail))
        case .snapshotStaged(let number, .failed(let reason)): self = .snapshotStaged(.init(number), .failed(reason))
        case .promotionFailed(let number, let reason): self = .promotionFailed(.init(number), reason)
        case .validated(let number, .accepted): self = .validated(.init(number), .accepted)
        case .validated(let number, .rejected(let reason)): self = .validated(.init(number), .rejected(reason))
        case .validated(let number, .none(let reason)): self = .validated(.init(number), .none(reason))
        case .reloadFinished(let change, let failure): self = .reloadFinished(.init(change), failure: failure)
        case .mountSuperseded(let path): self = .mountSuperseded(path: path)
        case .sourceArrived(let source): self = .sourceArrived(source)
        case .agentEnded(let status): self = .agentEnded(.init(status))
        case .reloadAsked: self = .reloadAsked
        case .pauseAsked: self = .pauseAsked
        case .resumeAsked: self = .resumeAsked
        case .rollbackAsked: self = .rollbackAsked
        case .signal(let signal): self = .signal(.init(signal))
        case .childrenGone: self = .childrenGone
        case .tick: self = .tick
        }
    }
}

extension BatonCore.Supervisor.Disposition {
    init(_ old: OldCore.Supervisor.Disposition) {
        switch old {
        case .caught: self = .caught
        case .caughtByRuntime(let reason): self = .caughtByRuntime(reason)
        case .notCaught: self = .notCaught
        case .unknown: self = .unknown
        // Revisions before it was a case of its own take it for one that is not caught.
        default: self = .ignored
        }
    }
}

extension BatonCore.Supervisor.Waiting {
    init(_ old: OldCore.Supervisor.Waiting) {
        switch old {
        case .yes: self = .yes
        case .no: self = .no
        case .partly(let missing): self = .partly(missing)
        case .unknown(let reason): self = .unknown(reason)
        }
    }
}

extension BatonCore.ReadyMethod {
    init(_ old: OldCore.ReadyMethod) {
        switch old {
        case .auto: self = .auto
        case .notify: self = .notify
        case .descriptor(let number): self = .descriptor(number)
        case .http(let path): self = .http(path: path)
        case .tcp: self = .tcp
        case .command(let words): self = .command(words)
        case .delay(let interval): self = .delay(.init(interval))
        }
    }
}

extension BatonCore.SignalMap {
    /// The only one that the simulated worlds have beside none.
    init(_ old: OldCore.SignalMap) { self = old.names(.terminate) ? [.terminate: .quit, .hangUp: nil] : [:] }
}

// The simulated worlds set these, and leave the others as they are.

extension BatonCore.Settings {
    init(_ old: OldCore.Settings) {
        self.init()
        onChange = .init(rawValue: old.onChange.rawValue) ?? .auto
        reloadSignal = .init(old.reloadSignal)
        given = old.given
        watch = old.watch.isEmpty ? [] : [.path("/etc/app")]
        environmentFrom = old.environmentFrom.isEmpty ? [] : [.path("/etc/env")]
        listen = BatonCore.Settings.parse(old.listen.isEmpty ? [] : [("BATON_LISTEN", "tcp://*:8080")]).0.listen
        reloadCommand = old.reloadCommand
        validate = old.validate == nil ? nil : .command(["true"])
        validateTimeout = .init(old.validateTimeout)
        validatesStart = old.validatesStart
        // Revisions before `auto` have a time always.
        probation = (old.probation as OldCore.Interval?).map { .init($0) }
        slowStart = .init(old.slowStart)
        settle = .init(old.settle)
        splay = .init(old.splay)
        ready = .init(old.ready)
        readyTimeout = .init(old.readyTimeout)
        drainSignal = .init(old.drainSignal)
        drainTimeout = .init(old.drainTimeout)
        maxDraining = old.maxDraining
        stopDelay = .init(old.stopDelay)
        stopTimeout = .init(old.stopTimeout)
        restart = .init(rawValue: old.restart.rawValue) ?? .never
        exitOK = old.exitOK.contains(143) ? [143] : []
        signalMap = .init(old.signalMap)
        subpath = .init(rawValue: old.subpath.rawValue) ?? .warn
    }
}

extension BatonCore.Plan {
    init(_ old: OldCore.Plan) {
        self.init()
        adoption.choice = .init(rawValue: old.adoption.choice.rawValue) ?? .no
        steering.choice = old.steering.choice
        staging.choice = old.staging.choice
        agent.choice = old.agent.choice
        awaited = old.awaited
        hasTerminal = old.hasTerminal
    }
}
