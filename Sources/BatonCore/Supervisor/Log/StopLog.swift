// What the log says of signals and of the stop.
extension LogRecord {
    static func ignored(_ signal: Signal) -> LogRecord {
        LogRecord(.signalIgnored, "ignoring \(signal) (BATON_SIGNAL_MAP)")
    }

    static func nobodyToForward(_ signal: Signal) -> LogRecord {
        LogRecord(.signalDropped, "cannot forward \(signal): the app is not running")
    }

    static var reloadRequested: LogRecord {
        LogRecord(.reloadRequested, "reload requested: reading the configuration and applying it again")
    }

    static var secondStop: LogRecord {
        LogRecord(.stopDelaySkipped, "second stop request: skipping the rest of the stop delay")
    }

    static func stopping(_ reason: Supervisor.StopReason, delay: Interval?) -> LogRecord {
        let why =
            switch reason {
            case .asked: "stop requested"
            case .appEnded: "the app has ended"
            case .change: "the configuration has changed"
            }
        let then = delay.map { "serving for another \($0), then stopping" } ?? "stopping"
        return LogRecord(.stopping, "\(why): \(then)")
    }

    static func stopTimedOut(_ timeout: Interval) -> LogRecord {
        LogRecord(
            .stopTimedOut, "processes still run \(timeout) after the stop signal (BATON_STOP_TIMEOUT): killing them")
    }

    static func exiting(_ code: Int32) -> LogRecord {
        LogRecord(.exiting, "exiting with code \(code)", [.number("code", Int64(code))])
    }
}
