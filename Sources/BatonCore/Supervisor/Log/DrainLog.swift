// What the log says of draining.
extension LogRecord {
    /// - Parameter isQuiet: it has nothing left to finish, and goes at once.
    static func draining(_ number: GenerationNumber, _ signal: Signal, _ timeout: Interval, isQuiet: Bool = false)
        -> LogRecord
    {
        LogRecord(
            isQuiet ? .debug : .info, "generation_draining",
            "generation \(number) drains: \(signal) sent, \(timeout) to finish",
            [.generation(number), .text("signal", signal.description)])
    }

    static func drainTimedOut(_ number: GenerationNumber, _ timeout: Interval) -> LogRecord {
        LogRecord(
            .warn, "drain_timed_out",
            "generation \(number) has not finished within \(timeout): what is left of it is killed",
            [.generation(number)])
    }

    static func tooManyDraining(_ number: GenerationNumber, _ limit: Int, hadItsSignal: Bool) -> LogRecord {
        LogRecord(
            .warn, "too_many_draining",
            "more than \(limit) generations drain (BATON_MAX_DRAINING): the oldest, \(number), is "
                + (hadItsSignal ? "killed" : "told to finish now"),
            [.generation(number)])
    }

    static func drainingQuietly(_ number: GenerationNumber, _ timeout: Interval) -> LogRecord {
        LogRecord(
            .info, "generation_draining",
            "generation \(number) drains: new connections go elsewhere, those that it has may finish within \(timeout)",
            [.generation(number)])
    }

    private static func fields(_ number: GenerationNumber, _ connections: Supervisor.Connections) -> [Field] {
        [
            .generation(number), .number("queued", Int64(connections.queued)), .number("open", Int64(connections.open)),
            .number("idle", Int64(connections.idle)),
        ]
    }

    static func drainLasts(_ number: GenerationNumber, _ connections: Supervisor.Connections, left: Interval)
        -> LogRecord
    {
        LogRecord(
            .info, "drain_lasts",
            "generation \(number) still has \(connections.open) connections, \(connections.idle) of them idle; \(left) left",
            fields(number, connections) + [.seconds("left_seconds", left)])
    }

    static func drainNotQuiet(_ number: GenerationNumber, _ connections: Supervisor.Connections?) -> LogRecord {
        let connections = connections ?? .init(queued: 0, open: 0, idle: 0)
        return LogRecord(
            .warn, "drain_not_quiet",
            "generation \(number) still has \(connections.open) connections, \(connections.idle) of them idle, as the drain "
                + "timeout comes near: it is told to finish all the same", fields(number, connections))
    }

    static func connectionsUncounted(_ number: GenerationNumber) -> LogRecord {
        LogRecord(
            .info, "connections_uncounted",
            "the connections of generation \(number) cannot be counted here: it is told to finish",
            [.generation(number)])
    }

    static func connectionsCut(_ number: GenerationNumber, _ connections: Supervisor.Connections) -> LogRecord {
        LogRecord(
            .warn, "connections_cut",
            "\(connections.open + connections.queued) connections are cut off with generation \(number), \(connections.idle) "
                + "of them idle: it does not finish when it is told to",
            fields(number, connections))
    }
}
