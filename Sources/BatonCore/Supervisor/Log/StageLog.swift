// What the log says of snapshots, probation and the agent.
extension LogRecord {
    static func cannotStage(_ reason: String) -> LogRecord {
        LogRecord(
            .firstStagingFailed, "not starting the app yet: cannot write its configuration to the stage: \(reason)")
    }

    static func firstHeld(_ digest: Digest, _ good: Digest?) -> LogRecord {
        LogRecord(
            .firstSnapshotHeld,
            "starting the app with the last good configuration \(good?.description ?? ""): it failed with the present one before, "
                + "or somebody rolled it back; to try it again, change the source or run \"baton reload\"",
            [.digest(digest)])
    }

    /// - Parameter good: nil where the stage has none.
    static func firstRejected(_ digest: Digest?, good: Digest?, _ reason: String) -> LogRecord {
        let then =
            good.map { "starting the app with the last good one from the stage, \($0)" }
            ?? "the stage has no last good one, so starting the app with the rejected one"
        return LogRecord(
            .firstSnapshotRejected, "the validator rejected the configuration: \(reason); \(then)", [.digest(digest)])
    }

    static func firstNotValidated(_ digest: Digest?, _ reason: String) -> LogRecord {
        LogRecord(
            .firstSnapshotNotValidated, "starting the app with a configuration that is not validated: \(reason)",
            [.digest(digest)])
    }

    static func onProbation(_ number: GenerationNumber, _ time: Interval) -> LogRecord {
        LogRecord(
            .generationOnProbation,
            "generation \(number) is on probation for \(time): the previous generation is kept for a rollback",
            [.generation(number), .seconds("probation_seconds", time)])
    }

    static func rollbackUnavailable(_ old: GenerationNumber, _ number: GenerationNumber) -> LogRecord {
        LogRecord(
            .rollbackUnavailable,
            "generation \(old), which was kept for a rollback, has ended: generation \(number) cannot be rolled back any more",
            [.generation(number)])
    }

    static func slowStart(_ number: GenerationNumber, beside old: GenerationNumber, _ time: Interval) -> LogRecord {
        LogRecord(
            .generationInSlowStart,
            "slow start of generation \(number): its share of new connections grows to 100 % within \(time); generation "
                + "\(old) gets the others", [.generation(number), .seconds("slow_start_seconds", time)])
    }

    static func agentEnded(_ status: ExitStatus, _ wait: Interval) -> LogRecord {
        LogRecord(
            .agentEnded, "the agent \(status); restarting it in \(wait); fetched configuration stays in force",
            [.number("code", Int64(status.code)), .seconds("wait_seconds", wait)])
    }

    static func awaiting(_ sources: [String]) -> LogRecord {
        LogRecord(
            .waitingForSources, "not starting the app yet: waiting for \(sources.joined(separator: ", "))",
            [.number("count", Int64(sources.count))])
    }

    static func awaitingVerdict(_ timeout: Interval) -> LogRecord {
        LogRecord(
            .waitingForFirstSnapshot,
            "not starting the app yet: its configuration is being validated, for \(timeout) at most (BATON_VALIDATE_TIMEOUT)"
        )
    }

    /// - Parameter obstacle: nil where no reading has ended.
    static func awaitingFirst(_ obstacle: String?) -> LogRecord {
        LogRecord(
            .waitingForFirstSnapshot,
            "not starting the app yet: its configuration could not be read and copied as a whole ("
                + (obstacle ?? "the first read has not finished")
                + "); remove files that are written all the time from the sources that are staged (BATON_STAGE_FILES, "
                + "BATON_VALIDATE)")
    }
}
