public import BatonCore
import CBatonShims
import Glibc

extension SocketOption {
    /// Where a call to setsockopt(2) has its value.
    public struct Address: Sendable, Hashable {
        public let level: Int32
        public let name: Int32
        /// In the caller's memory.
        public let value: UInt64

        public init(level: Int32, name: Int32, value: UInt64) {
            self.level = level
            self.name = name
            self.value = value
        }
    }

    static let reuseAddress = SocketOption(level: Level.socket, name: SO_REUSEADDR, value: 1)
    /// Several sockets of one user on one address.
    static let reusePort = SocketOption(level: Level.socket, name: SO_REUSEPORT, value: 1)
    static let noDelay = SocketOption(level: Level.tcp, name: TCP_NODELAY, value: 1)

    static func isIPv6Only(_ isOnly: Bool) -> SocketOption {
        SocketOption(level: Level.ipv6, name: IPV6_V6ONLY, value: isOnly ? 1 : 0)
    }

    static func deferAccept(seconds: Int32) -> SocketOption {
        SocketOption(level: Level.tcp, name: TCP_DEFER_ACCEPT, value: seconds)
    }

    /// Those that a listener hands on to its connections or that are its own. Not among them: what Baton's sockets have in any case
    /// (SO_REUSEADDR, TCP_NODELAY), what needs a privilege (SO_MARK), and what tells Baton's sockets apart.
    private static let carriedNames: [(level: Int32, name: Int32)] = [
        (Level.ipv6, IPV6_V6ONLY), (Level.socket, SO_REUSEPORT), (Level.tcp, TCP_DEFER_ACCEPT),
        (Level.tcp, TCP_FASTOPEN), (Level.ip, IP_FREEBIND), (Level.socket, SO_KEEPALIVE), (Level.tcp, TCP_KEEPIDLE),
        (Level.tcp, TCP_KEEPINTVL), (Level.tcp, TCP_KEEPCNT), (Level.tcp, TCP_USER_TIMEOUT), (Level.tcp, TCP_SYNCNT),
        (Level.tcp, TCP_WINDOW_CLAMP), (Level.tcp, TCP_LINGER2), (Level.socket, SO_RCVBUF), (Level.socket, SO_SNDBUF),
        (Level.socket, SO_PRIORITY), (Level.socket, SO_RCVLOWAT), (Level.ip, IP_TOS), (Level.ip, IP_TTL),
        (Level.ipv6, IPV6_TCLASS), (Level.ipv6, IPV6_UNICAST_HOPS),
    ]

    /// The options in which a TCP socket differs from a new one, of those that its successor is to have.
    public static func carried(from socket: borrowing FileDescriptor) -> [SocketOption] {
        guard let family = number(of: socket.number, Level.socket, SO_DOMAIN) else { return [] }
        let fresh = Glibc.socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard fresh >= 0 else { return [] }
        let usual = FileDescriptor(owning: fresh)
        var options: [SocketOption] = []
        for (level, name) in carriedNames where level != Level.ipv6 || family == AF_INET6 {
            guard let theirs = number(of: socket.number, level, name),
                let ours = number(of: usual.number, level, name), theirs != ours
            else { continue }
            // The kernel doubles the sizes of buffers that it is asked for (socket(7)).
            let isDoubled = level == Level.socket && (name == SO_RCVBUF || name == SO_SNDBUF)
            options.append(SocketOption(level: level, name: name, value: isDoubled ? theirs / 2 : theirs))
        }
        return options
    }

    /// getsockopt(2); nil where this kind of socket has no such option.
    static func number(of socket: Int32, _ level: Int32, _ name: Int32) -> Int32? {
        var value: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(socket, level, name, &value, &size) == 0 ? value : nil
    }

    /// Best effort: an option that this kernel or the container refuses costs less than the listener.
    public func apply(to socket: Int32) { _ = set(on: socket) }

    /// setsockopt(2). False with errno.
    func set(on socket: Int32) -> Bool {
        var value = value
        return setsockopt(socket, level, name, &value, socklen_t(MemoryLayout<Int32>.size)) == 0
    }
}
