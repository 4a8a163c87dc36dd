// After a handover: for a while the old generation is kept, and everything can go back to it.
extension Supervisor {
    /// Both serve in a slow start, the new one alone on probation; they begin together.
    var provingTime: Interval { max(settings.probation, steers ? settings.slowStart : .zero) }

    /// In logs: in which time a generation has failed.
    var provingWords: String { timers.deadline(.slowStart) == nil ? "on probation" : "in slow start" }

    mutating func beginProving(_ number: GenerationNumber, _ means: Outcome.Means) {
        move?.step = .proving(.init(generation: number, means: means))
        if settings.probation > .zero { log(.onProbation(number, settings.probation)) }
        timers.arm(.probation, at: now + provingTime)
        if settings.ready.isProbed { timers.arm(.probe(number), at: now + Times.probationProbe) }
        steerToServing()
        if let slowStart { log(.slowStart(number, beside: slowStart.old, settings.slowStart)) }
    }

    mutating func endProbation() {
        guard case .proving(let proving) = move?.step else { return }
        endReadiness(proving.generation)
        endMove(.applied(proving.means))
        steerToServing()
        for old in generations where old.kind == .ready && old.number < proving.generation { release(old.number) }
    }

    /// - Returns: whether it was on probation and has failed by this.
    mutating func failedOnProbation(_ number: GenerationNumber, _ reason: String) -> Bool {
        guard case .proving(let proving) = move?.step, proving.generation == number else { return false }
        guard let old = generations.last(where: { $0.kind == .ready && $0.number < number }) else {
            endMove(.rolledBack(reason: reason))
            return false
        }
        digestInForce = old.digest
        if let index = index(old.number), let ready = old.ready { generations[index].state = .serving(ready) }
        endReadiness(number)
        if index(number) != nil {
            if followsServing { emit(.steer(old.number)) }
            release(number)
        }
        endMove(.rolledBack(reason: reason))
        return true
    }

    mutating func probedOnProbation(_ number: GenerationNumber, _ isReady: Bool) {
        guard case .proving(var proving) = move?.step, proving.generation == number, index(number) != nil else {
            return
        }
        proving.failedProbes = isReady ? 0 : proving.failedProbes + 1
        move?.step = .proving(proving)
        if proving.failedProbes >= Times.probationFailures,
            failedOnProbation(number, "generation \(number) is no longer ready")
        {
            return
        }
        timers.arm(.probe(number), at: now + Times.probationProbe)
    }

    // MARK: slow start

    /// The share that the serving generation has of the new connections while its slow start lasts.
    struct SlowStart: Sendable, Hashable {
        /// Gets the others.
        let old: GenerationNumber
        /// From 1 to 99.
        let percent: Int
    }

    /// Follows from how long the new one has been ready: one step's share at once, more with every step. Nil where it has all.
    var slowStart: SlowStart? {
        guard steers, settings.slowStart > .zero, case .proving(let proving) = move?.step,
            let readyAt = generation(proving.generation, in: .ready)?.readyAt,
            let old = generations.last(where: { $0.kind == .ready && $0.number < proving.generation })
        else { return nil }
        let since = now - readyAt
        guard since < settings.slowStart else { return nil }
        let parts = Times.slowStartSteps + 1
        let taken = min(since.nanoseconds / slowStartStep.nanoseconds + 1, parts - 1)
        return SlowStart(old: old.number, percent: Int(taken * 100 / parts))
    }

    private var slowStartStep: Interval {
        max(.milliseconds(1), Interval(nanoseconds: settings.slowStart.nanoseconds / Times.slowStartSteps))
    }

    /// New connections go to the serving generation: all of them, or its share in a slow start.
    mutating func steerToServing() {
        guard followsServing, let servingNumber else { return }
        guard let slowStart else { return emit(.steer(servingNumber)) }
        emit(.share(servingNumber, with: slowStart.old, percent: slowStart.percent))
        timers.arm(.slowStart, at: now + slowStartStep)
    }
}
