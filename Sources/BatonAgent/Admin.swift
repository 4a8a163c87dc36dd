import BatonAgentCore
import BatonCore
import BatonLinux
import NIOConcurrencyHelpers
import NIOCore
import NIOHTTP1
import NIOPosix

/// What BATON_ADMIN serves: read-only, to whoever can reach the address. Everything is asked of Baton over the link, at most a
/// few times a second however many ask here.
actor Admin {
    private let link: Link
    private let statistics: Statistics
    private var last: (records: [StatusRecord], at: Instant)?
    private var asking: Task<[StatusRecord], Never>?

    /// An answer of Baton's serves everyone for so long.
    private static let freshness: Interval = .milliseconds(200)

    init(_ link: Link, _ statistics: Statistics) {
        self.link = link
        self.statistics = statistics
    }

    struct Answer: Sendable {
        var status: HTTPResponseStatus = .ok
        var type = "text/plain; charset=utf-8"
        var body: String
        var headers: [(String, String)] = []
    }

    func answer(_ head: HTTPRequestHead) async -> Answer {
        guard head.method == .GET || head.method == .HEAD else {
            return Answer(
                status: .methodNotAllowed, body: "only GET and HEAD are allowed\n", headers: [("Allow", "GET, HEAD")])
        }
        let path = head.uri.prefix { $0 != "?" }
        switch path {
        case "/": return page()
        case "/healthz": return Answer(body: "ok\n")
        case "/readyz": return await readiness()
        case "/status": return await status()
        case "/metrics": return await metrics(.init(accept: head.headers.first(name: "Accept")))
        default:
            return Answer(status: .notFound, body: "not found; available: /, /status, /metrics, /healthz, /readyz\n")
        }
    }

    private func page() -> Answer {
        Answer(
            type: "text/html; charset=utf-8", body: AdminPage.html,
            headers: [
                (
                    "Content-Security-Policy",
                    "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; connect-src 'self'"
                ),
                ("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "no-referrer"),
            ])
    }

    private func readiness() async -> Answer {
        let records = await records()
        guard let baton = records.first(where: { $0.kind == .baton }) else { return gone }
        if baton.number("ready") == 1 { return Answer(body: "ready\n") }
        let reason =
            switch baton.text("phase") {
            case "waiting": baton.text("awaits").map { "waiting for \($0)" } ?? "preparing the configuration"
            case "running": "no generation is ready"
            default: "stopping"
            }
        return Answer(status: .serviceUnavailable, body: reason + "\n")
    }

    private func status() async -> Answer {
        let records = await records()
        guard !records.isEmpty else { return gone }
        return Answer(
            type: "application/json", body: StatusRecord.document(records), headers: [("Cache-Control", "no-store")])
    }

    private func metrics(_ form: Metrics.Form) async -> Answer {
        let records = await records()
        guard !records.isEmpty else { return gone }
        return Answer(
            type: form.contentType, body: Metrics.text(records, statistics.families(at: Clock.now()), form))
    }

    private var gone: Answer { Answer(status: .serviceUnavailable, body: "Baton does not answer\n") }

    private func records() async -> [StatusRecord] {
        if let last, Clock.now() - last.at < Self.freshness { return last.records }
        if let asking { return await asking.value }
        let link = link
        let task = Task { await link.ask(.status) + link.ask(.history).filter { $0.kind == .change } }
        asking = task
        let records = await task.value
        last = (records, Clock.now())
        asking = nil
        return records
    }
}

// MARK: the server

extension Admin {
    /// So many connections at once; what is more is closed at once.
    private static let connectionLimit = 256
    /// A request that has not come whole by then, and a connection on which none comes, is closed.
    private static let patience: TimeAmount = .seconds(10)

    /// Listens until the agent ends.
    nonisolated func serve(_ address: AdminAddress) async {
        let open = NIOLockedValueBox(0)
        let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.backlog, value: 4096)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let count = open.withLockedValue { count in
                        count += 1
                        return count
                    }
                    channel.closeFuture.whenComplete { _ in open.withLockedValue { $0 -= 1 } }
                    guard count <= Self.connectionLimit else { return channel.close(promise: nil) }
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.configureHTTPServerPipeline(withErrorHandling: true)
                    try pipeline.addHandler(AdminConnection(self, patience: Self.patience))
                }
            }
        var isTold = false
        while !Task.isCancelled {
            do {
                let server = try await bootstrap.bind(host: address.host, port: Int(address.port)).get()
                let port = server.localAddress?.port ?? Int(address.port)
                let host = address.host.contains(":") ? "[\(address.host)]" : address.host
                await link.log(
                    LogRecord(
                        .adminListening, "serving status, metrics and health checks at http://\(host):\(port)/",
                        [.text("address", "\(host):\(port)")]))
                try await server.closeFuture.get()
            } catch {
                if !isTold {
                    await link.log(
                        LogRecord(
                            .adminFailed,
                            "cannot listen on \(address.host):\(address.port) (BATON_ADMIN): \(error); trying again every 5s"
                        ))
                }
                isTold = true
                try? await Task.sleep(for: .seconds(5))
            }
        }
    }
}

/// One client: a request after the other.
private final class AdminConnection: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let admin: Admin
    private let patience: TimeAmount
    private var head: HTTPRequestHead?
    private var timer: Scheduled<Void>?
    private var bodyBytes = 0

    /// Requests are asked with nothing in them; this much is let go by.
    private static let bodyLimit = 4096

    init(_ admin: Admin, patience: TimeAmount) {
        self.admin = admin
        self.patience = patience
    }

    func channelActive(context: ChannelHandlerContext) {
        arm(context)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            bodyBytes = 0
        case .body(let part):
            bodyBytes += part.readableBytes
            if bodyBytes > Self.bodyLimit { context.close(promise: nil) }
        case .end:
            guard let head else { return }
            self.head = nil
            timer?.cancel()
            answer(head, context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func arm(_ context: ChannelHandlerContext) {
        timer?.cancel()
        let channel = context.channel
        timer = context.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
    }

    private func answer(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let admin = admin
        let promise = context.eventLoop.makePromise(of: Admin.Answer.self)
        promise.completeWithTask { await admin.answer(head) }
        promise.futureResult.whenSuccess { answer in
            let (connection, context) = bound.value
            connection.write(answer, to: head, context)
        }
    }

    private func write(_ answer: Admin.Answer, to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        var headers: HTTPHeaders = [
            "Content-Type": answer.type, "Content-Length": String(answer.body.utf8.count), "Server": "baton",
        ]
        for (name, value) in answer.headers { headers.add(name: name, value: value) }
        if !head.isKeepAlive { headers.add(name: "Connection", value: "close") }
        context.write(
            wrapOutboundOut(.head(.init(version: head.version, status: answer.status, headers: headers))), promise: nil)
        if head.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: answer.body)))), promise: nil)
        }
        // A client that does not read is given as long as one that does not ask.
        arm(context)
        let isLast = !head.isKeepAlive
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            if isLast { channel.close(promise: nil) }
        }
    }
}
