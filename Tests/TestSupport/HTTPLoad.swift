import Glibc

/// Clients that ask without pause, each on a thread of its own, with a new connection for each request. What counts as
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
    private var threads: [pthread_t] = []
    private var lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private var result = Result()
    private var isStopping = false

    /// - Parameter port: on 127.0.0.1.
    public init(port: UInt16, path: String = "/", clients: Int = 6) {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        self.address = address
        self.path = path
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

    private func run() {
        while !locked({ isStopping }) {
            let answer = httpGet(address, path)
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
        }
    }
}

public struct RequestFailure: Error, CustomStringConvertible {
    public let description: String
}

/// One request on 127.0.0.1.
public func httpGet(port: UInt16, path: String = "/") -> Swift.Result<String, RequestFailure> {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    return httpGet(address, path)
}

private func httpGet(_ address: sockaddr_in, _ path: String) -> Swift.Result<String, RequestFailure> {
    func failure(_ what: String) -> Swift.Result<String, RequestFailure> {
        .failure(RequestFailure(description: "\(what): \(String(cString: strerror(errno)))"))
    }
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard fd >= 0 else { return failure("socket") }
    defer { close(fd) }
    var timeout = timeval(tv_sec: 20, tv_usec: 0)
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    var address = address
    let connected = withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
    guard connected == 0 else { return failure("connect") }
    let request = Array("GET \(path) HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".utf8)
    guard send(fd, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return failure("send") }
    var answer: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 16384)
    while true {
        let count = recv(fd, &part, part.count, 0)
        if count < 0 { return failure("receive") }
        if count == 0 { break }
        answer += part.prefix(count)
    }
    let text = String(decoding: answer, as: UTF8.self)
    guard text.hasPrefix("HTTP/1.1 200") || text.hasPrefix("HTTP/1.0 200") else {
        return .failure(
            RequestFailure(description: text.isEmpty ? "closed without an answer" : "status \(text.prefix(12))"))
    }
    let halves = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
    let isWhole = halves.count == 2 && (contentLength(halves[0]).map { $0 == halves[1].utf8.count } ?? true)
    return isWhole ? .success(String(halves[1])) : .failure(RequestFailure(description: "answer cut short"))
}

private func contentLength(_ head: Substring) -> Int? {
    for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix("content-length:") {
        return Int(line.dropFirst(15).filter { $0 != " " })
    }
    return nil
}

/// A port that nobody uses at the moment.
public func freePort() -> UInt16 {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(fd) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
            bind(fd, pointer, size)
            getsockname(fd, pointer, &size)
        }
    }
    return UInt16(bigEndian: address.sin_port)
}
