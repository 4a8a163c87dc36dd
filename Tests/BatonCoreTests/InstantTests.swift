import Testing

@testable import BatonCore

@Suite struct InstantTests {
    @Test func timesSaturateInsteadOfOverflowing() {
        #expect(Instant(nanoseconds: .max) + .seconds(1) == Instant(nanoseconds: .max))
        #expect(Interval.seconds(.max) == Interval(nanoseconds: .max))
        #expect(Interval(nanoseconds: .max) * 3 == Interval(nanoseconds: .max))
    }

    @Test(arguments: [
        (Interval.milliseconds(250), "250ms"), (.seconds(5), "5s"), (.seconds(120), "2m"),
        (.milliseconds(1250), "1.25s"),
        (.zero, "0ms"), (Interval(nanoseconds: 4000), "4us"),
    ])
    func intervalsAreWrittenAsInSettings(_ interval: Interval, _ text: String) { #expect(interval.description == text) }
}
