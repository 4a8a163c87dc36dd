// The end: keep serving for a while, tell the app, tell what else is left, kill, exit.
extension Supervisor {
    enum StopReason: Sendable { case asked, appEnded, change }

    struct Stop: Sendable {
        enum Step: Sendable { case delaying, terminating, orphans, killed }
        var step = Step.delaying
        let signal: Signal
        /// The generation whose exit code becomes Baton's.
        let lead: GenerationNumber?
        var leadStatus: ExitStatus?

        mutating func ended(_ number: GenerationNumber, _ status: ExitStatus) {
            if number == lead { leadStatus = status }
        }
    }

    var stop: Stop? {
        get { if case .stopping(let stop) = life { stop } else { nil } }
        set { if let newValue, case .stopping = life { life = .stopping(newValue) } }
    }

    mutating func askedToStop(with signal: Signal) {
        if stop == nil { beginStop(.asked, signal: signal) } else { tellStop(.asked(signal)) }
    }

    mutating func forwardStop(_ signal: Signal) {
        for generation in generations where generation.isMainAlive { emit(.signal(generation.number, signal, .target)) }
    }

    mutating func beginStop(_ reason: StopReason, signal: Signal? = nil) {
        guard phase == .running || phase == .waiting else { return }
        let last = lastEnd == nil ? generations.last(where: \.isMainAlive) : nil
        life = .stopping(
            Stop(signal: signal ?? settings.drainSignal, lead: (serving ?? starting ?? last)?.number))
        supersedeProving()
        endMove(.superseded)
        for key in [Timers.Key.settle, .readRetry, .splay, .hold, .restart, .agent, .awaited, .stageRetry] {
            timers.cancel(key)
        }
        if isServing, let starting { retire(starting.number) }
        let delays = reason == .asked && settings.stopDelay > .zero && generations.contains(where: \.isMainAlive)
        log(.stopping(reason, delay: delays ? settings.stopDelay : nil))
        if delays { timers.arm(.stopDelay, at: now + settings.stopDelay) } else { terminate() }
    }

    mutating func terminate() {
        guard let stop else { return }
        self.stop?.step = .terminating
        timers.cancel(.stopDelay)
        timers.arm(.stopDeadline, at: now + settings.stopTimeout)
        for generation in generations {
            // One that drains has been told; for many programs a second signal means "at once".
            guard generation.kind != .draining || generation.waitsForQuiet, let index = index(generation.number) else {
                continue
            }
            generations[index].state = .draining(
                .init(
                    since: generation.drainingSince ?? now, replacedFor: generation.replacedFor, step: .signalled,
                    connections: generation.connections, reportedAt: nil))
            timers.cancelAll(of: generation.number)
            sendDrainSignal(generation.number, stop.signal)
        }
        for number in generations.map(\.number) {
            for key in [Timers.Key.drain(number), .drainSignal(number), .count(number)] { timers.cancel(key) }
        }
        stopProgress()
    }

    /// Once no main process is left, whatever else is below Baton is told too.
    mutating func stopProgress() {
        if !generations.contains(where: \.isMainAlive) { tellStop(.mainsGone) }
    }

    mutating func signalOrphans() {
        stop?.step = .orphans
        emit(.signalDescendants(.terminate))
    }

    mutating func killEverything() {
        stop?.step = .killed
        log(.stopTimedOut(settings.stopTimeout))
        timers.arm(.stopGrace, at: now + Times.stopGrace)
        emit(.signalDescendants(.kill))
    }

    mutating func finishStop() {
        let isLeadAlive = generations.contains { $0.number == stop?.lead && $0.isMainAlive }
        let status: ExitStatus? = isLeadAlive ? .signalled(Signal.kill.number) : stop?.leadStatus ?? lastEnd
        let code = status.map(exitCode) ?? 128 + Signal.terminate.number
        life = .exited(code)
        log(.exiting(code))
        emit(.exit(code))
    }
}
