// Snapshots on the stage: copied, checked, put in force, taken back.
extension Supervisor {
    /// One copy on the stage.
    public struct Snapshot: Sendable, Hashable {
        public let number: SnapshotNumber
        public let digest: Digest?

        package init(number: SnapshotNumber, digest: Digest?) {
            self.number = number
            self.digest = digest
        }
    }

    package struct StageBook: Sendable, Hashable {
        package internal(set) var next: SnapshotNumber
        /// The app reads it.
        package internal(set) var promoted: Snapshot?
        /// What to go back to: the last one that was proven, or, before any was, the one that the app has started with.
        package internal(set) var proven: Snapshot?
        /// The one that was proven before it: what `baton rollback` goes back to.
        package internal(set) var previous: Snapshot?
        /// The sources' content that is not tried again, by a later run either.
        package internal(set) var held: Digest?
        /// Of the one proven two before, which the record on the stage still names while the first of this run is not proven.
        var spare: Snapshot?
        /// The record on the stage is of this run.
        var isRecorded = false
        /// Of the first one, which is tried again.
        var failures = 0

        /// - Parameter record: of an earlier run, whose snapshots have the first numbers.
        init(_ record: StageRecord) {
            let versions = record.versions
            next = SnapshotNumber(versions.count + 1)
            if let good = record.good {
                proven = Snapshot(number: SnapshotNumber(versions.count), digest: good.digest)
                previous = record.before.map { Snapshot(number: 1, digest: $0.digest) }
                held = record.held
            }
        }

        mutating func nextNumber() -> SnapshotNumber {
            defer { next = next.next }
            return next
        }
    }

    /// What a generation that starts now reads.
    package var digestAtStart: Digest? { plan.staging.choice ? stage.promoted?.digest : lastSeen }

    // MARK: a change's

    mutating func stageRetryDue() {
        if case .preparing(.staging(let snapshot)) = life { return stageFirst(snapshot.digest) }
        tellMove(.due(.copy))
    }

    /// A copy is made, or made again.
    mutating func stageSnapshot() {
        if let number = move?.snapshot { emit(.dropSnapshot(number)) }
        let number = stage.nextNumber()
        move?.snapshot = number
        emit(.stageSnapshot(number))
    }

    mutating func snapshotStaged(_ number: SnapshotNumber, _ result: StageResult) {
        if case .preparing(.staging(let snapshot)) = life, snapshot.number == number {
            return firstStaged(snapshot, result)
        }
        tellMove(.copied(number, result))
    }

    mutating func copied(_ number: SnapshotNumber, _ result: StageResult, turn: Instant?) {
        guard move?.snapshot == number else { return }
        switch result {
        case .whole where settings.validates:
            move?.step = .validating(turn: turn)
            timers.arm(.validation, at: now + settings.validateTimeout)
            emit(.validate(number))
        case .whole: accept(number, turn: turn)
        case .torn: timers.arm(.stageRetry, at: now + Times.stageRetry)
        case .failed(let reason): reject("cannot write it to the stage: \(reason)")
        }
    }

    mutating func snapshotValidated(_ number: SnapshotNumber, _ verdict: Verdict) {
        if case .preparing(.validating(let snapshot)) = life, snapshot.number == number {
            return firstValidated(snapshot, verdict)
        }
        tellMove(.validated(number, verdict))
    }

    mutating func validated(_ number: SnapshotNumber, _ verdict: Verdict, turn: Instant?) {
        guard move?.snapshot == number else { return }
        timers.cancel(.validation)
        switch verdict {
        case .accepted: accept(number, turn: turn)
        case .rejected(let reason), .none(let reason): reject(reason)
        }
    }

    mutating func validationDue() {
        if case .preparing(.validating(let snapshot)) = life { return firstValidated(snapshot, .none(lateValidator)) }
        tellMove(.due(.validation))
    }

    mutating func validationTimedOut() { reject(lateValidator) }

    private var lateValidator: String { "the validator did not finish within \(settings.validateTimeout)" }

    /// The app goes on with what it has, and so does whoever is started in its place.
    private mutating func reject(_ reason: String) {
        endMove(.rejected(reason: reason))
        startIfNobodyServes()
    }

    private mutating func startIfNobodyServes() {
        guard phase == .running, !isServing, !isStarting, timers.deadline(.restart) == nil else { return }
        timers.arm(.restart, at: now)
    }

    mutating func accept(_ number: SnapshotNumber, turn: Instant?) {
        guard let change = move?.change else { return }
        if isPaused, !change.isManual { return pauseMove(turn: turn) }
        promote(Snapshot(number: number, digest: change.digest))
        schedule(turn: turn)
    }

    /// The app reads it from now on.
    mutating func promote(_ snapshot: Snapshot) {
        let before = stage.promoted
        stage.promoted = snapshot
        emit(.promote(snapshot.number))
        if let before, before != stage.proven, before != stage.previous { emit(.dropSnapshot(before.number)) }
    }

    /// The app cannot read it, whatever was done for it meanwhile: the change is rejected. A way back that fails is told in the log,
    /// and what the app reads stays what has failed.
    mutating func promotionFailed(_ number: SnapshotNumber, _ reason: String) {
        guard phase == .running, stage.promoted?.number == number, let proven = stage.proven, proven.number != number
        else {
            return
        }
        stage.promoted = proven
        let outcome = Outcome.rejected(reason: "cannot switch the stage to it: \(reason)")
        if let proving, proving.snapshot == number {
            readsOnly(proven.digest, proving.generation)
            rejectProving(outcome)
        } else if let move, move.snapshot == number {
            let step = move.step
            endMove(outcome)
            guard case .starting(let started, _) = step else {
                startIfNobodyServes()
                return goBackFromSuperseded()
            }
            readsOnly(proven.digest, started)
            if isServing { retire(started) }
        }
    }

    /// It has read what was there before, and not what it was started or reloaded for.
    private mutating func readsOnly(_ digest: Digest?, _ number: GenerationNumber) {
        guard let index = index(number) else { return }
        generations[index].content = .known(digest)
        if number == servingNumber { digestInForce = digest }
    }

    /// A change has come to its end: its snapshot is the proven one from now on, or goes.
    mutating func settleStage(_ number: SnapshotNumber?, _ outcome: Outcome) {
        guard let number else { return }
        guard let promoted = stage.promoted, promoted.number == number else {
            if number != stage.previous?.number, number != stage.proven?.number { emit(.dropSnapshot(number)) }
            return
        }
        switch outcome {
        // Nobody has run with it: the next run's first proof decides.
        case .applied(.exit, _): return
        case .applied: proveOnStage(promoted)
        case .superseded, .rejected, .rolledBack, .failed:
            guard let proven = stage.proven, proven != promoted else { return }
            stage.promoted = proven
            emit(.promote(proven.number))
            // Somebody has rolled back to it in vain, or has taken that back: it stays what it was.
            guard number != stage.previous?.number else { return stage.held = nil }
            emit(.dropSnapshot(number))
            if case .rolledBack = outcome { hold(promoted.digest) }
        }
    }
}
