import AsyncHTTPClient
import BatonAgentCore
import BatonCore
import BatonLinux
import NIOCore
import NIOHTTP1

/// Makes the requests that the poll plans, and tells it what comes of them.
final class URLFollower {
    private let source: URLSource
    private let settings: URLSettings
    private let stage: Stage
    private let link: Link
    private let statistics: Statistics
    private var poll: URLPoll

    init(_ source: URLSource, _ settings: URLSettings, _ stage: Stage, _ link: Link, _ statistics: Statistics) {
        self.source = source
        self.settings = settings
        self.stage = stage
        self.link = link
        self.statistics = statistics
        poll = URLPoll(source, interval: settings.interval, seed: Random.number(), at: Clock.now())
    }

    func follow() async {
        while !Task.isCancelled {
            if poll.wait > .zero { try? await Task.sleep(for: .nanoseconds(poll.wait.nanoseconds)) }
            let answer = await ask()
            let effects = poll.handle(answer, at: Clock.now())
            statistics.update(source.description) {
                $0.lastLife = poll.lastLife
                switch answer {
                case .content, .notModified: break
                case .refused, .broken: $0.failures += 1
                }
            }
            for effect in effects {
                switch effect {
                case .deliver(let content):
                    await stage.offer([source.name: content], revision: poll.validators.entityTag)
                case .log(let record): await link.log(record)
                }
            }
        }
    }

    private func ask() async -> URLPoll.Answer {
        let timeout = TimeAmount.nanoseconds(settings.timeout.nanoseconds)
        let client: HTTPClient
        do {
            // A token goes to the host that it is meant for: the client drops it where a redirect leads elsewhere.
            client = try makeClient(
                redirects: .follow(max: 5, allowCycles: false), timeout: .init(connect: timeout, read: timeout),
                trusting: settings.caFile)
        } catch {
            return .broken("\(settings.caFile ?? "") does not contain readable certificates (BATON_URL_CA_FILE)")
        }
        let answer = await ask(client, timeout)
        try? await client.shutdown()
        return answer
    }

    private func ask(_ client: HTTPClient, _ timeout: TimeAmount) async -> URLPoll.Answer {
        var request = HTTPClientRequest(url: source.url)
        var token: String?
        if let file = settings.tokenFile {
            token = try? readSmallFile(file, limit: 64 * 1024)
            guard token != nil else { return .broken("\(file) cannot be read (BATON_URL_TOKEN_FILE)") }
        }
        request.headers = headers(token: token)
        if let tag = poll.validators.entityTag { request.headers.add(name: "If-None-Match", value: tag) }
        if let date = poll.validators.lastModified { request.headers.add(name: "If-Modified-Since", value: date) }
        do {
            let response = try await client.execute(request, timeout: timeout)
            if response.status == .notModified { return .notModified }
            guard response.status == .ok else {
                return .refused(Int(response.status.code), retryAfter: retryAfter(response, upTo: 3600))
            }
            let body = try await response.body.collect(upTo: settings.sizeLimit)
            return .content(
                Array(body.readableBytesView),
                .init(
                    entityTag: response.headers.first(name: "ETag"),
                    lastModified: response.headers.first(name: "Last-Modified")))
        } catch is NIOTooManyBytesError {
            return .broken("it is larger than \(settings.sizeLimit) bytes (BATON_URL_SIZE_LIMIT)")
        } catch {
            return .broken(reason(error))
        }
    }
}
