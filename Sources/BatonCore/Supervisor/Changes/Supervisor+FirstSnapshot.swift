// The snapshot that the app starts with.
extension Supervisor {
    /// - Parameter digest: what was read; nil where it is not whole yet. With a stage the app waits for it: it would have nothing
    ///   to read.
    mutating func prepareRun(_ digest: Digest?) {
        guard case .preparing(let preparing) = life else { return }
        guard plan.staging.choice else { return run(digest) }
        timers.arm(.awaited, at: timers.deadline(.awaited) ?? now + Times.awaitedReport)
        guard let digest else { return read() }
        switch preparing {
        case .staging(let snapshot) where snapshot.digest == digest: return
        case .validating(let snapshot) where snapshot.digest == digest: return
        case .new, .awaiting, .reading, .staging, .validating: break
        }
        timers.cancel(.stageRetry)
        timers.cancel(.validation)
        if digest == stage.held, let good = stage.proven {
            dropFirst()
            log(.firstHeld(digest, good.digest))
            return startWithGood(good, instead: digest)
        }
        stageFirst(digest)
    }

    mutating func stageFirst(_ digest: Digest?) {
        dropFirst()
        let snapshot = Snapshot(number: stage.nextNumber(), digest: digest)
        life = .preparing(.staging(snapshot))
        emit(.stageSnapshot(snapshot.number))
    }

    /// What was copied before, if anything was, is not what the app starts with.
    private mutating func dropFirst() {
        switch life {
        case .preparing(.staging(let before)), .preparing(.validating(let before)): emit(.dropSnapshot(before.number))
        case .preparing, .running, .stopping, .exited: break
        }
    }

    mutating func firstStaged(_ snapshot: Snapshot, _ result: StageResult) {
        switch result {
        case .whole where settings.validates && settings.validatesStart:
            life = .preparing(.validating(snapshot))
            timers.arm(.validation, at: now + settings.validateTimeout)
            emit(.validate(snapshot.number))
        case .whole: startWith(snapshot)
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

    mutating func firstValidated(_ snapshot: Snapshot, _ verdict: Verdict) {
        timers.cancel(.validation)
        switch verdict {
        case .accepted: startWith(snapshot)
        case .none(let reason):
            log(.firstNotValidated(snapshot.digest, reason))
            startWith(snapshot)
        case .rejected(let reason):
            guard let good = stage.proven else {
                log(.firstRejected(snapshot.digest, good: nil, reason))
                return startWith(snapshot)
            }
            let change = newChange(snapshot.digest, .source, inForce: good.digest)
            history.begin(change, touchedAt: now)
            end(change, .rejected(reason: reason), generation: nil)
            log(.firstRejected(snapshot.digest, good: good.digest, reason))
            emit(.dropSnapshot(snapshot.number))
            startWithGood(good, instead: snapshot.digest)
        }
    }

    private mutating func startWith(_ snapshot: Snapshot) {
        let good = stage.proven
        if good?.digest == snapshot.digest {
            // The same in a new copy: what is gone back to by hand is still the one before.
            stage.spare = good
        } else if let good {
            (stage.spare, stage.previous) = (stage.previous, good)
        }
        // The sources have changed since.
        if snapshot.digest != stage.held { stage.held = nil }
        stage.promoted = snapshot
        stage.proven = snapshot
        emit(.promote(snapshot.number))
        run(snapshot.digest)
    }

    /// - Parameter digest: of the sources, which is not tried again.
    private mutating func startWithGood(_ good: Snapshot, instead digest: Digest?) {
        stage.promoted = good
        // By the run that has proven it.
        stage.isRecorded = true
        emit(.promote(good.number))
        run(digest, inForce: good.digest)
    }

    /// Of the snapshot that is being copied before the first start.
    package var firstDigest: Digest? {
        if case .preparing(.staging(let snapshot)) = life { snapshot.digest } else { nil }
    }

    // MARK: its proof

    /// The first generation is ready: if it lives on for a while, the next run may rely on what it has started with.
    mutating func awaitFirstProof() {
        guard plan.staging.choice, !stage.isRecorded, timers.deadline(.firstProof) == nil else { return }
        timers.arm(.firstProof, at: now + firstProofTime)
    }

    private var firstProofTime: Interval { settings.probation == .zero ? .zero : Times.leastProbation }

    mutating func firstProven() {
        guard phase == .running, !stage.isRecorded, let proven = stage.proven, let serving,
            serving.content == .known(proven.digest), let readyAt = serving.readyAt
        else { return }
        // It may have been another one that was ready when this was armed.
        let due = readyAt + firstProofTime
        guard now >= due else { return timers.arm(.firstProof, at: due) }
        keepRecord()
    }

    /// A snapshot is proven: it is what is gone back to from now on.
    mutating func proveOnStage(_ snapshot: Snapshot) {
        guard let before = stage.proven, before != snapshot else { return keepRecord() }
        stage.proven = snapshot
        // Somebody has rolled back: what was rolled back from is what is gone back to next.
        if snapshot == stage.previous {
            stage.previous = before
            return keepRecord()
        }
        stage.held = nil
        var unneeded: Snapshot?
        if before.digest == snapshot.digest {
            unneeded = before
        } else {
            (unneeded, stage.previous) = (stage.previous, before)
        }
        // First the record: it never names what is half removed.
        keepRecord()
        if let unneeded { emit(.dropSnapshot(unneeded.number)) }
    }

    /// Of content that the app has failed with.
    mutating func hold(_ digest: Digest?) {
        // What is good is not held for a reload of it that has failed.
        guard digest != stage.proven?.digest else { return }
        stage.held = digest
        stage.isRecorded ? keepRecord() : awaitFirstProof()
    }

    private mutating func keepRecord() {
        guard let proven = stage.proven else { return }
        stage.isRecorded = true
        emit(.keepRecord(good: proven, before: stage.previous, held: stage.held))
        guard let spare = stage.spare else { return }
        stage.spare = nil
        emit(.dropSnapshot(spare.number))
    }
}
