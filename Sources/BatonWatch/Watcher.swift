public import BatonCore
import BatonLinux

/// All sources, and the two that watch them: `sightings` tells that something has moved, `reader` what the sources contain.
public final class Watcher {
    public struct Configuration: Sendable {
        public var strategy: StrategyChoice
        public var pollInterval: Interval
        public var auditInterval: Interval
        /// Spreads the polls of a fleet: a number of this host.
        public var phaseSeed: UInt64
        /// Mixed into every digest, so that who reads the log cannot check a guess of a secret against it.
        public var digestSalt: UInt64?

        public init(
            strategy: StrategyChoice, pollInterval: Interval, auditInterval: Interval, phaseSeed: UInt64,
            digestSalt: UInt64? = nil
        ) {
            self.strategy = strategy
            self.pollInterval = pollInterval
            self.auditInterval = auditInterval
            self.phaseSeed = phaseSeed
            self.digestSalt = digestSalt
        }
    }

    public let sightings: Sightings
    public let reader: SnapshotReader
    let sources: [WatchedSource]

    public init(paths: [String], mounts: Mounts, configuration: Configuration) {
        if !paths.isEmpty { mounts.readOnce() }
        sources = paths.enumerated().map { index, path in
            WatchedSource(Path(path), index: index, configuration, mounts.table)
        }
        sightings = Sightings(sources, mounts, configuration)
        reader = SnapshotReader(sources, mounts, salt: configuration.digestSalt)
    }

    /// What each source is, how it is watched and why.
    public var explanations: [(path: String, Classification)] { sources.map { ($0.path.text, $0.classification) } }
}
