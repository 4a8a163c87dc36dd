// What the log says of changes.
extension LogRecord {
    static func keepsChanging(_ detail: String) -> LogRecord {
        LogRecord(
            .snapshotTorn,
            "the configuration changed while it was read (\(detail)): reading it again until it is stable")
    }

    static func sameContent(_ digest: Digest) -> LogRecord {
        LogRecord(
            .contentUnchanged, "a source was touched, but the content is the same: nothing to do", [.digest(digest)])
    }

    static func firstReading(_ digest: Digest) -> LogRecord {
        LogRecord(.firstSnapshot, "read the first snapshot", [.digest(digest)])
    }

    static func backToInForce(_ digest: Digest) -> LogRecord {
        LogRecord(
            .contentReverted, "the configuration is again the one that the app runs with: nothing to do",
            [.digest(digest)])
    }

    static func changed(_ change: Change, inForce: Digest?) -> LogRecord {
        let what =
            switch change.cause {
            case .source: "the configuration has changed"
            case .reload: "reload requested"
            case .rollback: "rollback requested"
            }
        return LogRecord(
            .changeDetected, "change \(change.number): \(what)",
            [
                .change(change.number), .digest(change.digest),
                .text("from", inForce?.description ?? "none"),
            ])
    }

    /// What is known of a reload, and what is not.
    private static func known(_ proof: Outcome.Proof, byCommand: Bool) -> String {
        if byCommand {
            return "the reload command exited with code 0" + (proof == .alive ? ", and the app is alive" : "")
        }
        let seen = proof == .alive ? "the app is alive" : "the signal was sent"
        return seen
            + ", but it is not known whether it uses the new configuration; to be certain, set BATON_RELOAD_COMMAND, "
            + "BATON_ON_CHANGE=handover or BATON_READY, or let the app send RELOADING=1 and READY=1 (sd_notify)"
    }

    /// - Parameter byCommand: a reload is one by a command.
    static func outcome(_ change: Change, _ outcome: Outcome, at now: Instant, isStopping: Bool, byCommand: Bool)
        -> LogRecord
    {
        let took = now - change.seenAt
        let event: LogEvent
        let message: String
        switch outcome {
        case .applied(.none, _): (event, message) = (.changeApplied, "is recorded only (BATON_ON_CHANGE=none)")
        case .applied(.reload, let proof) where proof == .alive || proof == .none:
            (event, message) = (
                .changeApplied, "is applied by reload after \(took): \(known(proof, byCommand: byCommand))"
            )
        case .applied(let means, _):
            (event, message) = (.changeApplied, "is applied by \(means.rawValue) after \(took)")
        case .superseded:
            (event, message) = (
                .changeSuperseded, isStopping ? "is not finished: Baton is stopping" : "is superseded by a newer one"
            )
        case .rejected(let reason): (event, message) = (.changeRejected, "is rejected: \(reason)")
        case .rolledBack(let reason): (event, message) = (.changeRolledBack, "is rolled back: \(reason)")
        case .failed(let reason):
            (event, message) = (
                .changeFailed, "failed, and there is no last good configuration to go back to: \(reason)"
            )
        }
        return LogRecord(
            event, "change \(change.number) \(message)",
            [
                .change(change.number), .digest(change.digest), .text("outcome", outcome.name),
                .seconds("seconds", took),
            ] + (outcome.proof.map { [.text("proof", $0.rawValue)] } ?? []))
    }

    static func reloadSignalSent(_ number: GenerationNumber, _ signal: Signal, _ change: ChangeNumber) -> LogRecord {
        LogRecord(
            .reloadSignalSent, "sent \(signal) to generation \(number) for change \(change)",
            [.generation(number), .change(change), .text("signal", signal.description)])
    }

    static var paused: LogRecord {
        LogRecord(
            .changesPaused,
            "changes are paused: Baton reads and validates them, and applies them after \"baton resume\"")
    }

    static var resumed: LogRecord { LogRecord(.changesResumed, "changes are applied again") }

    static func changePaused(_ change: Change) -> LogRecord {
        LogRecord(
            .waitingForResume, "change \(change.number) waits because changes are paused: \"baton resume\" applies it",
            [.change(change.number), .digest(change.digest)])
    }

    /// Why the signal is not sent.
    static func notCaught(_ number: GenerationNumber, _ signal: Signal, _ disposition: Supervisor.Disposition) -> String
    {
        switch disposition {
        case .ignored: "generation \(number) ignores \(signal)"
        case .unknown: "generation \(number) may not catch \(signal) (that cannot be read), and the signal may end it"
        case .notCaught, .caught, .caughtByRuntime:
            "generation \(number) does not catch \(signal), so the signal would end it"
        }
    }

    static func handingOverInstead(_ number: GenerationNumber, _ reason: String) -> LogRecord {
        LogRecord(.reloadSignalNotCaught, "\(reason): handing over instead", [.generation(number)])
    }

    static func reloadSignalAwaited(
        _ change: Change, _ number: GenerationNumber, _ signal: Signal, _ left: Interval
    ) -> LogRecord {
        LogRecord(
            .reloadSignalAwaited,
            "change \(change.number): waiting up to \(left) for generation \(number) to catch \(signal)",
            [.change(change.number), .generation(number), .seconds("left_seconds", left)])
    }

    static func handlerProvesNothing(_ number: GenerationNumber, _ signal: Signal, _ reason: String, handsOver: Bool)
        -> LogRecord
    {
        LogRecord(
            .reloadSignalWithheld,
            "not sending \(signal) to generation \(number), as it may end the app: \(reason); "
                + (handsOver ? "handing over instead" : "restarting it instead")
                + ". If the app reloads on \(signal), set BATON_ON_CHANGE=reload", [.generation(number)])
    }

    static func reloadDoubted(_ number: GenerationNumber, _ signal: Signal, _ reason: String) -> LogRecord {
        LogRecord(
            .reloadSignalUnsafe,
            "sending \(signal) to generation \(number), as the settings say, although it may end the app: \(reason)",
            [.generation(number)])
    }

    static func endedByReload(_ number: GenerationNumber, _ status: ExitStatus, after wait: Interval, handsOver: Bool)
        -> LogRecord
    {
        LogRecord(
            .endedByReload,
            "generation \(number) \(status) \(wait) after its reload: restarting the app with the new configuration; later "
                + "changes \(handsOver ? "hand over to a new generation" : "restart it")",
            [.generation(number), .seconds("seconds", wait)])
    }

    static func mountSuperseded(_ path: String, _ mode: SubpathMode) -> LogRecord {
        let consequence =
            switch mode {
            case .warn:
                "the app reads the old content until the container is restarted; to avoid this, mount the whole volume or "
                    + "directory, or set BATON_SUBPATH=exit (restart the container) or, for a ConfigMap or Secret of Kubernetes, "
                    + "BATON_SUBPATH=stage (read it from the API)"
            case .stage:
                "the app reads the old content until the agent may read the object, or until the container is restarted"
            case .exit: "draining and exiting, so that the restarted container mounts the new file (BATON_SUBPATH=exit)"
            }
        return LogRecord(
            .mountSuperseded, "\(path) was replaced, but this mount still shows the old file: \(consequence)",
            [.text("source", path)])
    }
}
