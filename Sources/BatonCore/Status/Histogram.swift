/// Counts lengths of time by size, as Prometheus has histograms.
public struct Histogram: Sendable, Hashable {
    /// Upper bounds of the buckets in milliseconds; what is longer goes into one more.
    public static let bounds: [Int64] = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000]

    /// By bucket, not cumulative.
    public private(set) var counts = [Int64](repeating: 0, count: bounds.count + 1)
    public private(set) var sum = Interval.zero

    public init() {}

    public mutating func add(_ interval: Interval) {
        let milliseconds = Interval(nanoseconds: max(0, interval.nanoseconds))
        let index = Self.bounds.firstIndex { milliseconds <= .milliseconds($0) } ?? Self.bounds.count
        counts[index] += 1
        sum = sum + milliseconds
    }

    public var count: Int64 { counts.reduce(0, +) }
}
