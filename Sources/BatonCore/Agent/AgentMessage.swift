/// What the agent says to Baton: one JSON object a line, flat, with strings and whole numbers as its only values. The first
/// line names the version.
public enum AgentMessage: Sendable, Hashable {
    public static let version: Int64 = 1
    /// Longer lines are none of the agent's: Baton gives it up.
    public static let sizeLimit = 16 * 1024

    /// The first of all.
    case hello(version: Int64)
    /// The source's content is on the stage, whole; nil revision where it has none.
    case staged(source: String, revision: String?)
    /// An optional source that is not there: the app need not wait for it.
    case absent(source: String)
    /// It wants to know what a `StatusRequest` asks for: the answer comes back over the link.
    case ask(String)
    /// To be logged in the agent's name.
    case log(LogRecord)
}

extension AgentMessage {
    /// The line, with its end.
    public var line: String {
        switch self {
        case .hello(let version): Self.line("hello", [("version", .number(version))])
        case .staged(let source, let revision):
            Self.line("staged", [("source", .text(source))] + (revision.map { [("revision", .text($0))] } ?? []))
        case .absent(let source): Self.line("absent", [("source", .text(source))])
        case .ask(let request): Self.line("ask", [("request", .text(request))])
        case .log(let record):
            Self.line(
                "log",
                [
                    ("level", .text(record.level.rawValue)), ("event", .text(record.event.rawValue)),
                    ("message", .text(String(record.message.prefix(2000)))),
                ] + record.fields.prefix(8).map { ("_" + $0.name, $0.value.shortened) })
        }
    }

    private static func line(_ type: String, _ fields: [(String, LogRecord.Value)]) -> String {
        var line = "{\"type\":\"\(type)\""
        for (name, value) in fields {
            line += ",\(LogRecord.jsonString(name)):"
            switch value {
            case .number(let number): line += String(number)
            case .text(let text): line += LogRecord.jsonString(text)
            }
        }
        return line + "}\n"
    }

    /// Nil for what is no message of this version. Members that are not known are ignored.
    public init?(line: some Collection<UInt8>) {
        guard line.count <= Self.sizeLimit, let members = FlatJSON.parse(Array(line)) else { return nil }
        func text(_ name: String) -> String? { if case .text(let text) = members[name] { text } else { nil } }
        switch text("type") {
        case "hello":
            guard case .number(let version) = members["version"] else { return nil }
            self = .hello(version: version)
        case "staged":
            guard let source = text("source") else { return nil }
            self = .staged(source: source, revision: text("revision"))
        case "absent":
            guard let source = text("source") else { return nil }
            self = .absent(source: source)
        case "ask":
            guard let request = text("request") else { return nil }
            self = .ask(request)
        case "log":
            guard let name = text("event"), let message = text("message") else { return nil }
            let fields = members.filter { $0.key.hasPrefix("_") }.sorted { $0.key < $1.key }.prefix(8)
            self = .log(
                LogRecord(
                    unchecked: LogEvent(rawValue: name) ?? .agentMessage, message,
                    fields.map { LogRecord.Field(name: String($0.key.dropFirst()), value: $0.value) }))
        default: return nil
        }
    }
}

extension LogRecord.Value {
    fileprivate var shortened: LogRecord.Value {
        if case .text(let text) = self { .text(String(text.prefix(500))) } else { self }
    }
}
