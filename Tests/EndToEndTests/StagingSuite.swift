import TestSupport

/// A suite of apps that read their configuration on the stage.
protocol StagingSuite {
    var directory: TemporaryDirectory { get }
}

extension StagingSuite {
    var config: String { directory.file("config") }
    var stage: String { directory.file("stage") }
    /// Where the app finds what is watched.
    var staged: String { stage + "/files" + config }

    func start(_ command: [String], _ settings: [String: String]) throws -> RunningProcess {
        let base = [
            "BATON_WATCH": config, "BATON_STAGE": stage, "BATON_ON_CHANGE": "reload", "BATON_STAGE_FILES": "on",
            "BATON_SETTLE": "10ms",
        ]
        return try Stand.run(command, base.merging(settings) { _, new in new })
    }

    func versions() -> Int { listDirectory(stage).filter { $0.hasPrefix("..20") }.count }
}
