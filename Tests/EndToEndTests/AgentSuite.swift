import TestSupport

/// A suite of apps whose configuration comes by the agent.
protocol AgentSuite {
    var directory: TemporaryDirectory { get }
}

extension AgentSuite {
    var stage: String { directory.file("stage") }

    /// Prints these files of the stage when it starts and when it is told, each with a blank behind it.
    func reader(_ files: [String]) -> [String] {
        Stand.reader(files.map { "\(stage)/\($0)" }.joined(separator: " ") + " | tr '\\n' ' '")
    }

    func start(_ cluster: Cluster, _ watch: String, _ command: [String], _ settings: [String: String] = [:]) throws
        -> RunningProcess
    {
        let base = ["BATON_ON_CHANGE": "reload", "BATON_POLL_INTERVAL": "200ms"]
        return try Stand.run(
            command,
            base.merging(cluster.settings(watch, stage: stage)) { own, _ in own }.merging(settings) { _, new in new })
    }
}
