public import BatonCore
import CBatonShims
import Glibc

/// A client's socket that is bound and not yet connected: Baton knows its source address and port before the app's socket
/// sees it, so it can be steered to one generation while everybody else goes to another.
public struct ReadinessProbe: ~Copyable, Sendable {
    private let fd: FileDescriptor
    private let endpoint: ListenAddress.Endpoint
    /// The source, in network order: 4 bytes or 16.
    public let address: [UInt8]
    public let port: UInt16

    /// How long the app may take for each step of an answer.
    private static let patience = timeval(tv_sec: 1, tv_usec: 0)

    /// - Parameter endpoint: a TCP address with its real port. The source is the same address, since a machine that speaks to
    ///   itself speaks from where it speaks to; the loopback one where the app listens on every address.
    public init(_ endpoint: ListenAddress.Endpoint) throws(LinuxError) {
        guard case .tcp(let host, let port) = endpoint else {
            throw LinuxError("ask", endpoint.description, errno: EINVAL)
        }
        guard var bytes = host.bytes else { throw LinuxError("ask", endpoint.description, errno: EINVAL) }
        if host == .any || host == .ipv4("0.0.0.0") { bytes = [127, 0, 0, 1] }
        if host.isMapped { bytes = Array(bytes.suffix(4)) }
        if host == .ipv6("::") { bytes = [UInt8](repeating: 0, count: 15) + [1] }
        let family = bytes.count == 4 ? AF_INET : AF_INET6
        let number = socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw .last("create a socket to probe", endpoint.description) }
        let socket = FileDescriptor(owning: number)
        guard baton_bind_internet(number, bytes, UInt32(bytes.count), 0) == 0, let own = Sockets.port(of: socket) else {
            throw .last("bind a socket to probe", endpoint.description)
        }
        fd = socket
        self.endpoint = .tcp(host, port: port)
        address = bytes
        self.port = own
    }

    /// Asks in a child of its own, whose exit code is 0 for yes: what comes over the network is not read in PID 1.
    /// - Parameter path: for a GET; nil only connects, and asks whether the app takes the connection.
    /// - Parameter listener: the listening socket, to see whether the connection is still in its queue.
    public borrowing func ask(path: String?, through listener: Int32) throws(LinuxError) -> ProcessID {
        let number = fd.number
        let destination = address
        guard case .tcp(_, let destinationPort) = endpoint else {
            throw LinuxError("ask", endpoint.description, errno: EINVAL)
        }
        return try forkHelper(keeping: number, listener) {
            _exit(ReadinessProbe.isReady(number, destination, destinationPort, path, listener) ? 0 : 1)
        }
    }

    // MARK: the child's side

    private static func isReady(_ fd: Int32, _ address: [UInt8], _ port: UInt16, _ path: String?, _ listener: Int32)
        -> Bool
    {
        var limit = patience
        for option in [SO_RCVTIMEO, SO_SNDTIMEO] {
            setsockopt(fd, SOL_SOCKET, option, &limit, socklen_t(MemoryLayout<timeval>.size))
        }
        guard baton_connect_internet(fd, address, UInt32(address.count), port) == 0 else { return false }
        guard let path else { return isTaken(listener) }
        let request = Array(
            "GET \(path) HTTP/1.1\r\nHost: localhost\r\nUser-Agent: baton\r\nConnection: close\r\n\r\n".utf8)
        guard send(fd, request, request.count, Int32(MSG_NOSIGNAL)) == request.count else { return false }
        // The status line is all that counts: "HTTP/1.1 200".
        var answer: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 512)
        while answer.count < 12 {
            let count = recv(fd, &part, part.count, 0)
            guard count > 0 else { return false }
            answer += part.prefix(count)
        }
        let line = String(decoding: answer.prefix(12), as: UTF8.self)
        guard line.hasPrefix("HTTP/1."), let status = Int(line.suffix(3)) else { return false }
        // Read to the end, so that the app does not meet a reset.
        while recv(fd, &part, part.count, 0) > 0 {}
        return (200..<400).contains(status)
    }

    /// The kernel completes a connection whether or not anybody accepts it: only a queue that empties shows that the app does.
    private static func isTaken(_ listener: Int32) -> Bool {
        for _ in 0..<100 {
            if baton_accept_queue(listener) == 0 { return true }
            poll(nil, 0, 10)
        }
        return false
    }
}
