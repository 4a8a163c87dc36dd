public import BatonCore
import CBatonShims
import Glibc

/// Listening sockets, as BATON_LISTEN asks for them.
public enum Sockets {
    /// Waiting connections that the kernel keeps for us; it caps the number at net.core.somaxconn (listen(2)).
    public static let backlog: Int32 = 4096

    /// Opens, binds and, for streams, listens. Blocking, as systemd hands sockets over; close-on-exec.
    public static func open(_ address: ListenAddress.Endpoint) throws(LinuxError) -> FileDescriptor {
        switch address {
        case .tcp, .udp:
            let socket = try bound(address)
            if case .tcp = address { try startListening(socket.number, address.description) }
            return socket
        case .unix(let path): return try openUnix(path, isPath: true, address.description)
        case .abstract(let name): return try openUnix("\0" + name, isPath: false, address.description)
        }
    }

    /// A socket of the internet that is bound and does not listen yet.
    /// - Parameter prepare: sets options on the new socket before it is bound; false with errno when one is refused.
    /// - Throws: EINVAL for a unix address.
    public static func bound(_ address: ListenAddress.Endpoint, prepare: (Int32) -> Bool = { _ in true })
        throws(LinuxError) -> FileDescriptor
    {
        let thing = address.description
        switch address {
        case .tcp(let host, let port): return try bound(host, port, stream: true, thing, prepare)
        case .udp(let host, let port): return try bound(host, port, stream: false, thing, prepare)
        case .unix, .abstract: throw LinuxError(.bind, thing, errno: EINVAL)
        }
    }

    private static func bound(
        _ host: ListenAddress.Host, _ port: UInt16, stream: Bool, _ thing: String, _ prepare: (Int32) -> Bool
    ) throws(LinuxError) -> FileDescriptor {
        guard let address = host.bytes else { throw LinuxError(.bind, thing, errno: EINVAL) }
        do {
            return try bound(address, port, stream, thing, prepare, dualStack: host == .any || host.isMapped)
        } catch  where host == .any && (error.errno == EAFNOSUPPORT || error.errno == EADDRNOTAVAIL) {
            return try bound([0, 0, 0, 0], port, stream, thing, prepare, dualStack: false)
        }
    }

    private static func bound(
        _ address: [UInt8], _ port: UInt16, _ stream: Bool, _ thing: String, _ prepare: (Int32) -> Bool, dualStack: Bool
    ) throws(LinuxError) -> FileDescriptor {
        let isIPv6 = address.count == 16
        let socket = try newSocket(isIPv6 ? AF_INET6 : AF_INET, stream, thing)
        guard prepare(socket.number) else { throw .last(.prepare, thing) }
        if isIPv6, !SocketOption.isIPv6Only(!dualStack).set(on: socket.number) { throw .last(.prepare, thing) }
        guard baton_bind_internet(socket.number, address, UInt32(address.count), port) == 0 else {
            throw .last(.bind, thing)
        }
        return socket
    }

    private static func newSocket(_ family: Int32, _ stream: Bool, _ thing: String) throws(LinuxError) -> FileDescriptor
    {
        let kind = Int32(stream ? SOCK_STREAM.rawValue : SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let number = socket(family, kind, 0)
        guard number >= 0 else { throw .last("create a socket for", thing) }
        let fd = FileDescriptor(owning: number)
        guard stream, family != AF_UNIX else { return fd }
        SocketOption.reuseAddress.apply(to: fd.number)
        // Accepted sockets inherit it; servers that are given a descriptor often forget to set it.
        SocketOption.noDelay.apply(to: fd.number)
        return fd
    }

    static func startListening(_ socket: Int32, _ thing: String) throws(LinuxError) {
        guard listen(socket, backlog) == 0 else { throw .last("listen on", thing) }
    }

    /// Whether the socket listens (still); nil where it cannot be told.
    static func isListening(_ socket: Int32) -> Bool? {
        SocketOption.number(of: socket, SocketOption.Level.socket, SO_ACCEPTCONN).map { $0 != 0 }
    }

    /// A listening stream socket that a program has shut down (shutdown(2), SHUT_RD) listens again; a unix one never does.
    /// - Returns: whether there was anything to do.
    public static func repair(_ socket: Int32, _ thing: String) throws(LinuxError) -> Bool {
        guard isListening(socket) == false else { return false }
        guard listen(socket, backlog) == 0, isListening(socket) == true else {
            throw .last("listen again on", thing)
        }
        return true
    }

    /// The process is told of a connection only when its first data is there (TCP_DEFER_ACCEPT, tcp(7)). Not for protocols
    /// in which the server speaks first.
    public static func deferAccept(on socket: borrowing FileDescriptor) throws(LinuxError) {
        guard SocketOption.deferAccept(seconds: 30).set(on: socket.number) else {
            throw .last("set TCP_DEFER_ACCEPT on", "a socket")
        }
    }

    private static func openUnix(_ name: String, isPath: Bool, _ thing: String) throws(LinuxError) -> FileDescriptor {
        if isPath { removeDeadSocket(name) }
        let socket = try newSocket(AF_UNIX, true, thing)
        let bytes = Array(name.utf8)
        guard baton_bind_unix(socket.number, bytes, bytes.count) == 0 else { throw .last(.bind, thing) }
        try startListening(socket.number, thing)
        return socket
    }

    /// A socket file that nobody listens on is left over from a run before; any other file is not ours to remove.
    private static func removeDeadSocket(_ path: String) {
        var info = stat()
        guard lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFSOCK else { return }
        let number = socket(
            AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue), 0)
        guard number >= 0 else { return }
        let probe = FileDescriptor(owning: number)
        let bytes = Array(path.utf8).map { CChar(truncatingIfNeeded: $0) }
        if baton_connect_unix(probe.number, bytes, bytes.count) != 0, errno == ECONNREFUSED { unlink(path) }
    }

    /// The port that the kernel chose, or the one asked for; nil for what has no port.
    public static func port(of socket: borrowing FileDescriptor) -> UInt16? {
        var storage = sockaddr_storage()
        var size = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(socket.number, $0, &size) }
        }
        guard result == 0 else { return nil }
        return withUnsafePointer(to: storage) { pointer -> UInt16? in
            switch Int32(pointer.pointee.ss_family) {
            case AF_INET:
                pointer.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { UInt16(bigEndian: $0.pointee.sin_port) }
            case AF_INET6:
                pointer.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) {
                    UInt16(bigEndian: $0.pointee.sin6_port)
                }
            default: nil
            }
        }
    }

    /// By which an open socket is known in /proc.
    public static func inode(of socket: Int32) -> UInt64? {
        var info = stat()
        return fstat(socket, &info) == 0 ? UInt64(info.st_ino) : nil
    }
}
