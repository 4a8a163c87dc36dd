/// One change of the configuration on its way to the app.
public struct Change: Sendable, Hashable {
    /// From 1.
    public let number: ChangeNumber
    public let digest: Digest?
    /// Asked for by hand: applied even where the content is the same.
    public let isManual: Bool
    public let seenAt: Instant
}

/// How a change ended. Each ends in exactly one of these.
public enum Outcome: Sendable, Hashable {
    public enum Means: String, Sendable, Hashable { case reload, handover, restart, exit, none }
    case applied(Means)
    /// A newer change, or a stop, came before it was in force.
    case superseded
    /// It was refused before anything was done with it.
    case rejected(reason: String)
    /// Its generation failed; the one before serves on with what it had.
    case rolledBack(reason: String)
}
