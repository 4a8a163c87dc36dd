import Glibc

/// A condition that did not come true in time.
public struct TimedOut: Error, CustomStringConvertible {
    public let description: String
    public init(_ description: String) { self.description = description }
}

/// Nanoseconds of CLOCK_MONOTONIC.
public func monotonicNow() -> Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
}

/// Looks until the condition holds. The deadline is far longer than it should take: it ends a broken test, nothing else.
///
/// - Parameter pause: milliseconds from look to look; 0 where what is looked for lasts shorter than that.
public func waitUntil(
    _ what: String, seconds: Double = 20, pause: Int32 = 3, _ condition: () throws -> Bool
) throws {
    let deadline = monotonicNow() + Int64(seconds * 1e9)
    while try !condition() {
        guard monotonicNow() < deadline else { throw TimedOut("\(what): not within \(seconds) s") }
        poll(nil, 0, pause)
    }
}
