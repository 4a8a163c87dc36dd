import Foundation
import Hummingbird

/// A Swift server as one writes it: reads its configuration once, listens by itself, ends in order on SIGTERM (the service group
/// of `runService` sees to that).
@main
struct App {
    struct Configuration: Decodable { let greeting: String }

    static func main() async throws {
        let file = CommandLine.arguments.dropFirst().first ?? "/etc/app/app.json"
        let data = try Data(contentsOf: URL(fileURLWithPath: file))
        let configuration = try JSONDecoder().decode(Configuration.self, from: data)
        let router = Router()
        router.get("/") { _, _ in configuration.greeting }
        let app = Application(
            router: router, configuration: .init(address: .hostname("127.0.0.1", port: 18088)))
        try await app.runService(gracefulShutdownSignals: [.sigterm])
    }
}
