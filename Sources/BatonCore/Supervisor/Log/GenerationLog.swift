// What the log says of starting, readiness and ends.
extension LogRecord {
    static func starting(_ number: GenerationNumber, _ digest: Digest?, beside serving: GenerationNumber?) -> LogRecord
    {
        let beside = serving.map { " beside generation \($0)" } ?? ""
        return LogRecord(
            .generationStarting, "starting generation \(number)\(beside)", [.generation(number), .digest(digest)])
    }

    static func launchFailed(_ number: GenerationNumber, _ failure: Supervisor.LaunchFailure) -> LogRecord {
        LogRecord(.launchFailed, "cannot start generation \(number): \(failure.reason)", [.generation(number)])
    }

    static func ready(_ generation: Generation, at now: Instant) -> LogRecord {
        let took = now - generation.startedAt
        return LogRecord(
            .generationReady, "generation \(generation.number) is ready after \(took)",
            [.generation(generation.number), .digest(generation.digest), .seconds("seconds", took)])
    }

    static func cannotScan(_ number: GenerationNumber, _ reason: String) -> LogRecord {
        LogRecord(
            .readinessScanUnavailable,
            "cannot check whether generation \(number) waits for connections (\(reason)): it counts as ready one second after "
                + "its start; set BATON_READY for a better check", [.generation(number)])
    }

    static func listeningIncomplete(_ number: GenerationNumber, _ missing: String, _ limit: Interval) -> LogRecord {
        LogRecord(
            .listeningIncomplete,
            "generation \(number) waits for connections, but not on \(missing) within \(limit): it counts as ready anyway",
            [.generation(number)])
    }

    static func adoptionRefused(_ reason: String) -> LogRecord {
        LogRecord(
            .adoptionRefused,
            "cannot adopt the app's listening sockets, so a change restarts the app instead of handing over: \(reason); set "
                + "BATON_LISTEN if the app can use inherited sockets, or BATON_ADOPT=off to silence this warning")
    }

    static func listeningNotSeen(_ number: GenerationNumber, _ limit: Interval) -> LogRecord {
        LogRecord(
            .listeningNotSeen,
            "generation \(number) did not wait for connections on its listening socket within \(limit): it counts as ready "
                + "anyway; check that the app uses the socket (LISTEN_FDS), and that a shell script starts it with exec",
            [.generation(number)])
    }

    static func notReady(_ number: GenerationNumber, _ reason: String) -> LogRecord {
        LogRecord(
            .generationNotReady, "generation \(number) failed to become ready: \(reason)", [.generation(number)])
    }

    static func ended(
        _ generation: Generation, _ status: ExitStatus, leftovers: Bool, isStopping: Bool, at now: Instant
    ) -> LogRecord {
        let isDraining = generation.kind == .draining
        // It has gone to the background: the service ends, and nobody has asked for that.
        let isDaemon = leftovers && status == .exited(0) && !isDraining && !isStopping
        let isExpected = isDraining || (status == .exited(0) && !isDaemon)
        var message = "generation \(generation.number) \(status)"
        switch generation.kind {
        case .draining: message += " after its drain"
        case .starting where !isExpected: message += " before it was ready"
        case .starting, .ready: break
        }
        if leftovers {
            message += "; other processes of its process group still run"
            if isDaemon { message += " (configure the app to stay in the foreground)" }
        }
        return LogRecord(
            isExpected ? .generationEnded : .generationEndedUnexpectedly, message,
            [
                .generation(generation.number), .number("code", Int64(status.code)),
                .seconds("age_seconds", now - generation.startedAt),
            ])
    }

    static func mainReplaced(_ number: GenerationNumber, _ status: ExitStatus, by successor: ProcessID) -> LogRecord {
        LogRecord(
            .mainReplaced,
            "the main process of generation \(number) \(status), and process \(successor), which it started, serves on its listening "
                + "socket: that is the main process now, and gets the signals",
            [.generation(number), .number("pid", Int64(successor.value)), .number("code", Int64(status.code))])
    }

    static func restarting(after wait: Interval, failures: Int) -> LogRecord {
        LogRecord(
            .restartScheduled, "restarting the app in \(wait) (attempt \(failures))",
            [.seconds("wait_seconds", wait), .number("attempt", Int64(failures))])
    }

    static func appStatus(_ number: GenerationNumber, _ status: String) -> LogRecord {
        LogRecord(.appStatus, "generation \(number) reports its status: \(status)", [.generation(number)])
    }

    static func appStopping(_ number: GenerationNumber) -> LogRecord {
        LogRecord(.appStopping, "generation \(number) reports that it is stopping", [.generation(number)])
    }

    static func appReloading(_ number: GenerationNumber) -> LogRecord {
        LogRecord(.appReloading, "generation \(number) reports that it is reloading", [.generation(number)])
    }

    static func appReloaded(_ number: GenerationNumber) -> LogRecord {
        LogRecord(.appReloaded, "generation \(number) reports that it has reloaded", [.generation(number)])
    }
}
