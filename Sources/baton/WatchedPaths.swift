import BatonCore
import BatonLinux
import BatonWatch
import Glibc

/// Where the sources of the settings are, as files and directories.
enum WatchedPaths {
    /// Mixed into the digests where something secret is watched; the same over the runs of a container.
    static func salt(_ settings: Settings, _ earlier: StageRecord) -> UInt64? {
        let isSecret = settings.subpath == .stage || settings.sources.contains(where: \.isSecret)
        return isSecret ? earlier.salt ?? Random.number() : nil
    }

    static func watcher(_ settings: Settings, _ mounts: Mounts, salt: UInt64?) -> Watcher {
        Watcher(
            paths: settings.sources.map { path(of: $0, settings) }, mounts: mounts,
            configuration: .init(
                strategy: settings.strategy, pollInterval: settings.pollInterval, auditInterval: settings.auditInterval,
                phaseSeed: settings.sources.isEmpty ? 0 : hostSeed(),
                digestSalt: salt)
        )
    }

    static func environmentFiles(_ settings: Settings) -> EnvironmentFiles {
        EnvironmentFiles(
            settings.environmentFrom.map { source in
                let path = settings.stages ? settings.stage + "/" + source.stagePath : path(of: source, settings)
                if case .url(let url) = source { return path + "/" + url.name }
                return path
            })
    }

    /// A file or directory in any case: what the agent fetches ends as one, too.
    private static func path(of source: SourceName, _ settings: Settings) -> String {
        switch source {
        case .object, .url: return SnapshotStage.agentDirectory(of: settings.stage) + "/" + source.stagePath
        case .path(let path) where path.isAbsolute: return path.text
        case .path(let path):
            var buffer = [CChar](repeating: 0, count: 4096)
            guard getcwd(&buffer, buffer.count) != nil else { return path.text }
            return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
                + "/" + path.text
        }
    }

    /// A number of this host, so that the polls of a fleet are spread.
    private static func hostSeed() -> UInt64 {
        var buffer = [CChar](repeating: 0, count: 256)
        gethostname(&buffer, buffer.count - 1)
        return buffer.reduce(5381) { $0 &* 33 &+ UInt64(UInt8(truncatingIfNeeded: $1)) }
    }
}
