/// One change of the configuration on its way to the app.
public struct Change: Sendable, Hashable {
    /// From 1.
    public let number: ChangeNumber
    public let digest: Digest?
    public let cause: Cause
    public let seenAt: Instant

    public enum Cause: String, Sendable, Hashable {
        case source
        /// Somebody asked for it: applied even where the content is the same.
        case reload
        /// Somebody asked to go back to the proven content before.
        case rollback
    }

    public var isManual: Bool { cause != .source }
}

/// How a change ended. Each ends in exactly one of these.
public enum Outcome: Sendable, Hashable {
    public enum Means: String, Sendable, Hashable { case reload, handover, restart, exit, none }

    /// How it is known that the app uses the configuration.
    public enum Proof: String, Sendable, Hashable, CaseIterable {
        /// The app said so: READY=1 after RELOADING=1 or after its start, or its readiness descriptor.
        case app
        /// The probe of BATON_READY said so until probation ended.
        case probe
        /// The app was alive until probation ended, or was seen to serve after its start. Whether an app that was told to reload has
        /// read anything is known by its reload command at best.
        case alive
        /// Nothing was waited for.
        case none
    }

    case applied(Means, Proof)
    /// A newer change, or a stop, came before it was in force, or before it was proven.
    case superseded
    /// It was refused before anything was done with it.
    case rejected(reason: String)
    /// The app failed with it; the last good content is in force again, or is what the app is being started with.
    case rolledBack(reason: String)
    /// The app failed with it, and there was nothing to go back to.
    case failed(reason: String)
}
