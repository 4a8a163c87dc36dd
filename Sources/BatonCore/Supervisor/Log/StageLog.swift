// What the log says of snapshots, probation and the agent.
extension LogRecord {
    static func cannotStage(_ reason: String) -> LogRecord {
        LogRecord(
            .error, "stage_failed",
            "the app is not started yet: its configuration cannot be laid on the stage: \(reason)")
    }

    static func onProbation(_ number: GenerationNumber, _ time: Interval) -> LogRecord {
        LogRecord(
            .info, "generation_on_probation",
            "generation \(number) serves on probation for \(time): the one before is kept to go back to",
            [.generation(number), .seconds("probation_seconds", time)])
    }

    static func nothingToGoBackTo(_ old: GenerationNumber, _ number: GenerationNumber) -> LogRecord {
        LogRecord(
            .warn, "nothing_to_go_back_to",
            "generation \(old), which was kept to go back to, has ended: the probation of generation \(number) ends with it",
            [.generation(number)])
    }

    static func slowStart(_ number: GenerationNumber, beside old: GenerationNumber, _ time: Interval) -> LogRecord {
        LogRecord(
            .info, "generation_in_slow_start",
            "generation \(number) gets more and more of the new connections, and all of them after \(time): generation \(old) "
                + "has the others until then",
            [.generation(number), .seconds("slow_start_seconds", time)])
    }

    static func agentEnded(_ status: ExitStatus, _ wait: Interval) -> LogRecord {
        LogRecord(
            .error, "agent_ended", "the agent \(status): it is started again in \(wait), and what it has fetched stays",
            [.number("code", Int64(status.code)), .seconds("wait_seconds", wait)])
    }

    static func awaiting(_ sources: [String]) -> LogRecord {
        LogRecord(
            .warn, "sources_awaited", "the app is not started yet: it waits for \(sources.joined(separator: ", "))",
            [.number("count", Int64(sources.count))])
    }

    /// - Parameter obstacle: nil where no reading has ended.
    static func awaitingFirst(_ obstacle: String?) -> LogRecord {
        LogRecord(
            .warn, "first_snapshot_awaited",
            "the app is not started yet: its configuration could not be read and copied whole ("
                + (obstacle ?? "the first reading has not ended")
                + "); a file that is written all the time does not belong in a "
                + "source that is staged (BATON_STAGE_FILES, BATON_VALIDATE)")
    }
}
