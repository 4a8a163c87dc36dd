import AsyncHTTPClient
import BatonAgentCore
import BatonCore
import BatonLinux
import NIOCore
import NIOHTTP1

/// Makes the requests that the informer plans, and tells it what comes of them.
final class KubernetesSource {
    private let source: ObjectSource
    private let isOptional: Bool
    private let api: API
    private let stage: Stage
    private let link: Link
    private let statistics: Statistics
    private let decoder: ObjectDecoder
    private let namespace: String
    /// Nil: every key is a file.
    private let projection: SubpathProjection?
    private var informer: Informer
    private var isAbsentTold = false
    private var isGapTold = false

    init(
        _ source: ObjectSource, isOptional: Bool, _ api: API, _ stage: Stage, _ link: Link,
        _ statistics: Statistics, pollInterval: Interval,
        projection: SubpathProjection? = nil
    ) {
        self.projection = projection
        self.source = source
        self.isOptional = isOptional
        self.api = api
        self.stage = stage
        self.link = link
        self.statistics = statistics
        decoder = ObjectDecoder(source.kind)
        namespace = source.namespace ?? api.namespace ?? "default"
        informer = Informer(
            source, namespace: namespace, pollInterval: pollInterval, seed: Random.number(), at: Clock.now())
    }

    func follow() async {
        while !Task.isCancelled {
            if informer.wait > .zero { try? await Task.sleep(for: .nanoseconds(informer.wait.nanoseconds)) }
            do {
                let client = try api.client()
                await make(informer.next, client)
                try? await client.shutdown()
            } catch {
                await tell(.broken(error.reason))
            }
        }
    }

    private func tell(_ answer: Informer.Answer) async {
        defer {
            statistics.update(source.description) {
                $0.lastLife = informer.lastLife
                $0.outOfOrder = Int64(informer.outOfOrder)
                if answer.isFailure { $0.failures += 1 }
            }
        }
        for effect in informer.handle(answer, at: Clock.now()) {
            switch effect {
            case .deliver(let object): await deliver(object)
            case .missing:
                guard isOptional, !isAbsentTold else { continue }
                isAbsentTold = true
                await stage.tellAbsent()
            case .log(let record): await link.log(record)
            }
        }
    }

    private func deliver(_ object: KubernetesObject) async {
        if let files = projection.map({ $0.content(of: object) }) ?? object.files {
            isGapTold = false
            await stage.offer(files, revision: object.version)
        } else if !isGapTold {
            isGapTold = true
            await link.log(
                LogRecord(
                    .sourceKeysMissing,
                    "\(source) does not have all of the keys \(projection?.keys.joined(separator: ", ") ?? ""); its last content stays in "
                        + "force",
                    [.text("source", source.description)]))
        }
    }

    private var collection: String { "/api/v1/namespaces/\(namespace)/\(source.kind.resource)" }

    private func make(_ request: Informer.Request, _ client: HTTPClient) async {
        // With resourceNames in the Role nothing but this selector is allowed.
        let selector = ("fieldSelector", "metadata.name=\(source.name)")
        let stream = [
            selector, ("watch", "true"), ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", "\(Int.random(in: 300...600))"),
        ]
        do {
            switch request {
            case .list: await ask(client, try api.request(collection, [selector])) { .list(try self.decoder.list($0)) }
            case .get:
                await ask(client, try api.request("\(collection)/\(source.name)", [])) {
                    .object(try self.decoder.object($0))
                }
            case .watchList:
                await watch(
                    client,
                    try api.request(
                        collection, stream + [("sendInitialEvents", "true"), ("resourceVersionMatch", "NotOlderThan")]))
            case .watch(let version):
                await watch(client, try api.request(collection, stream + [("resourceVersion", version)]))
            }
        } catch {
            await tell(.broken(error.reason))
        }
    }

    /// One question, one answer.
    private func ask(
        _ client: HTTPClient, _ request: HTTPClientRequest, decode: (ByteBufferView) throws -> Informer.Answer
    ) async {
        do {
            let response = try await client.execute(request, timeout: .seconds(30))
            let body = try await response.body.collect(upTo: API.sizeLimit).readableBytesView
            guard response.status == .ok else { return await tell(refusal(response, body)) }
            await tell(try decode(body))
        } catch let error as Undecodable {
            await tell(.broken("invalid answer: \(error.reason)"))
        } catch {
            await tell(.broken(reason(error)))
        }
    }

    private func watch(_ client: HTTPClient, _ request: HTTPClientRequest) async {
        do {
            let response = try await client.execute(request, deadline: .distantFuture)
            guard response.status == .ok else {
                return await tell(refusal(response, try await response.body.collect(upTo: 64 * 1024).readableBytesView))
            }
            var lines = LineSplitter(limit: API.sizeLimit)
            for try await part in response.body {
                for line in try lines.add(part.readableBytesView) {
                    let event = try decoder.event(line)
                    await tell(.event(event))
                    // It is over with this stream.
                    if case .error = event { return }
                }
            }
            await tell(lines.isEmpty ? .ended : .broken("the connection was closed within an event"))
        } catch let error as Undecodable {
            await tell(.broken("invalid event: \(error.reason)"))
        } catch let error as HTTPClientError where error == .readTimeout {
            await tell(.silent)
        } catch {
            await tell(.broken(reason(error)))
        }
    }

    private func refusal(_ response: HTTPClientResponse, _ body: ByteBufferView) -> Informer.Answer {
        .refused(
            decoder.status(body, code: Int(response.status.code)), retryAfter: retryAfter(response, upTo: 300))
    }
}

extension Informer.Answer {
    fileprivate var isFailure: Bool {
        switch self {
        case .list, .object, .event, .ended: false
        case .refused, .broken, .silent: true
        }
    }
}
