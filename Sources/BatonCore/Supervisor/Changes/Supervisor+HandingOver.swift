// A change is applied by a new process, beside the old one or after it.
extension Supervisor {
    /// The app is a new process, beside the old one where that is possible.
    mutating func startAnew() { canHandOver ? handOver() : restart() }

    mutating func handOver() {
        if let starting {
            if !isServing, starting.isLaunched, waitsFor(starting) { return }
            // It has not read this snapshot.
            retire(starting.number)
        }
        timers.cancel(.restart)
        let means: Outcome.Means = isServing ? .handover : .restart
        startGeneration()
        if let started = starting { move?.step = .starting(started.number, means) }
    }

    /// Nobody serves for certain, and this one may: it is told to go only once it is known to be ready and another one serves, or
    /// once it has failed. One that has not begun to serve can be replaced at once.
    /// - Returns: whether the change waits for it, or for what can be seen of it.
    private mutating func waitsFor(_ starting: Generation) -> Bool {
        if starting.listening != .nowhere || (settings.hasListener && isScanningUseless) {
            move?.step = .holding
            return true
        }
        // On the socket that it was given the kernel lets clients in; whether it takes them is seen from outside.
        guard settings.hasListener else { return false }
        move?.step = .scanning(starting.number, left: Times.firstScans)
        emit(.countConnections(starting.number))
        emit(.scan(starting.number))
        return true
    }

    /// Whether the first generation serves, for the change that waits to know.
    mutating func noteFirstScan(_ number: GenerationNumber, _ waiting: Waiting) {
        guard case .scanning(number, let left) = move?.step else { return }
        guard waiting == .no else { return seenServing(number) }
        guard left > 1 else {
            move?.step = .holding
            retire(number)
            return handOver()
        }
        move?.step = .scanning(number, left: left - 1)
        timers.arm(.scan(number), at: now + Times.scanInterval)
    }

    /// It has taken connections: those that are open and not in its queue.
    mutating func noteFirstCount(_ number: GenerationNumber, _ connections: Connections?) {
        if let connections, connections.open > connections.queued { seenServing(number) }
    }

    /// The change waits until it is known what becomes of it.
    mutating func seenServing(_ number: GenerationNumber) {
        if case .scanning(number, _) = move?.step { move?.step = .holding }
    }

    mutating func restart() {
        // The first start comes to its end before anything is changed by a restart: it is one change, however many there were.
        if let starting, !hasEverServed, !isServing, starting.isLaunched {
            move?.step = .holding
            return
        }
        for generation in generations where generation.kind != .draining { retire(generation.number) }
        timers.cancel(.restart)
        move?.step = .awaitingGone
        if generations.isEmpty { startGeneration() }
    }
}
