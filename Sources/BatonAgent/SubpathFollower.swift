import AsyncHTTPClient
import BatonAgentCore
import BatonCore
import BatonLinux
import NIOCore
import NIOHTTP1

/// Finds out which object lies behind a subPath mount, and follows it from then on.
final class SubpathFollower {
    private let mount: SubpathMount
    private let api: API
    private let pod: String?
    private let directory: String
    private let link: Link
    private let statistics: Statistics
    private let pollInterval: Interval
    private var told: String?
    private var random = RandomSource(seed: Random.number())
    private var backoff = Backoff(first: .seconds(2), limit: .seconds(300))

    init(
        _ mount: SubpathMount, _ api: API, pod: String?, directory: String, _ link: Link, _ statistics: Statistics,
        pollInterval: Interval
    ) {
        self.mount = mount
        self.api = api
        self.pod = pod
        self.directory = directory
        self.link = link
        self.statistics = statistics
        self.pollInterval = pollInterval
    }

    /// Why it cannot be found out, in words.
    private struct Failure: Error { let reason: String }

    func follow() async {
        while !Task.isCancelled {
            do {
                return await follow(try await trace())
            } catch {
                await tell(error.reason)
                try? await Task.sleep(for: .nanoseconds(backoff.next(&random).nanoseconds))
            }
        }
    }

    private func follow(_ projection: SubpathProjection) async {
        let object = projection.object
        await link.log(
            LogRecord(
                .subpathResolved,
                "reading \(mount.point) from the API: it is \(projection.keys.joined(separator: ", ")) of \(object)",
                [.text("source", mount.point)]))
        let stage = Stage(directory, isSecret: object.kind == .secret, [mount.point], link, statistics)
        await KubernetesSource(
            object, isOptional: true, api, stage, link, statistics, pollInterval: pollInterval, projection: projection
        ).follow()
    }

    private func trace() async throws(Failure) -> SubpathProjection {
        guard let pod else {
            throw Failure(reason: "the name of the Pod is unknown: set POD_NAME (fieldRef metadata.name)")
        }
        let namespace = api.namespace ?? "default"
        let answer: (code: UInt, body: [UInt8])
        do {
            answer = try await ask("/api/v1/namespaces/\(namespace)/pods/\(pod)")
        } catch let error as API.Unusable {
            throw Failure(reason: error.reason)
        } catch let error {
            throw Failure(reason: BatonAgent.reason(error))
        }
        switch answer.code {
        case 200: break
        case 403:
            throw Failure(
                reason: "the service account needs a Role in namespace \(namespace) with the rule "
                    + "{apiGroups: [\"\"], resources: [pods], verbs: [get]}")
        case 404:
            throw Failure(
                reason:
                    "no Pod \(pod) in namespace \(namespace): if the host name is not the name of the Pod, set POD_NAME "
                    + "(fieldRef metadata.name)")
        default: throw Failure(reason: "the API server answers the request for Pod \(pod) with status \(answer.code)")
        }
        do {
            return try PodTrace(answer.body).follow(mount)
        } catch let error as PodTrace.Untraceable {
            throw Failure(reason: error.reason)
        } catch let error as Undecodable {
            throw Failure(reason: error.reason)
        } catch {
            throw Failure(reason: "the API server sent an invalid Pod")
        }
    }

    private func ask(_ path: String) async throws -> (code: UInt, body: [UInt8]) {
        let client = try api.client()
        do {
            let response = try await client.execute(try api.request(path, []), timeout: .seconds(30))
            let body = try await response.body.collect(upTo: API.sizeLimit)
            try? await client.shutdown()
            return (response.status.code, Array(body.readableBytesView))
        } catch {
            try? await client.shutdown()
            throw error
        }
    }

    private func tell(_ reason: String) async {
        guard reason != told else { return }
        told = reason
        await link.log(
            LogRecord(
                .subpathUnresolved,
                "cannot find the object behind \(mount.point), so the app reads the mount: \(reason)",
                [.text("source", mount.point)]))
    }
}
