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
