// What the log says of starting, readiness and ends.
extension LogRecord {
    static func starting(_ number: GenerationNumber, _ digest: Digest?, beside serving: GenerationNumber?) -> LogRecord
    {
        let beside = serving.map { " beside generation \($0)" } ?? ""
        return LogRecord(
            .info, "generation_starting", "starting generation \(number)\(beside)",
            [.generation(number), .digest(digest)])
    }

    static func launchFailed(_ number: GenerationNumber, _ failure: Supervisor.LaunchFailure) -> LogRecord {
        LogRecord(
            .error, "launch_failed", "cannot start generation \(number): \(failure.reason)", [.generation(number)])
    }

    static func ready(_ generation: Generation, at now: Instant) -> LogRecord {
        let took = now - generation.startedAt
        return LogRecord(
            .info, "generation_ready", "generation \(generation.number) is ready after \(took)",
            [.generation(generation.number), .digest(generation.digest), .seconds("seconds", took)])
    }

    static func cannotScan(_ number: GenerationNumber, _ reason: String) -> LogRecord {
        LogRecord(
            .info, "cannot_look",
            "whether generation \(number) waits for connections cannot be seen (\(reason)): one second alive counts as ready",
            [.generation(number)])
    }

    static func waitsInPart(_ number: GenerationNumber, _ missing: String, _ limit: Interval) -> LogRecord {
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

    static func neverWaits(_ number: GenerationNumber, _ limit: Interval) -> LogRecord {
        LogRecord(
            .warn, "never_waits",
            "generation \(number) has not been seen to wait for connections on its listening socket within \(limit), and is taken "
                + "as ready all the same: does it take the socket (LISTEN_FDS)? Behind a shell, use exec",
            [.generation(number)])
    }

    static func notReady(_ number: GenerationNumber, _ reason: String) -> LogRecord {
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

    static func appStatus(_ number: GenerationNumber, _ status: String) -> LogRecord {
        LogRecord(.info, "app_status", "generation \(number) says: \(status)", [.generation(number)])
    }

    static func appStopping(_ number: GenerationNumber) -> LogRecord {
        LogRecord(.info, "app_stopping", "generation \(number) says that it is stopping", [.generation(number)])
    }

    static func appReloading(_ number: GenerationNumber) -> LogRecord {
        LogRecord(.info, "app_reloading", "generation \(number) says that it reloads", [.generation(number)])
    }

    static func appReloaded(_ number: GenerationNumber) -> LogRecord {
        LogRecord(.info, "app_reloaded", "generation \(number) says that it has reloaded", [.generation(number)])
    }
}
