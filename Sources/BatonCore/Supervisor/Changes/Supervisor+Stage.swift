// Snapshots on the stage: copied, checked, put in force, taken back.
extension Supervisor {
    /// One copy on the stage.
    package struct Snapshot: Sendable, Hashable {
        package let number: SnapshotNumber
        package let digest: Digest?
    }

    package struct StageBook: Sendable, Hashable {
        package internal(set) var next: SnapshotNumber = 1
        /// The app reads it.
        package internal(set) var promoted: Snapshot?
        /// The last one that was proven: what to go back to.
        package internal(set) var proven: Snapshot?
        /// Of the first one, which is tried again.
        var failures = 0

        mutating func nextNumber() -> SnapshotNumber {
            defer { next = next.next }
            return next
        }
    }

    /// What a generation that starts now reads.
    package var digestAtStart: Digest? { plan.staging.choice ? stage.promoted?.digest : lastSeen }

    // MARK: the first one

    /// - Parameter digest: what was read; nil where it is not whole yet. With a stage the app waits for it: it would have nothing
    ///   to read.
    mutating func prepareRun(_ digest: Digest?) {
        guard case .preparing(let preparing) = life else { return }
        guard plan.staging.choice else { return run(digest) }
        timers.arm(.awaited, at: timers.deadline(.awaited) ?? now + Times.awaitedReport)
        guard let digest else { return read() }
        if case .staging(let snapshot) = preparing, snapshot.digest == digest { return }
        timers.cancel(.stageRetry)
        stageFirst(digest)
    }

    private mutating func stageFirst(_ digest: Digest?) {
        if case .preparing(.staging(let before)) = life { emit(.dropSnapshot(before.number)) }
        let snapshot = Snapshot(number: stage.nextNumber(), digest: digest)
        life = .preparing(.staging(snapshot))
        emit(.stageSnapshot(snapshot.number))
    }

    private mutating func firstStaged(_ snapshot: Snapshot, _ result: StageResult) {
        switch result {
        case .whole:
            stage.promoted = snapshot
            stage.proven = snapshot
            emit(.promote(snapshot.number))
            run(snapshot.digest)
        case .torn(let detail):
            // What was read is there no more: copied is what is read next.
            emit(.dropSnapshot(snapshot.number))
            life = .preparing(.reading)
            readAgain(detail)
        case .failed(let reason):
            if stage.failures % 20 == 0 { log(.cannotStage(reason)) }
            stage.failures = min(stage.failures + 1, 1_000_000)
            timers.arm(.stageRetry, at: now + Times.stageRetry)
        }
    }

    /// Of the snapshot that is being copied before the first start.
    package var firstDigest: Digest? {
        if case .preparing(.staging(let snapshot)) = life { snapshot.digest } else { nil }
    }

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

    mutating func validated(_ number: SnapshotNumber, _ refusal: String?, turn: Instant?) {
        guard move?.snapshot == number else { return }
        timers.cancel(.validation)
        if let refusal { reject(refusal) } else { accept(number, turn: turn) }
    }

    mutating func validationTimedOut() {
        reject("the validator did not finish within \(settings.validateTimeout)")
    }

    /// The app goes on with what it has, and so does whoever is started in its place.
    private mutating func reject(_ reason: String) {
        endMove(.rejected(reason: reason))
        startIfNobodyServes()
    }

    private mutating func startIfNobodyServes() {
        guard phase == .running, !isServing, !isStarting, timers.deadline(.restart) == nil else { return }
        timers.arm(.restart, at: now)
    }

    private mutating func accept(_ number: SnapshotNumber, turn: Instant?) {
        guard let change = move?.change else { return }
        let before = stage.promoted
        stage.promoted = Snapshot(number: number, digest: change.digest)
        emit(.promote(number))
        if let before, before != stage.proven { emit(.dropSnapshot(before.number)) }
        schedule(turn: turn)
    }

    /// A change has come to its end: its snapshot is the proven one from now on, or goes.
    mutating func settleStage(_ number: SnapshotNumber?, _ outcome: Outcome) {
        guard let number else { return }
        guard let promoted = stage.promoted, promoted.number == number else { return emit(.dropSnapshot(number)) }
        switch outcome {
        case .applied:
            if let before = stage.proven, before != promoted { emit(.dropSnapshot(before.number)) }
            stage.proven = promoted
        case .superseded, .rejected, .rolledBack, .failed:
            guard let proven = stage.proven, proven != promoted else { return }
            stage.promoted = proven
            emit(.promote(proven.number))
            emit(.dropSnapshot(number))
        }
    }
}
