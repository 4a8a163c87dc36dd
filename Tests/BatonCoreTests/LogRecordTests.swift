import Testing

@testable import BatonCore

@Suite struct LogRecordTests {
    private let record = LogRecord(
        unchecked: .sourceUnreadable, "bad \"name\"\n\u{1b}[31m",
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
                unchecked: .appStatus, String(repeating: text, count: 10_000),
                [.text("a", String(repeating: "b", count: 10_000))])
            let line = long.line(format, time: "T")
            #expect(line.utf8.count <= 4095)
            if format == .json { #expect(line.hasSuffix("}")) }
        }
    }
}
