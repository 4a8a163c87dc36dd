import BatonCore
import BatonLinux
import Glibc

/// What must be there before the agent is started.
enum AgentSetup {
    /// Beside Baton's own file.
    static let program: String = {
        let own = (try? readLink("/proc/self/exe")) ?? "/usr/local/bin/baton"
        return own.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/baton-agent"
    }()

    struct Stage {
        /// Sources of which nothing has ever been there.
        var awaited = Set<String>()
        var records: [LogRecord] = []
        /// What an earlier run has left there.
        var earlier = StageRecord()
        private var reporter = StageReporter()

        /// Before anything is removed: another Baton may have it in force.
        mutating func claim(_ path: String) throws(LinuxError) {
            let directory = SnapshotStage(path, run: "")
            try directory.make()
            if let lock = try StageLock.take(path) {
                // Held until Baton ends.
                _ = lock.release()
            } else {
                records.append(
                    LogRecord(
                        .stageNotLocked,
                        "cannot lock \(path) on this file system: make sure that no other Baton uses the same BATON_STAGE",
                        [.text("path", path)]))
            }
            earlier = try directory.prepare()
        }

        mutating func prepare(_ directory: StageDirectory, _ owner: Owner?) throws(LinuxError) {
            if let findings = try directory.prepare() { records += reporter.records(findings) }
            if let owner { try changeOwner(of: directory.path, uid: owner.uid, gid: owner.gid) }
        }

        /// The first time that one of its directory comes.
        mutating func prepare(_ source: SourceName, _ directory: StageDirectory, _ owner: Owner?, in stage: String)
            throws(LinuxError)
        {
            try prepare(directory, owner)
            guard source.isSecret, !FileSystemType.isInMemory(directory.path) else { return }
            records.append(
                LogRecord(
                    .secretOnDisk,
                    "\(source) is stored on a disk: mount an emptyDir with medium: Memory at \(stage)",
                    [.text("source", source.description)]))
        }

        mutating func note(_ source: SourceName, isEmpty: Bool) {
            if isEmpty {
                awaited.insert(source.description)
            } else {
                records.append(
                    LogRecord(
                        .stageReused, "the stage has \(source) from an earlier run: the app starts with it",
                        [.text("source", source.description)]))
            }
        }
    }

    /// Whom the directories belong to that the agent writes, where that is not Baton's own user.
    typealias Owner = (uid: UInt32, gid: UInt32)

    /// Makes the directories that the agent writes, before Baton gives up its rights.
    static func prepareStage(_ settings: Settings, _ subpaths: [SubpathMount], owner: Owner?) throws(LinuxError)
        -> Stage
    {
        var stage = Stage()
        guard settings.stages else { return stage }
        let agents = SnapshotStage.agentDirectory(of: settings.stage)
        try stage.claim(settings.stage)
        try SnapshotStage.makeAgentDirectory(of: settings.stage)
        for path in [settings.stage, agents] {
            if let owner { try changeOwner(of: path, uid: owner.uid, gid: owner.gid) }
        }
        for mount in subpaths {
            // What lies in memory may be a Secret.
            let isSecret = FileSystemType.isInMemory(mount.point)
            try stage.prepare(StageDirectory(agents + "/" + mount.stageDirectory, isSecret: isSecret), owner)
        }
        var prepared: Set<String> = []
        for source in settings.sources {
            guard let name = source.stageDirectory else { continue }
            let directory = StageDirectory(agents + "/" + name, isSecret: source.isSecret)
            if prepared.insert(name).inserted { try stage.prepare(source, directory, owner, in: settings.stage) }
            stage.note(source, isEmpty: directory.isEmpty)
        }
        return stage
    }
}
