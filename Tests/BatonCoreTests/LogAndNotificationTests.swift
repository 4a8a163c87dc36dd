import Testing

@testable import BatonCore

@Suite struct LogAndNotificationTests {
    private let record = LogRecord(
        .warn, "source_unreadable", "bad \"name\"\n\u{1b}[31m",
        [.text("source", "/a b"), .number("count", 3), .generation(2)])

    @Test func textCannotForgeLinesOrSteerATerminal() {
        #expect(
            record.line(.text, time: "T")
                == "T baton warn bad \"name\"\\u{a}\\u{1b}[31m source=\"/a b\" count=3 generation=2")
    }

    @Test func jsonIsEscaped() {
        #expect(
            record.line(.json, time: "T")
                == #"{"time":"T","level":"warn","event":"source_unreadable","message":"bad \"name\"\n\u001b[31m","source":"/a b","count":3,"generation":2}"#
        )
    }

    @Test(arguments: LogFormat.allCases) func linesAreBounded(_ format: LogFormat) {
        // What takes six bytes for each of its own, too.
        for text in ["\u{1}é", "\u{1}", "\"", "x"] {
            let long = LogRecord(
                .info, "x", String(repeating: text, count: 10_000), [.text("a", String(repeating: "b", count: 10_000))])
            let line = long.line(format, time: "T")
            #expect(line.utf8.count <= 4095)
            if format == .json { #expect(line.hasSuffix("}")) }
        }
    }

    @Test func notificationsAreRead() {
        let text =
            "READY=1\nSTATUS=Serving\nMAINPID=42\nEXTEND_TIMEOUT_USEC=1500000\nRELOADING=1\nSTOPPING=1\nX_FOO=bar"
        let notification = Notification(datagram: text.utf8)
        #expect(notification.ready && notification.reloading && notification.stopping)
        #expect(notification.status == "Serving" && notification.mainPID == 42)
        #expect(notification.extendTimeout == .milliseconds(1500))
    }

    @Test func nonsenseInNotificationsIsIgnored() {
        var random = RandomSource(seed: 7)
        for text in [
            "", "READY", "READY=2", "=1", "MAINPID=1", "MAINPID=-5", "MAINPID=99999999999", "EXTEND_TIMEOUT_USEC=x",
        ] {
            #expect(Notification(datagram: text.utf8) == Notification())
        }
        for _ in 0..<2000 {
            let bytes = (0..<Int.random(in: 0..<200, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            _ = Notification(datagram: bytes)
        }
        #expect(
            Notification(datagram: "EXTEND_TIMEOUT_USEC=18446744073709551615".utf8).extendTimeout
                == Interval(nanoseconds: .max))
    }
}
