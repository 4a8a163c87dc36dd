// What the log says of signals and of the stop.
extension LogRecord {
    static func swallowed(_ signal: Signal) -> LogRecord {
        LogRecord(.debug, "signal_swallowed", "\(signal) is swallowed (BATON_SIGNAL_MAP)")
    }

    static func nobodyToForward(_ signal: Signal) -> LogRecord {
        LogRecord(.info, "signal_dropped", "\(signal) is dropped: the app is not running at the moment")
    }

    static var askedByHand: LogRecord {
        LogRecord(.info, "asked_by_hand", "asked by hand: the configuration is read and applied again")
    }

    static var secondStop: LogRecord { LogRecord(.info, "stop_hurried", "asked again: the stop delay is cut short") }

    static func stopping(_ reason: Supervisor.StopReason, delay: Interval?) -> LogRecord {
        let why =
            switch reason {
            case .asked: "asked to stop"
            case .appEnded: "the app has ended"
            case .change: "the configuration has changed"
            }
        let then = delay.map { "serving on for \($0), then stopping" } ?? "stopping"
        return LogRecord(.info, "stopping", "\(why): \(then)")
    }

    static func stopTimedOut(_ timeout: Interval) -> LogRecord {
        LogRecord(.warn, "stop_timed_out", "not everything has ended within \(timeout): what is left is killed")
    }

    static func exiting(_ code: Int32) -> LogRecord {
        LogRecord(.info, "exiting", "exiting with code \(code)", [.number("code", Int64(code))])
    }
}
