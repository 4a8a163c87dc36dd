import Testing

@testable import BatonCore

@Suite struct HistogramTests {
    @Test func aHistogramCountsBySize() {
        var histogram = Histogram()
        for milliseconds: Int64 in [0, 1, 2, 60_000, 60_001, -5] { histogram.add(.milliseconds(milliseconds)) }
        #expect(histogram.counts.first == 3 && histogram.counts.last == 1 && histogram.count == 6)
        #expect(histogram.sum == .milliseconds(120_004))
    }
}
