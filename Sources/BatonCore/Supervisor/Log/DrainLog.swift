// What the log says of draining.
extension LogRecord {
    /// - Parameter successor: where new connections go.
    static func draining(_ number: GenerationNumber, to successor: GenerationNumber?, _ timeout: Interval)
        -> LogRecord
    {
        let target = successor.map { "generation \($0)" } ?? "no generation"
        return LogRecord(
            .generationDraining,
            "draining generation \(number): new connections go to \(target), open ones have \(timeout) to finish",
            [.generation(number), .successor(successor)])
    }

    /// - Parameter isQuiet: it has no connection left.
    static func drainSignalSent(
        _ number: GenerationNumber, _ signal: Signal, _ timeout: Interval, isQuiet: Bool = false
    ) -> LogRecord {
        LogRecord(
            isQuiet ? .connectionsFinished : .drainSignalSent,
            isQuiet
                ? "generation \(number) has no connection left: sending \(signal), it has \(timeout) to exit"
                : "draining generation \(number): sending \(signal), it has \(timeout) to exit",
            [.generation(number), .text("signal", signal.description)])
    }

    static func drainTimedOut(_ number: GenerationNumber, _ timeout: Interval) -> LogRecord {
        LogRecord(
            .drainTimedOut,
            "generation \(number) did not exit within the drain timeout of \(timeout): killing its processes",
            [.generation(number)])
    }

    static func tooManyDraining(_ number: GenerationNumber, _ limit: Int, hadItsSignal: Bool) -> LogRecord {
        LogRecord(
            .tooManyDraining,
            "more than \(plural(limit, "generation")) are draining (BATON_MAX_DRAINING): "
                + (hadItsSignal ? "killing" : "sending the drain signal to") + " the oldest, generation \(number)",
            [.generation(number)])
    }

    private static func fields(_ number: GenerationNumber, _ connections: Supervisor.Connections) -> [Field] {
        [
            .generation(number), .number("queued", Int64(connections.queued)), .number("open", Int64(connections.open)),
            .number("idle", Int64(connections.idle)),
        ]
    }

    /// `12 connections open (3 idle)`
    private static func words(_ connections: Supervisor.Connections, _ open: String) -> String {
        plural(connections.open + connections.queued, "connection") + " \(open) (\(connections.idle) idle)"
    }

    static func drainInProgress(_ number: GenerationNumber, _ connections: Supervisor.Connections, left: Interval)
        -> LogRecord
    {
        LogRecord(
            .drainInProgress, "generation \(number) still has \(words(connections, "open")); \(left) left to finish",
            fields(number, connections) + [.seconds("left_seconds", left)])
    }

    static func drainSignalForced(
        _ number: GenerationNumber, _ connections: Supervisor.Connections?, left: Interval
    ) -> LogRecord {
        let connections = connections ?? .init(queued: 0, open: 0, idle: 0)
        return LogRecord(
            .drainSignalForced,
            "generation \(number) still has \(words(connections, "open")) \(left) before its drain timeout: sending the drain "
                + "signal anyway", fields(number, connections))
    }

    static func connectionsUncounted(_ number: GenerationNumber) -> LogRecord {
        LogRecord(
            .connectionsUncounted,
            "cannot count the connections of generation \(number) here: sending the drain signal now",
            [.generation(number)])
    }

    static func connectionsLost(_ number: GenerationNumber, _ connections: Supervisor.Connections) -> LogRecord {
        LogRecord(
            .connectionsLost, "killed generation \(number) with \(words(connections, "still open"))",
            fields(number, connections))
    }
}
