import Testing

@testable import BatonCore

@Suite struct SignalTests {
    @Test(arguments: [
        ("HUP", 1), ("SIGHUP", 1), ("hup", 1), ("10", 10), ("RTMIN", 34), ("RTMIN+3", 37), ("RTMAX-1", 63),
        ("SIGRTMAX", 64), ("CLD", 17),
    ])
    func signalsAreRead(_ text: String, _ number: Int32) { #expect(Signal(text)?.number == number) }

    @Test(arguments: ["", "0", "65", "-1", "HUPP", "RTMIN+31", "RTMAX+1", "SIG"])
    func nonsenseIsNoSignal(_ text: String) { #expect(Signal(text) == nil) }

    @Test func everySignalCanBeReadBackByItsName() {
        for number in 1...64 as ClosedRange<Int32> {
            let signal = Signal(number: number)
            #expect(signal != nil && signal.flatMap { Signal($0.description) } == signal)
        }
    }
}
