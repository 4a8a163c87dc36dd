// Snapshots on the stage: copied, checked, put in force, taken back.
extension Supervisor {
    /// By number. The app reads the one that is promoted; the good one is what to go back to.
    package struct StageBook: Sendable, Hashable {
        package internal(set) var next = 1
        package internal(set) var promoted: Int?
        package internal(set) var good: Int?
        package internal(set) var promotedDigest: Digest?
        package internal(set) var goodDigest: Digest?
        /// Of the snapshot that is made before the first start.
        package internal(set) var firstDigest: Digest?
        package internal(set) var firstNumber: Int?
        var failures = 0
    }

    /// What a generation that starts now reads.
    package var digestAtStart: Digest? { policy.stages ? stage.promotedDigest : lastSeen }

    // MARK: the first one

    /// - Parameter digest: what was read; nil where it is not whole yet. With a stage the app waits for it: it would have nothing
    ///   to read.
    mutating func prepareRun(_ digest: Digest?) {
        guard phase == .waiting else { return }
        guard policy.stages else { return run(digest) }
        timers.arm(.awaited, at: timers.deadline(.awaited) ?? now + Times.awaitedReport)
        guard let digest else { return read() }
        guard digest != stage.firstDigest || stage.firstNumber == nil else { return }
        stage.firstDigest = digest
        timers.cancel(.stageRetry)
        stageSnapshot()
    }

    private mutating func firstStaged(_ result: StageResult) {
        switch result {
        case .whole:
            guard let number = stage.firstNumber else { return }
            stage.promoted = number
            stage.good = number
            stage.promotedDigest = stage.firstDigest
            stage.goodDigest = stage.firstDigest
            emit(.promote(number))
            run(stage.firstDigest)
        case .torn(let detail):
            // What was read is there no more: copied is what is read next.
            if let number = stage.firstNumber { emit(.dropSnapshot(number)) }
            stage.firstNumber = nil
            stage.firstDigest = nil
            readAgain(detail)
        case .failed(let reason):
            if stage.failures % 20 == 0 { log(.cannotStage(reason)) }
            stage.failures = min(stage.failures + 1, 1_000_000)
            timers.arm(.stageRetry, at: now + Times.stageRetry)
        }
    }

    // MARK: a change's

    mutating func stageSnapshot() {
        if let number = phase == .waiting ? stage.firstNumber : pending?.snapshot { emit(.dropSnapshot(number)) }
        let number = stage.next
        stage.next += 1
        if phase == .waiting {
            stage.firstNumber = number
        } else if pending?.stage == .staging {
            pending?.snapshot = number
        }
        emit(.stageSnapshot(number))
    }

    mutating func snapshotStaged(_ number: Int, _ result: StageResult) {
        if phase == .waiting, number == stage.firstNumber { return firstStaged(result) }
        guard phase == .running, pending?.stage == .staging, pending?.snapshot == number else { return }
        switch result {
        case .whole where policy.validates:
            pending?.stage = .validating
            timers.arm(.validation, at: now + policy.validateTimeout)
            emit(.validate(number))
        case .whole: accept(number)
        case .torn: timers.arm(.stageRetry, at: now + Times.stageRetry)
        case .failed(let reason): reject("it cannot be laid on the stage: \(reason)")
        }
    }

    mutating func validated(_ number: Int, _ refusal: String?) {
        guard phase == .running, pending?.stage == .validating, pending?.snapshot == number else { return }
        timers.cancel(.validation)
        if let refusal { reject(refusal) } else { accept(number) }
    }

    mutating func validationTimedOut() {
        guard pending?.stage == .validating else { return }
        reject("the validator has not ended within \(policy.validateTimeout)")
    }

    /// The app goes on with what it has, and so does whoever is started in its place.
    private mutating func reject(_ reason: String) {
        endPending(.rejected(reason: reason))
        startIfNobodyServes()
    }

    private mutating func startIfNobodyServes() {
        guard phase == .running, !isServing, !isStarting, timers.deadline(.restart) == nil else { return }
        timers.arm(.restart, at: now)
    }

    private mutating func accept(_ number: Int) {
        guard let change = pending?.change else { return }
        if let before = stage.promoted, before != stage.good { emit(.dropSnapshot(before)) }
        stage.promoted = number
        stage.promotedDigest = change.digest
        emit(.promote(number))
        schedule(turn: splayTurn)
    }

    /// A change has come to its end: its snapshot is the good one from now on, or goes.
    mutating func settleStage(_ number: Int?, _ outcome: Outcome) {
        guard let number else { return }
        guard stage.promoted == number else { return emit(.dropSnapshot(number)) }
        switch outcome {
        case .applied:
            if let before = stage.good, before != number { emit(.dropSnapshot(before)) }
            stage.good = number
            stage.goodDigest = stage.promotedDigest
        case .superseded, .rejected, .rolledBack:
            guard let good = stage.good, good != number else { return }
            stage.promoted = good
            stage.promotedDigest = stage.goodDigest
            emit(.promote(good))
            emit(.dropSnapshot(number))
        }
    }
}
