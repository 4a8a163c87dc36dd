import Testing

@testable import BatonCore

/// What the agent says, and what PID 1 makes of what anybody says.
@Suite struct AgentMessageTests {
    @Test func everyMessageIsReadAsItWasWritten() {
        let messages: [AgentMessage] = [
            .hello(version: 1), .staged(source: "configmap/web", revision: "42"),
            .staged(source: "https://example.com/ä \"x\"\n", revision: nil), .absent(source: "a/secret/b"),
            .log(
                LogRecord(unchecked: .sourceStale, "tab\there \\ \u{1}", [.text("source", "x"), .number("zone", -3)])),
        ]
        for message in messages {
            let line = Array(message.line.utf8)
            #expect(line.last == UInt8(ascii: "\n") && line.dropLast().allSatisfy { $0 != UInt8(ascii: "\n") })
            #expect(AgentMessage(line: line.dropLast()) == message)
        }
    }

    @Test func longMessagesAreCutToWhatIsRead() {
        let record = LogRecord(
            unchecked: .sourceStale, String(repeating: "\u{1}", count: 100_000),
            (0..<50).map { .text("f\($0)", String(repeating: "é", count: 1000)) })
        let line = AgentMessage.log(record).line
        // Escapes make six bytes of one; even so it fits.
        #expect(line.utf8.count <= AgentMessage.sizeLimit || AgentMessage(line: Array(line.utf8)) == nil)
    }

    @Test(arguments: [
        "", "{", "{}", "[]", "null", "{\"type\":1}", "{\"type\":\"hello\"}", "{\"type\":\"hello\",\"version\":1.5}",
        "{\"type\":\"hello\",\"version\":99999999999999999999}", "{\"type\":\"staged\"}",
        "{\"type\":\"staged\",\"source\":{}}",
        "{\"type\":\"log\",\"level\":\"info\",\"event\":\"source_stale\"}",
        "{\"type\":\"hello\",\"version\":1}x",
        "{\"type\":\"hello\",\"version\":1,}", "{\"type\":\"a\\q\"}", "{\"type\":\"a\\u12\"}", "{\"type\":\"a\nb\"}",
        "{\"type\":\"hello\" \"version\":1}", "{\"type\":\"hello\",\"version\":-}",
    ]) func nonsenseIsNoMessage(_ text: String) { #expect(AgentMessage(line: Array(text.utf8)) == nil) }

    @Test func whatIsNotKnownIsIgnored() {
        let text = " { \"version\" : 1 , \"type\" : \"hello\" , \"new\" : \"\\u00e9\\/\" } "
        #expect(AgentMessage(line: Array(text.utf8)) == .hello(version: 1))
    }

    /// As from an agent of another release.
    @Test func anEventThatIsNotKnownIsAMessageOfTheAgent() {
        let line = "{\"type\":\"log\",\"level\":\"info\",\"event\":\"new_event\",\"message\":\"m\",\"_n\":1}"
        let record = LogRecord(unchecked: .agentMessage, "m", [.number("n", 1)])
        #expect(AgentMessage(line: Array(line.utf8)) == .log(record))
    }

    /// Bytes at random, and messages with bytes at random in them: nothing crashes, and nothing takes long.
    @Test func anythingMayCome() {
        var random = RandomSource(seed: 11)
        let seeds = [
            AgentMessage.hello(version: 1), .staged(source: "configmap/web", revision: "1"),
            .log(LogRecord(.sourceCoalesced, "b", [.text("source", "a"), .number("count", 1)])),
        ].map { Array($0.line.utf8) }
        let alphabet = Array("{}[]\",:\\u0019afe-+. \n\u{0}\u{ff}typehello".utf8)
        for round in 0..<50_000 {
            var bytes = round % 2 == 0 ? [] : seeds[round % seeds.count]
            if bytes.isEmpty { bytes = random.bytes(0..<60, of: alphabet) }
            for _ in 0..<Int.random(in: 0..<6, using: &random) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                default: bytes.insert(alphabet.randomElement(using: &random) ?? 0, at: index)
                }
            }
            if let message = AgentMessage(line: bytes) { _ = message.line }
        }
        #expect(AgentMessage(line: [UInt8](repeating: 0x20, count: AgentMessage.sizeLimit + 1)) == nil)
    }
}
