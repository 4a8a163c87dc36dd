import BatonCore
import TestSupport

@testable import BatonAgentCore

/// An answer recorded from a real kube-apiserver (v1.36.2).
struct Recorded {
    let code: Int
    let retryAfter: Interval?
    let body: [UInt8]

    init(_ name: String) {
        let folder = #filePath.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
        let text = readFile("\(folder)/Resources/\(name).http").split(
            separator: "\r\n", omittingEmptySubsequences: false
        )
        .joined(separator: "\n")
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        code = lines.first.flatMap { Int($0.split(separator: " ")[1]) } ?? 0
        retryAfter = lines.first { $0.hasPrefix("Retry-After: ") }.flatMap { Int64($0.dropFirst(13)) }
            .map { .seconds($0) }
        body = Array(lines.drop { !$0.isEmpty }.dropFirst().joined(separator: "\n").utf8)
    }

    /// What the agent makes of it.
    func answers(_ request: Informer.Request, _ kind: ObjectSource.Kind = .configMap) throws -> [Informer.Answer] {
        let decoder = ObjectDecoder(kind)
        guard code == 200 else { return [.refused(decoder.status(body, code: code), retryAfter: retryAfter)] }
        switch request {
        case .list: return [.list(try decoder.list(body))]
        case .get: return [.object(try decoder.object(body))]
        case .watch, .watchList:
            var lines = LineSplitter(limit: 1 << 20)
            return try lines.add(body).map { .event(try decoder.event($0)) }
        }
    }
}

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
