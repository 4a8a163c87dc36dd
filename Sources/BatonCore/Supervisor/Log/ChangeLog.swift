// What the log says of changes.
extension LogRecord {
    static func keepsChanging(_ detail: String) -> LogRecord {
        LogRecord(
            .warn, "snapshot_torn",
            "the configuration changes while it is read (\(detail)); it is read again until it holds still")
    }

    static func sameContent(_ digest: Digest) -> LogRecord {
        LogRecord(.debug, "same_content", "touched, but the content is the same: nothing to do", [.digest(digest)])
    }

    static func firstReading(_ digest: Digest) -> LogRecord {
        LogRecord(.info, "first_snapshot", "the first snapshot is read", [.digest(digest)])
    }

    static func backToInForce(_ digest: Digest) -> LogRecord {
        LogRecord(
            .info, "back_to_in_force", "the configuration is again the one that the app runs with: nothing to do",
            [.digest(digest)])
    }

    static func changed(_ change: Change, inForce: Digest?) -> LogRecord {
        let what = change.isManual ? "asked for by hand" : "the configuration has changed"
        return LogRecord(
            .info, "change_detected", "change \(change.number): \(what)",
            [
                .change(change.number), .digest(change.digest),
                .text("from", inForce?.description ?? "none"),
            ])
    }

    static func outcome(_ change: Change, _ outcome: Outcome, at now: Instant) -> LogRecord {
        let took = now - change.seenAt
        let level: LogLevel
        let message: String
        switch outcome {
        case .applied(.none):
            (level, message) = (.info, "is noted and nothing is done (BATON_ON_CHANGE=none)")
        case .applied(let means): (level, message) = (.info, "is applied by \(means.rawValue) after \(took)")
        case .superseded: (level, message) = (.info, "is superseded")
        case .rejected(let reason): (level, message) = (.error, "is rejected: \(reason)")
        case .rolledBack(let reason): (level, message) = (.error, "is rolled back: \(reason)")
        }
        return LogRecord(
            level, "change_\(outcome.name)", "change \(change.number) \(message)",
            [
                .change(change.number), .digest(change.digest), .text("outcome", outcome.name),
                .seconds("seconds", took),
            ])
    }

    static func notCaught(_ number: GenerationNumber, _ signal: Signal, then: String) -> LogRecord {
        LogRecord(
            .warn, "reload_signal_not_caught",
            "generation \(number) does not catch \(signal), which would end it: \(then)", [.generation(number)])
    }

    static func handlerProvesNothing(_ number: GenerationNumber, _ signal: Signal, _ reason: String, handsOver: Bool)
        -> LogRecord
    {
        LogRecord(
            .info, "reload_handler_unproven",
            "generation \(number) is not sent \(signal), which may end it: \(reason); "
                + (handsOver ? "handing over instead" : "restarting it instead")
                + ". If it does reload by \(signal), set BATON_ON_CHANGE=reload", [.generation(number)])
    }

    static func reloadDoubted(_ number: GenerationNumber, _ signal: Signal, _ reason: String) -> LogRecord {
        LogRecord(
            .warn, "reload_handler_unproven",
            "generation \(number) is sent \(signal) as the settings say, although that may end it: \(reason)",
            [.generation(number)])
    }

    static func endedByReload(_ number: GenerationNumber, _ status: ExitStatus, after wait: Interval, handsOver: Bool)
        -> LogRecord
    {
        LogRecord(
            .error, "ended_by_reload",
            "generation \(number) \(status) \(wait) after it was told to reload: the app is started again with the new "
                + "configuration, and later changes \(handsOver ? "hand over to a new generation" : "restart it")",
            [.generation(number), .seconds("seconds", wait)])
    }

    static func mountSuperseded(_ path: String, _ mode: SubpathMode) -> LogRecord {
        let consequence =
            switch mode {
            case .warn:
                "the app keeps the old content until the container is restarted; BATON_SUBPATH=exit does that, "
                    + "BATON_SUBPATH=stage reads the object by the API, mounting the whole volume instead of a subPath avoids it"
            case .stage:
                "the app keeps the old content until the agent may read the object, or the container is restarted"
            case .exit: "draining and exiting, so that it is mounted anew (BATON_SUBPATH=exit)"
            }
        return LogRecord(
            .warn, "mount_superseded", "\(path) has been replaced, but this mount pins the old file: \(consequence)",
            [.text("source", path)])
    }
}
