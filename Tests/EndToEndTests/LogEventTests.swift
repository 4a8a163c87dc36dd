import BatonCore
import Glibc
import TestSupport
import Testing

/// The names of events, their levels and fields are an interface: the article lists all of them, and the program makes no other
/// records.
@Suite struct LogEventTests {
    @Test func theArticleListsEveryEvent() {
        let lines = readFile(Stand.package + "/Sources/BatonCore/Documentation.docc/LogEvents.md").split(
            separator: "\n")
        let rows = lines.filter { $0.hasPrefix("| `") }.map { $0.split(separator: "|") }
        let listed = rows.filter { $0.count == 4 }.map { row in
            row.prefix(3).map { $0.filter { $0 != " " && $0 != "`" } }.joined(separator: " ")
        }
        let expected = LogEvent.allCases.map { event in
            let fields = event.fields.isEmpty ? "none" : event.fields.joined(separator: ",")
            return "\(event) \(event.level.rawValue) \(fields)"
        }
        #expect(listed == expected)
        let explained = rows.filter { $0.count == 3 }.map { $0[0] }.joined()
        for field in Set(LogEvent.allCases.flatMap(\.fields)) { #expect(explained.contains("`\(field)`")) }
    }

    /// In a debug build the initializer compares the fields; here also those of records that no unit test makes.
    @Test func theSourceMakesEveryEventWithItsFields() {
        var unused = Set(LogEvent.allCases)
        // What the agent sends, and Baton does not know.
        unused.remove(.agentMessage)
        var compared = 0
        for source in Self.sources() {
            for call in Self.calls(source) {
                unused.subtract(call.events)
                guard let fields = call.fields else { continue }
                for event in call.events {
                    #expect(fields == event.fields, "\(event)")
                    compared += 1
                }
            }
        }
        #expect(unused.isEmpty)
        #expect(compared > LogEvent.allCases.count * 3 / 4)
    }

    /// The program's source files.
    private static func sources() -> [String] {
        var found: [String] = []
        for depth in 1...4 {
            var paths = glob_t()
            defer { globfree(&paths) }
            let pattern = Stand.package + "/Sources" + String(repeating: "/*", count: depth) + ".swift"
            guard glob(pattern, 0, nil, &paths) == 0 else { continue }
            for index in 0..<Int(paths.gl_pathc) {
                if let path = paths.gl_pathv[index] { found.append(readFile(String(cString: path))) }
            }
        }
        return found
    }

    /// A place where a record is made.
    private struct Call {
        /// Those that it may be of.
        let events: [LogEvent]
        /// Nil where they do not stand there one by one.
        let fields: [String]?
    }

    private static func calls(_ source: String) -> [Call] {
        source.matches(of: #/(LogRecord|record|message\) = )\(\s*/#).map { match in
            let text = arguments(source[match.range.upperBound...])
            let names = text.prefix { $0 != "\"" }.matches(of: #/\.(\w+)/#).map { $0.1.lowercased() }
            let events = LogEvent.allCases.filter { event in names.contains(event.rawValue.filter { $0 != "_" }) }
            guard match.1 == "LogRecord", !text.contains("fields") else { return Call(events: events, fields: nil) }
            let fields = text.matches(
                of: #/\.(?:(?:text|number|seconds)\("(\w+)"|(generation|change|digest|successor)\()/#)
            return Call(events: events, fields: fields.compactMap { ($0.1 ?? $0.2).map(String.init) })
        }
    }

    /// Up to the parenthesis that closes the call.
    private static func arguments(_ text: Substring) -> Substring {
        var depth = 1
        for index in text.indices {
            if text[index] == "(" { depth += 1 }
            if text[index] == ")" { depth -= 1 }
            if depth == 0 { return text[..<index] }
        }
        return text
    }
}
