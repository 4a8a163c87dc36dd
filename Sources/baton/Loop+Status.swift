import BatonCore
import BatonLaunch
import BatonLinux
import BatonWatch
import Glibc

// What Baton tells of itself, over the control socket and to the agent.
extension Loop {
    /// - Parameter request: a line of it, without its end.
    func answer(_ request: String) -> String {
        let records =
            switch StatusRequest(rawValue: request) {
            case .status: statusRecords()
            case .history: [overview()] + supervisor.historyRecords(wall: wall)
            case .reload: reload()
            case .rollback: rollBack()
            case .pause: pause()
            case .resume: ask(.resumeAsked)
            case nil: refused("unknown request")
            }
        return (records + [StatusRecord(.end)]).map(\.line).joined()
    }

    /// So many sources are told of: an answer is bounded whatever the settings are.
    private static let sourceLimit = 100

    private func statusRecords() -> [StatusRecord] {
        let sources = watcher.status(names: settings.sources.map(\.description), wall: wall)
            .prefix(Self.sourceLimit).map(withAgentsStrategy)
        let numbers = generations.map(\.0)
        let connections = NumberMap(zip(numbers, launcher.sockets.connections(of: numbers)))
        let own = supervisor.status(at: Clock.now(), wall: wall).map { record in
            switch record.kind {
            case .generation: withProcess(record, connections)
            case .agent: withAgent(record)
            default: record
            }
        }
        let counters = [
            ("watch_missed_total", Int64(watcher.sightings.missed)),
            ("log_dropped_total", Int64(clamping: logger.dropped)),
        ].map { StatusRecord(.counter, [.text("name", $0.0), .number("value", $0.1)]) }
        return [overview()] + sources + own + counters
    }

    private func overview() -> StatusRecord {
        var record = supervisor.overview(wall: wall)
        record.add(
            .text("version", Baton.version), .number("pid", Int64(getpid())), .number("now", Clock.wallMilliseconds()),
            .number("started_at", wall(startedAt)))
        return record
    }

    private func withProcess(
        _ record: StatusRecord, _ connections: NumberMap<GenerationNumber, Supervisor.Connections?>
    ) -> StatusRecord {
        guard let number = record.number("generation").map({ GenerationNumber(Int($0)) }),
            let generation = generations[number]
        else {
            return record
        }
        var record = record
        record.add(.number("pid", Int64(generation.pid.value)))
        if let connections = connections[number] ?? nil {
            record.add(
                .number("open", Int64(connections.open)), .number("idle", Int64(connections.idle)),
                .number("queued", Int64(connections.queued)))
        }
        return record
    }

    private func withAgent(_ record: StatusRecord) -> StatusRecord {
        guard let agent else { return record }
        var record = record
        record.add(.number("pid", Int64(agent.pid.value)))
        return record
    }

    /// What Baton watches of them is what the agent lays down.
    private func withAgentsStrategy(_ record: StatusRecord) -> StatusRecord {
        guard let name = record.text("source"),
            let source = settings.sources.first(where: { Path($0.description) == Path(name) })
        else { return record }
        switch source {
        case .path:
            let isStaged =
                record.text("path").map {
                    Path($0).relative(to: Path(SnapshotStage.agentDirectory(of: settings.stage))) != nil
                } ?? false
            return isStaged ? record.replacing(kind: "subPath mount", strategy: "api") : record
        case .object(let object): return record.replacing(kind: object.kind.rawValue, strategy: "api")
        case .url: return record.replacing(kind: "URL", strategy: "poll")
        }
    }

    private func reload() -> [StatusRecord] {
        guard supervisor.phase == .running else { return refused("the app is not running yet, or is stopping") }
        return ask(.reloadAsked)
    }

    private func rollBack() -> [StatusRecord] {
        if let refusal = supervisor.rollbackRefusal { return refused(refusal) }
        return ask(.rollbackAsked)
    }

    private func pause() -> [StatusRecord] {
        switch supervisor.phase {
        case .waiting, .running: ask(.pauseAsked)
        case .stopping, .exited: refused("Baton is stopping")
        }
    }

    private func ask(_ event: Supervisor.Event) -> [StatusRecord] {
        enqueue(event)
        return [overview()]
    }

    private func refused(_ reason: String) -> [StatusRecord] { [StatusRecord(.refused, [.text("reason", reason)])] }

    private func wall(_ instant: Instant) -> Int64 {
        Clock.wallMilliseconds() - (Clock.now() - instant).nanoseconds / 1_000_000
    }
}

extension StatusRecord {
    fileprivate func replacing(kind: String, strategy: String) -> StatusRecord {
        StatusRecord(
            self.kind,
            fields.map { field in
                switch field.name {
                case "kind": .text("kind", kind)
                case "strategy": .text("strategy", strategy)
                default: field
                }
            })
    }
}
