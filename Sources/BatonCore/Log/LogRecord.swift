/// How much a log line matters.
public enum LogLevel: String, Sendable, CaseIterable, Comparable {
    case error, warn, info, debug

    private var rank: Int {
        switch self {
        case .error: 0
        case .warn: 1
        case .info: 2
        case .debug: 3
        }
    }

    public static func < (a: LogLevel, b: LogLevel) -> Bool { a.rank < b.rank }
}

public enum LogFormat: String, Sendable, CaseIterable { case text, json }

/// One event, one line: what happened in words, and the same as fields that a machine can read.
public struct LogRecord: Sendable, Hashable {
    public var event: LogEvent
    public var message: String
    public var fields: [Field]

    public struct Field: Sendable, Hashable {
        public let name: String
        public let value: Value
    }

    public enum Value: Sendable, Hashable {
        case text(String)
        case number(Int64)
    }

    public var level: LogLevel { event.level }

    /// - Parameter fields: those of the event, all of them and in their order.
    public init(_ event: LogEvent, _ message: String, _ fields: [Field] = []) {
        assert(fields.map(\.name) == event.fields, "\(event) has the fields \(event.fields)")
        self.init(unchecked: event, message, fields)
    }

    /// For a record that comes from outside, and may have any fields.
    init(unchecked event: LogEvent, _ message: String, _ fields: [Field]) {
        self.event = event
        self.message = message
        self.fields = fields
    }
}

extension LogRecord.Field {
    public static func generation(_ number: GenerationNumber) -> Self {
        .init(name: "generation", value: .number(Int64(number.value)))
    }
    public static func change(_ number: ChangeNumber) -> Self {
        .init(name: "change", value: .number(Int64(number.value)))
    }
    /// The generation that new connections go to.
    public static func successor(_ number: GenerationNumber?) -> Self {
        .init(name: "successor", value: number.map { .number(Int64($0.value)) } ?? .text("none"))
    }
    public static func digest(_ digest: Digest?) -> Self {
        .init(name: "digest", value: .text(digest?.description ?? "none"))
    }
    public static func text(_ name: String, _ value: String) -> Self { .init(name: name, value: .text(value)) }
    public static func number(_ name: String, _ value: Int64) -> Self { .init(name: name, value: .number(value)) }
    public static func seconds(_ name: String, _ value: Interval) -> Self {
        .init(name: name, value: .text(LogRecord.decimalSeconds(value)))
    }
}

extension LogRecord {
    /// Milliseconds are what a reader of logs can use.
    static func decimalSeconds(_ interval: Interval) -> String {
        let milliseconds = max(0, interval.nanoseconds / 1_000_000)
        let fraction = String(milliseconds % 1000)
        return "\(milliseconds / 1000)." + String(repeating: "0", count: 3 - fraction.count) + fraction
    }
}
