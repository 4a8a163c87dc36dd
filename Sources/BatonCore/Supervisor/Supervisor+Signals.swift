// Signals that Baton receives.
extension Supervisor {
    mutating func received(_ signal: Signal) {
        // SIGPIPE is what Baton's own log raises when its reader is gone; SIGCHLD is Baton's alone.
        guard signal != .pipe, signal != .child else { return }
        if signal == .hangUp, settings.hangUpTriggersChange, phase == .running || phase == .waiting {
            return askedByHand()
        }
        guard let forwarded = settings.signalMap.forwarded(signal) else { return log(.ignored(signal)) }
        if signal == .terminate {
            let isMapped = settings.signalMap.names(.terminate)
            return askedToStop(with: isMapped ? forwarded : settings.drainSignal)
        }
        if signal == .interrupt { interruptedAt = now }
        if signal.isTerminalStop {
            forward(forwarded, to: generations)
            emit(.stopSelf)
        } else if signal == .cont {
            if let current = serving ?? starting { emit(.giveTerminal(current.number)) }
            forward(forwarded, to: generations)
        } else if phase == .stopping {
            forward(forwarded, to: generations)
        } else if let current = serving ?? starting {
            forward(forwarded, to: [current])
        } else {
            log(.nobodyToForward(signal))
        }
    }

    private mutating func forward(_ signal: Signal, to recipients: [Generation]) {
        for generation in recipients where generation.isMainAlive {
            emit(.signal(generation.number, signal, .target))
        }
    }

    mutating func askedByHand() {
        switch phase {
        case .running:
            log(.reloadRequested)
            intake.isManual = true
        // What is read then is what the app starts with.
        case .waiting: log(.reloadRequested)
        case .stopping, .exited: return
        }
        read()
    }

    mutating func appStopped() {
        if plan.hasTerminal { emit(.stopSelf) }
    }
}
