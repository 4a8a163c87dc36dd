import Testing

@testable import BatonCore

@Suite struct WordsTests {
    @Test(arguments: [
        ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
        ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        (
            "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
        ),
        (String(repeating: "a", count: 1_000_000), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"),
    ])
    func sha256AsInFIPS180(_ text: String, _ digest: String) {
        var hash = SHA256()
        hash.update(text)
        #expect(hash.finish().hexadecimal == digest)
    }

    @Test func sha256DoesNotDependOnHowItsInputIsCut() {
        let text = String(repeating: "0123456789", count: 50)
        var whole = SHA256()
        whole.update(text)
        let expected = whole.finish()
        for size in 1...130 {
            var hash = SHA256()
            var rest = Substring(text)
            while !rest.isEmpty {
                hash.update(String(rest.prefix(size)))
                rest = rest.dropFirst(size)
            }
            #expect(hash.finish() == expected)
        }
    }

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

    @Test(arguments: [
        ("a b", ["a", "b"]), ("  a  'b c' ", ["a", "b c"]), ("a\"b c\"d", ["ab cd"]), ("''", [""]), ("a\\ b", ["a b"]),
        ("\"a\\\"b\\n\"", ["a\"b\\n"]), ("'a\\b'", ["a\\b"]), ("", []),
    ])
    func wordsAreSplitAsByAShell(_ line: String, _ words: [String]) throws {
        #expect(try ShellWords.split(line) == words)
    }

    @Test func unfinishedWordsAreRefused() {
        #expect(throws: ShellWords.Problem.unclosedQuote("'")) { try ShellWords.split("a 'b") }
        #expect(throws: ShellWords.Problem.danglingBackslash) { try ShellWords.split("a\\") }
    }

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
