// The wording of everything that the supervisor says.
extension LogRecord {
    static func starting(_ number: Int, _ digest: Digest?, beside serving: Int?) -> LogRecord {
        let beside = serving.map { " beside generation \($0)" } ?? ""
        return LogRecord(
            .info, "generation_starting", "starting generation \(number)\(beside)",
            [.generation(number), .digest(digest)])
    }

    static func launchFailed(_ number: Int, _ failure: Supervisor.LaunchFailure) -> LogRecord {
        LogRecord(
            .error, "launch_failed", "cannot start generation \(number): \(failure.reason)", [.generation(number)])
    }

    static func ready(_ generation: Generation, at now: Instant) -> LogRecord {
        let took = now - generation.startedAt
        return LogRecord(
            .info, "generation_ready", "generation \(generation.number) is ready after \(took)",
            [.generation(generation.number), .digest(generation.digest), .seconds("seconds", took)])
    }

    static func cannotLook(_ number: Int, _ reason: String) -> LogRecord {
        LogRecord(
            .info, "cannot_look",
            "whether generation \(number) waits for connections cannot be seen (\(reason)): one second alive counts as ready",
            [.generation(number)])
    }

    static func waitsInPart(_ number: Int, _ missing: String, _ limit: Interval) -> LogRecord {
        LogRecord(
            .warn, "waits_in_part",
            "generation \(number) waits for connections, but not on \(missing) within \(limit): it is taken as ready all the same",
            [.generation(number)])
    }

    static func adoptionRefused(_ reason: String) -> LogRecord {
        LogRecord(
            .warn, "adoption_refused",
            "the app's listening sockets stay its own, and a change restarts it instead of handing over: \(reason); BATON_LISTEN "
                + "hands sockets to an app that can take them, BATON_ADOPT=off silences this")
    }

    static func neverWaits(_ number: Int, _ limit: Interval) -> LogRecord {
        LogRecord(
            .warn, "never_waits",
            "generation \(number) has not been seen to wait for connections on its listening socket within \(limit), and is taken "
                + "as ready all the same: does it take the socket (LISTEN_FDS)? Behind a shell, use exec",
            [.generation(number)])
    }

    static func notReady(_ number: Int, _ reason: String) -> LogRecord {
        LogRecord(
            .error, "generation_not_ready", "generation \(number) is given up: \(reason)", [.generation(number)])
    }

    static func ended(_ generation: Generation, _ status: ExitStatus, leftovers: Bool, at now: Instant) -> LogRecord {
        let isDraining = generation.kind == .draining
        let isExpected = isDraining || status == .exited(0)
        var message = "generation \(generation.number) \(status)"
        switch generation.kind {
        case .draining: message += " after its drain"
        case .starting where !isExpected: message += " before it was ready"
        case .starting, .ready: break
        }
        if leftovers {
            message += "; other processes of its group still run"
            if !isDraining { message += " (an app that puts itself in the background must be told not to)" }
        }
        return LogRecord(
            isExpected ? .info : .warn, "generation_ended", message,
            [
                .generation(generation.number), .number("code", Int64(status.code)),
                .seconds("age_seconds", now - generation.startedAt),
            ])
    }

    static func restarting(after wait: Interval, failures: Int) -> LogRecord {
        LogRecord(
            .warn, "restart_scheduled", "the app is started again in \(wait) (attempt \(failures))",
            [.seconds("wait_seconds", wait), .number("attempt", Int64(failures))])
    }

    /// - Parameter isQuiet: it has nothing left to finish, and goes at once.
    static func draining(_ number: Int, _ signal: Signal, _ timeout: Interval, isQuiet: Bool = false) -> LogRecord {
        LogRecord(
            isQuiet ? .debug : .info, "generation_draining",
            "generation \(number) drains: \(signal) sent, \(timeout) to finish",
            [.generation(number), .text("signal", signal.description)])
    }

    static func drainTimedOut(_ number: Int, _ timeout: Interval) -> LogRecord {
        LogRecord(
            .warn, "drain_timed_out",
            "generation \(number) has not finished within \(timeout): what is left of it is killed",
            [.generation(number)])
    }

    static func tooManyDraining(_ number: Int, _ limit: Int, isTold: Bool) -> LogRecord {
        LogRecord(
            .warn, "too_many_draining",
            "more than \(limit) generations drain (BATON_MAX_DRAINING): the oldest, \(number), is "
                + (isTold ? "killed" : "told to finish now"),
            [.generation(number)])
    }

    static func drainingQuietly(_ number: Int, _ timeout: Interval) -> LogRecord {
        LogRecord(
            .info, "generation_draining",
            "generation \(number) drains: new connections go elsewhere, those that it has may finish within \(timeout)",
            [.generation(number)])
    }

    private static func fields(_ number: Int, _ connections: Supervisor.Connections) -> [Field] {
        [
            .generation(number), .number("queued", Int64(connections.queued)), .number("open", Int64(connections.open)),
            .number("idle", Int64(connections.idle)),
        ]
    }

