public import Glibc

/// Clients that ask in a closed loop, each on a thread of its own. What counts as
/// served: a whole answer with status 200.
public final class HTTPLoad: @unchecked Sendable {
    public struct Result: Sendable {
        public var requests = 0
        public var failures: [String: Int] = [:]
        /// Answers by their body, with the time of the first.
        public var bodies: [String: Int] = [:]
        public var firstSeen: [String: Int64] = [:]
        public var failed: Int { failures.values.reduce(0, +) }
    }

    private let address: sockaddr_in
    private let path: String
    private let requestsPerConnection: Int
    private let pause: Int32
    private var threads: [pthread_t] = []
    private var lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var result = Result()
    private var isStopping = false

    /// - Parameter port: on 127.0.0.1.
    /// - Parameter requestsPerConnection: after so many a client takes a new connection, as connection pools do.
    /// - Parameter pause: milliseconds between an answer and the client's next request; above 0 where many loads share a machine.
    public init(
        port: UInt16, path: String = "/", clients: Int = 6, requestsPerConnection: Int = 1, pause: Int32 = 0
    ) {
        address = loopback(port)
        self.path = path
        self.requestsPerConnection = requestsPerConnection
        self.pause = pause
        pthread_mutex_init(lock, nil)
        for _ in 0..<clients {
            var thread = pthread_t()
            let context = Unmanaged.passRetained(self).toOpaque()
            let body: @convention(c) (UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? = { context in
                guard let context else { return nil }
                Unmanaged<HTTPLoad>.fromOpaque(context).takeRetainedValue().run()
                return nil
            }
            if pthread_create(&thread, nil, body, context) == 0 { threads.append(thread) }
        }
    }

    deinit {
        pthread_mutex_destroy(lock)
        lock.deallocate()
    }

    private func locked<T>(_ body: () -> T) -> T {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        return body()
    }

    public var current: Result { locked { result } }

    public func stop() -> Result {
        locked { isStopping = true }
        for thread in threads { pthread_join(thread, nil) }
        threads = []
        return current
    }

    /// Once there have been so many requests: a busy machine takes longer, and shows as much.
    public func stop(after requests: Int) throws -> Result {
        try waitUntil("\(requests) requests") { current.requests > requests }
        return stop()
    }

    private func run() {
        var connection: HTTPConnection?
        while !locked({ isStopping }) {
            if let used = connection, used.isOver || used.requests >= requestsPerConnection { connection = nil }
            let answer = ask(over: &connection)
            let now = monotonicNow()
            locked {
                result.requests += 1
                switch answer {
                case .success(let body):
                    result.bodies[body, default: 0] += 1
                    if result.firstSeen[body] == nil { result.firstSeen[body] = now }
                case .failure(let reason): result.failures[reason.description, default: 0] += 1
                }
            }
            if pause > 0 { poll(nil, 0, pause) }
        }
    }

    /// Over a new connection where there is none; there is none any more after a failure.
    private func ask(over connection: inout HTTPConnection?) -> Swift.Result<String, RequestFailure> {
        do throws(RequestFailure) {
            let current = if let connection { connection } else { try HTTPConnection(address) }
            connection = current
            return .success(try current.get(path, isLast: current.requests == requestsPerConnection - 1))
        } catch {
            connection = nil
            return .failure(error)
        }
    }
}

public struct RequestFailure: Error, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }

    static func last(_ what: String) -> RequestFailure {
        RequestFailure("\(what): \(String(cString: strerror(errno)))")
    }
}

/// One request on 127.0.0.1.
public func httpGet(port: UInt16, path: String = "/") -> Swift.Result<String, RequestFailure> {
    Swift.Result { () throws(RequestFailure) in try HTTPConnection(loopback(port)).get(path, isLast: true) }
}

/// Until the first one answers. One that opens its socket itself may be taken as ready before: after a second, as Baton cannot
/// know of a first generation that it will listen.
public func waitForAnswer(port: UInt16, _ text: String) throws {
    try waitUntil("the answer \(text)", seconds: 60) { (try? httpGet(port: port).get()) == text }
}

/// 127.0.0.1.
public func loopback(_ port: UInt16) -> sockaddr_in {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return address
}

/// A client's end of a connection, for one request after the other. Any answer that is not whole counts as lost, and so does
/// a connection that was closed while it was idle: nothing is tried again.
private final class HTTPConnection {
    private let fd: Int32
    private(set) var requests = 0
    /// The server has said that it closes.
    private(set) var isOver = false

    init(_ address: sockaddr_in) throws(RequestFailure) {
        fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard fd >= 0 else { throw .last("socket") }
        var timeout = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = address
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw .last("connect") }
    }

    deinit { close(fd) }

    /// - Parameter isLast: the server is asked to close afterwards.
    func get(_ path: String, isLast: Bool) throws(RequestFailure) -> String {
        requests += 1
        let connection = isLast ? "Connection: close\r\n" : ""
        let request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\(connection)\r\n".utf8)
        guard send(fd, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else {
            throw .last("send")
        }
        var answer: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 16384)
        while true {
            if let body = try whole(answer, hasEnded: false) { return body }
            let count = recv(fd, &part, part.count, 0)
            if count < 0 { throw .last("receive") }
            if count == 0 {
                guard let body = try whole(answer, hasEnded: true) else { throw RequestFailure("answer cut short") }
                return body
            }
            answer += part.prefix(count)
        }
    }

    /// The body, once it is all there; without a Content-Length it lasts until the end.
    private func whole(_ answer: [UInt8], hasEnded: Bool) throws(RequestFailure) -> String? {
        if answer.isEmpty {
            if hasEnded { throw RequestFailure("closed without an answer") }
            return nil
        }
        let halves = String(decoding: answer, as: UTF8.self)
            .split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2 else { return nil }
        guard halves[0].hasPrefix("HTTP/1.1 200") || halves[0].hasPrefix("HTTP/1.0 200") else {
            throw RequestFailure("status \(halves[0].prefix(12))")
        }
        if halves[0].lowercased().contains("\r\nconnection: close") { isOver = true }
        guard let length = contentLength(halves[0]) else { return hasEnded ? String(halves[1]) : nil }
        return halves[1].utf8.count >= length ? String(halves[1]) : nil
    }
}

private func contentLength(_ head: Substring) -> Int? {
    for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix("content-length:") {
        return Int(line.dropFirst(15).filter { $0 != " " })
    }
    return nil
}
