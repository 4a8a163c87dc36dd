// From "something was touched" to a snapshot that was read whole.
extension Supervisor {
    /// The first half: wait for quiet, read.
    struct Intake: Sendable {
        /// The first touch of a burst that has not been read yet.
        var settlingSince: Instant?
        /// The first touch since something was last read whole.
        var touchedAt: Instant?
        var tornReads = 0
        /// Why what was last read is not whole.
        var obstacle: String?
        /// SIGHUP: apply even if the content is the same.
        var isManual = false
    }

    /// What is touched is read: while the app runs, and while its first snapshot is made.
    private var reads: Bool {
        switch life {
        case .running, .preparing(.reading), .preparing(.staging), .preparing(.validating): true
        case .preparing(.new), .preparing(.awaiting), .stopping, .exited: false
        }
    }

    mutating func touched(atomic: Bool) {
        guard reads else { return }
        intake.touchedAt = intake.touchedAt ?? now
        guard !atomic, settings.settle > .zero else { return read() }
        let since = intake.settlingSince ?? now
        intake.settlingSince = since
        let limit = since + max(settings.settle * Times.settleLimitFactor, Times.settleLimitFloor)
        timers.cancel(.readRetry)
        timers.arm(.settle, at: min(now + settings.settle, limit))
    }

    mutating func read() {
        guard reads else { return }
        timers.cancel(.settle)
        timers.cancel(.readRetry)
        intake.settlingSince = nil
        emit(.readSnapshot)
    }

    mutating func snapshot(_ result: SnapshotResult) {
        guard reads else { return }
        switch result {
        case .whole(let digest) where phase == .waiting: prepareRun(digest)
        case .whole(let digest):
            let isManual = intake.isManual
            forgetTornReads()
            intake.isManual = false
            isManual ? propose(digest, .reload) : consider(digest)
            intake.touchedAt = nil
        case .torn(let detail): readAgain(detail)
        }
    }

    /// It was not whole, when it was read or when it was copied.
    mutating func readAgain(_ detail: String) {
        intake.obstacle = detail
        intake.tornReads = min(intake.tornReads + 1, 1000)
        if intake.tornReads == 5 { log(.keepsChanging(detail)) }
        let wait = Times.readRetryFirst * (1 << Int64(min(intake.tornReads - 1, 6)))
        timers.arm(.readRetry, at: now + min(wait, Times.readRetryLimit))
    }

    mutating func forgetTornReads() {
        intake.tornReads = 0
        intake.obstacle = nil
    }

    private mutating func consider(_ digest: Digest) {
        guard digest != lastSeen else { return log(.sameContent(digest)) }
        guard lastSeen != nil else {
            // The first look at a source that could not be read at once: this is what the app started with.
            lastSeen = digest
            digestInForce = digest
            return log(.firstReading(digest))
        }
        let isUncertain = if case .uncertain = serving?.content { true } else { false }
        // Where the stage would go back to something else, a crash restart would read that.
        // One that was superseded before it was proven is put in force again, and proven then.
        let isGood =
            proving?.change.digest == digest || (plan.staging.choice ? stage.proven?.digest == digest : !hasStandby)
        guard digest != digestInForce || !isServing || !isGood || isUncertain else {
            // Back to what the app runs with: whatever was on its way is no longer wanted.
            lastSeen = digest
            log(.backToInForce(digest))
            return supersedeMove()
        }
        propose(digest, .source)
    }

    mutating func mountSuperseded(_ path: String) {
        guard phase == .running else { return }
        log(.mountSuperseded(path, settings.subpath))
        if settings.subpath == .exit { beginStop(.change) }
    }
}
