/// A moment on a clock that only moves forward (CLOCK_MONOTONIC outside, a virtual one in simulation).
public struct Instant: Comparable, Hashable, Sendable {
    /// Nanoseconds since the clock's own beginning.
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static func < (a: Instant, b: Instant) -> Bool { a.nanoseconds < b.nanoseconds }

    /// Saturates instead of overflowing: a deadline beyond the clock's end never comes, which is what is meant.
    public static func + (instant: Instant, interval: Interval) -> Instant {
        let (sum, overflow) = instant.nanoseconds.addingReportingOverflow(interval.nanoseconds)
        return Instant(nanoseconds: overflow ? .max : sum)
    }

    public static func - (a: Instant, b: Instant) -> Interval {
        let (difference, overflow) = a.nanoseconds.subtractingReportingOverflow(b.nanoseconds)
        return Interval(nanoseconds: overflow ? .max : difference)
    }
}

/// A length of time, in nanoseconds. (Swift's own Duration is 128 bits wide, which nothing here needs.)
public struct Interval: Comparable, Hashable, Sendable {
    public var nanoseconds: Int64

    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    public static let zero = Interval(nanoseconds: 0)
    public static func milliseconds(_ count: Int64) -> Interval { Interval(saturating: count, times: 1_000_000) }
    public static func seconds(_ count: Int64) -> Interval { Interval(saturating: count, times: 1_000_000_000) }

    /// `count` units of `unit` nanoseconds, held at the largest interval where the product does not fit.
    public init(saturating count: Int64, times unit: Int64) {
        let (product, overflow) = count.multipliedReportingOverflow(by: unit)
        nanoseconds = overflow ? (count < 0 ? .min : .max) : product
    }

    public static func < (a: Interval, b: Interval) -> Bool { a.nanoseconds < b.nanoseconds }
    public static func * (a: Interval, factor: Int64) -> Interval { Interval(saturating: a.nanoseconds, times: factor) }

    public static func - (a: Interval, b: Interval) -> Interval {
        let (difference, overflow) = a.nanoseconds.subtractingReportingOverflow(b.nanoseconds)
        return Interval(nanoseconds: overflow ? .max : difference)
    }

    public static func + (a: Interval, b: Interval) -> Interval {
        let (sum, overflow) = a.nanoseconds.addingReportingOverflow(b.nanoseconds)
        return Interval(nanoseconds: overflow ? .max : sum)
    }
}

extension Interval: CustomStringConvertible {
    /// The shortest of the forms that settings use: `250ms`, `5s`, `2m`; fractions of a second as `1.25s`.
    public var description: String {
        let milliseconds = nanoseconds / 1_000_000
        if nanoseconds != 0, milliseconds == 0 { return "\(nanoseconds / 1000)us" }
        if milliseconds < 1000 { return "\(milliseconds)ms" }
        if milliseconds % 60_000 == 0 { return "\(milliseconds / 60_000)m" }
        if milliseconds % 1000 == 0 { return "\(milliseconds / 1000)s" }
        let fraction = String(milliseconds % 1000)
        var digits = String(repeating: "0", count: 3 - fraction.count) + fraction
        while digits.hasSuffix("0") { digits.removeLast() }
        return "\(milliseconds / 1000).\(digits)s"
    }
}
