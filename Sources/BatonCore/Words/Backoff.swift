/// Waiting times that double from `first` to `limit`, each with up to half of itself taken off at random, so that a
/// fleet that failed together does not come back together.
public struct Backoff: Sendable, Hashable {
    public let first: Interval
    public let limit: Interval
    /// How often in a row it has been asked.
    public private(set) var failures = 0

    public init(first: Interval, limit: Interval) {
        self.first = first
        self.limit = limit
    }

    public mutating func next(_ random: inout RandomSource) -> Interval {
        let doublings = min(failures, 40)
        failures = min(failures + 1, 1_000_000)
        let full = min(limit, first * (1 << Int64(doublings)))
        let half = Interval(nanoseconds: full.nanoseconds / 2)
        return half + random.interval(upTo: half)
    }

    public mutating func reset() { failures = 0 }
}
