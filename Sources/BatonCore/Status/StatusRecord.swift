/// One line of what Baton tells of itself, to `baton status` over the control socket and to the agent over its link: a flat
/// JSON object with `type` first.
///
/// Names carry their units: `_ms` and `_us` are lengths of time, `_at` is the wall clock in milliseconds since 1970. What is
/// not known is left out.
public struct StatusRecord: Sendable, Hashable {
    public enum Kind: String, Sendable, CaseIterable {
        /// The supervisor as a whole; always the first.
        case baton
        /// One decision of the plan, with its reason.
        case plan
        case source
        case generation
        case agent
        /// One of the last changes, the oldest first.
        case change
        case counter
        /// How long a step of a change took, over all changes.
        case histogram
        /// Says that a request is refused, and why.
        case refused
        /// The last of an answer.
        case end
    }

    public let kind: Kind
    public private(set) var fields: [LogRecord.Field]

    public init(_ kind: Kind, _ fields: [LogRecord.Field] = []) {
        self.kind = kind
        self.fields = fields
    }

    public mutating func add(_ fields: LogRecord.Field...) { self.fields += fields }

    public func text(_ name: String) -> String? {
        if case .text(let text) = fields.first(where: { $0.name == name })?.value { text } else { nil }
    }

    public func number(_ name: String) -> Int64? {
        if case .number(let number) = fields.first(where: { $0.name == name })?.value { number } else { nil }
    }
}

extension StatusRecord {
    public static let lineLimit = 8 * 1024

    /// With its end.
    public var line: String { "\(json)\n" }

    public var json: String {
        var line = "{\"type\":\"\(kind.rawValue)\""
        for field in fields {
            line += ",\(LogRecord.jsonString(field.name)):"
            switch field.value {
            case .number(let number): line += String(number)
            case .text(let text): line += LogRecord.jsonString(String(text.prefix(1000)))
            }
        }
        return line + "}"
    }

    /// Nil for what is none.
    public init?(line: some Collection<UInt8>) {
        guard line.count <= Self.lineLimit, var members = FlatJSON.parse(Array(line)),
            case .text(let type) = members.removeValue(forKey: "type"), let kind = Kind(rawValue: type)
        else { return nil }
        self.init(
            kind, members.sorted { $0.key < $1.key }.map { LogRecord.Field(name: $0.key, value: $0.value) })
    }
}

/// What may be asked of Baton: one word and the end of a line, over the control socket or the agent's link. The answer is
/// records, a line each, with `end` as the last.
public enum StatusRequest: String, Sendable, CaseIterable {
    case status
    case history
    /// Read the configuration again and apply it even where nothing has changed.
    case reload
    /// Apply no change until `resume`.
    case pause
    case resume
    /// Go back to the proven configuration before the current one.
    case rollback

    public static let sizeLimit = 64
}
