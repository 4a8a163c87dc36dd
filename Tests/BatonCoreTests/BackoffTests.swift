import Testing

@testable import BatonCore

@Suite struct BackoffTests {
    @Test func backoffDoublesIsBoundedAndStartsAfresh() {
        var random = RandomSource(seed: 1)
        var backoff = Backoff(first: .milliseconds(100), limit: .seconds(30))
        var last = Interval.zero
        for attempt in 0..<200 {
            let full = min(Interval.seconds(30), Interval.milliseconds(100) * (1 << Int64(min(attempt, 20))))
            last = backoff.next(&random)
            #expect(last <= full && last.nanoseconds >= full.nanoseconds / 2)
        }
        #expect(last >= .seconds(15))
        backoff.reset()
        #expect(backoff.next(&random) <= .milliseconds(100))
    }
}