    static func drainLasts(_ number: Int, _ connections: Supervisor.Connections, left: Interval) -> LogRecord {
        LogRecord(
            .info, "drain_lasts",
            "generation \(number) still has \(connections.open) connections, \(connections.idle) of them idle; \(left) left",
            fields(number, connections) + [.seconds("left_seconds", left)])
    }

    static func drainNotQuiet(_ number: Int, _ connections: Supervisor.Connections?) -> LogRecord {
        let connections = connections ?? .init(queued: 0, open: 0, idle: 0)
        return LogRecord(
            .warn, "drain_not_quiet",
            "generation \(number) still has \(connections.open) connections, \(connections.idle) of them idle, as the drain "
                + "timeout comes near: it is told to finish all the same", fields(number, connections))
    }

    static func connectionsUncounted(_ number: Int) -> LogRecord {
        LogRecord(
            .info, "connections_uncounted",
            "the connections of generation \(number) cannot be counted here: it is told to finish",
            [.generation(number)])
    }

    static func connectionsCut(_ number: Int, _ connections: Supervisor.Connections) -> LogRecord {
        LogRecord(
            .warn, "connections_cut",
            "\(connections.open + connections.queued) connections are cut off with generation \(number), \(connections.idle) "
                + "of them idle: it does not finish when it is told to",
            fields(number, connections))
    }

    static func appStatus(_ number: Int, _ status: String) -> LogRecord {
        LogRecord(.info, "app_status", "generation \(number) says: \(status)", [.generation(number)])
    }

    static func appStopping(_ number: Int) -> LogRecord {
        LogRecord(.info, "app_stopping", "generation \(number) says that it is stopping", [.generation(number)])
    }

    static func appReloading(_ number: Int) -> LogRecord {
        LogRecord(.info, "app_reloading", "generation \(number) says that it reloads", [.generation(number)])
    }

    static func appReloaded(_ number: Int) -> LogRecord {
        LogRecord(.info, "app_reloaded", "generation \(number) says that it has reloaded", [.generation(number)])
    }

    // MARK: changes

    static func keepsChanging(_ detail: String) -> LogRecord {
        LogRecord(
            .warn, "snapshot_torn",
            "the configuration changes while it is read (\(detail)); it is read again until it holds still")
    }

    static func sameContent(_ digest: Digest) -> LogRecord {
        LogRecord(.debug, "same_content", "touched, but the content is the same: nothing to do", [.digest(digest)])
    }

    static func firstLook(_ digest: Digest) -> LogRecord {
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
                .number("change", Int64(change.number)), .digest(change.digest),
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
                .number("change", Int64(change.number)), .digest(change.digest), .text("outcome", outcome.name),
                .seconds("seconds", took),
            ])
    }

    static func notCaught(_ number: Int, _ signal: Signal, then: String) -> LogRecord {
        LogRecord(
            .warn, "reload_signal_not_caught",
            "generation \(number) does not catch \(signal), which would end it: \(then)", [.generation(number)])
    }

    static func handlerProvesNothing(_ number: Int, _ signal: Signal, _ reason: String, handsOver: Bool) -> LogRecord {
        LogRecord(
            .info, "reload_handler_unproven",
            "generation \(number) is not sent \(signal), which may end it: \(reason); "
                + (handsOver ? "handing over instead" : "restarting it instead")
                + ". If it does reload by \(signal), set BATON_ON_CHANGE=reload", [.generation(number)])
    }

    static func reloadDoubted(_ number: Int, _ signal: Signal, _ reason: String) -> LogRecord {
        LogRecord(
            .warn, "reload_handler_unproven",
            "generation \(number) is sent \(signal) as the settings say, although that may end it: \(reason)",
            [.generation(number)])
    }

    static func endedByReload(_ number: Int, _ status: ExitStatus, after wait: Interval, handsOver: Bool) -> LogRecord {
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

    // MARK: the stage

    static func cannotStage(_ reason: String) -> LogRecord {
        LogRecord(
            .error, "stage_failed",
            "the app is not started yet: its configuration cannot be laid on the stage: \(reason)")
    }

    static func onProbation(_ number: Int, _ time: Interval) -> LogRecord {
        LogRecord(
            .info, "generation_on_probation",
            "generation \(number) serves on probation for \(time): the one before is kept to go back to",
            [.generation(number), .seconds("probation_seconds", time)])
    }

    static func nothingToGoBackTo(_ old: Int, _ number: Int) -> LogRecord {
        LogRecord(
            .warn, "nothing_to_go_back_to",
            "generation \(old), which was kept to go back to, has ended: the probation of generation \(number) ends with it",
            [.generation(number)])
    }

    static func slowStart(_ number: Int, beside old: Int, _ time: Interval) -> LogRecord {
        LogRecord(
            .info, "generation_in_slow_start",
            "generation \(number) gets more and more of the new connections, and all of them after \(time): generation \(old) "
                + "has the others until then",
            [.generation(number), .seconds("slow_start_seconds", time)])
    }

    // MARK: the agent

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

    // MARK: signals and stop

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
