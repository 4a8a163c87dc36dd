import BatonCore
import Testing

@testable import BatonAgentCore

@Suite struct ObjectDecoderTests {
    @Test func nonsenseIsToldWithoutAWordOfTheContent() {
        let decoder = ObjectDecoder(.secret)
        for text in [
            "", "{]", "[]", "{\"type\":\"ADDED\"}", "{\"type\":\"ODD\",\"object\":{}}",
            "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"uid\":\"u\",\"resourceVersion\":\"1\"},\"data\":{\"key\":\"hunter2!\"}}}",
            "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"uid\":\"u\"},\"data\":{\"key\":\"hunter2!\"}}}",
        ] {
            do {
                _ = try decoder.event(Array(text.utf8))
                Issue.record("\(text) was taken")
            } catch { #expect(!error.reason.isEmpty && !error.reason.contains("hunter2")) }
        }
    }
}
