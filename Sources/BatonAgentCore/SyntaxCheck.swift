public import BatonCore
import CLibyaml

/// Says whether a file can be read at all. What is wrong is told by its place, never by what stands there.
public enum SyntaxCheck {
    /// What is wrong, in words; nil for nothing.
    public static func problem(in bytes: [UInt8], as syntax: Syntax) -> String? {
        switch syntax {
        case .json: jsonProblem(bytes)
        case .yaml: yamlProblem(bytes)
        }
    }

    // MARK: JSON

    private static func jsonProblem(_ bytes: [UInt8]) -> String? {
        guard String(validating: bytes, as: UTF8.self) != nil else { return "not valid UTF-8" }
        guard let offset = JSONSyntax.firstError(in: bytes) else { return nil }
        let before = bytes[..<offset]
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let column = offset - (before.lastIndex(of: UInt8(ascii: "\n")) ?? -1)
        return "line \(line), column \(column): not valid JSON"
    }

    // MARK: YAML

    /// By libyaml (YAML 1.1): every document to the end of the stream. Nothing is built of it, so that aliases in aliases cost
    /// nothing.
    private static func yamlProblem(_ bytes: [UInt8]) -> String? {
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else { return "out of memory" }
        defer { yaml_parser_delete(&parser) }
        return bytes.withUnsafeBufferPointer { buffer in
            yaml_parser_set_input_string(&parser, buffer.baseAddress, buffer.count)
            var anchors: Set<String> = []
            while true {
                var event = yaml_event_t()
                guard yaml_parser_parse(&parser, &event) == 1 else {
                    return
                        "\(place(parser.problem_mark)): \(parser.problem.map { String(cString: $0) } ?? "not valid YAML")"
                }
                defer { yaml_event_delete(&event) }
                switch event.type {
                case YAML_STREAM_END_EVENT: return nil
                case YAML_DOCUMENT_START_EVENT: anchors = []
                case YAML_SCALAR_EVENT: note(event.data.scalar.anchor, in: &anchors)
                case YAML_SEQUENCE_START_EVENT: note(event.data.sequence_start.anchor, in: &anchors)
                case YAML_MAPPING_START_EVENT: note(event.data.mapping_start.anchor, in: &anchors)
                case YAML_ALIAS_EVENT:
                    let isKnown = event.data.alias.anchor.map { anchors.contains(text($0)) } ?? false
                    if !isKnown { return "\(place(event.start_mark)): an alias without an anchor before it" }
                default: break
                }
            }
        }
    }

    private static func note(_ anchor: UnsafeMutablePointer<yaml_char_t>?, in anchors: inout Set<String>) {
        if let anchor { anchors.insert(text(anchor)) }
    }

    private static func text(_ pointer: UnsafeMutablePointer<yaml_char_t>) -> String { String(cString: pointer) }

    private static func place(_ mark: yaml_mark_t) -> String { "line \(mark.line + 1), column \(mark.column + 1)" }
}
