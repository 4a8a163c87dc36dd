import BatonCore

@testable import BatonAgentCore

/// An informer with a clock, and everything that it ordered.
struct Follower {
    var informer: Informer
    var now = Instant(nanoseconds: 0)
    var effects: [Informer.Effect] = []

    init(_ source: String = "configmap/web") {
        let parts = source.split(separator: "/").map(String.init)
        informer = Informer(
            ObjectSource(
                kind: parts[0] == "secret" ? .secret : .configMap, namespace: nil, name: parts[1], key: nil,
                isOptional: false), namespace: "fixture", pollInterval: .seconds(5), seed: 1, at: now)
    }

    mutating func tell(_ answers: Informer.Answer...) {
        for answer in answers { effects += informer.handle(answer, at: now) }
    }

    mutating func tell(_ name: String, _ kind: ObjectSource.Kind = .configMap) throws {
        for answer in try Recorded(name).answers(informer.next, kind) { tell(answer) }
    }

    /// What has been delivered since the last question.
    mutating func delivered() -> [[String: String]] {
        defer { effects = effects.filter { if case .deliver = $0 { false } else { true } } }
        return effects.compactMap { effect in
            guard case .deliver(let object) = effect else { return nil }
            return object.files.mapValues { String(decoding: $0, as: UTF8.self) }
        }
    }

    var messages: [String] { effects.compactMap { if case .log(let record) = $0 { record.message } else { nil } } }
}
