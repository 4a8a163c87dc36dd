import Testing

@testable import BatonLinux

@Suite struct ClockTests {
    @Test(
        arguments: [
            (0, 0, "1970-01-01T00:00:00.000Z"), (951_827_696, 7, "2000-02-29T12:34:56.007Z"),
            (1_709_251_199, 999, "2024-02-29T23:59:59.999Z"),
            (1_709_251_200, 0, "2024-03-01T00:00:00.000Z"), (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
            (1_798_761_599, 12, "2026-12-31T23:59:59.012Z"),
        ] as [(Int64, Int64, String)])
    func timesAreWrittenAsInRFC3339(_ seconds: Int64, _ milliseconds: Int64, _ text: String) {
        #expect(Clock.rfc3339(seconds: seconds, milliseconds: milliseconds) == text)
    }
}
