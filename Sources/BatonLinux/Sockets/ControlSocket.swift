import BatonCore
import CBatonShims
import Glibc

/// A unix socket on which Baton is asked how it is. Mode 0600, and who is behind a connection is looked at besides: the file's
/// mode does not count for everyone (unix(7)).
public final class ControlSocket {
    public let path: String
    private let socket: FileDescriptor
    private let inode: UInt64

    /// - Throws: EADDRINUSE where somebody listens there.
    public init(_ path: String) throws(LinuxError) {
        let mask = umask(0o177)
        defer { umask(mask) }
        socket = try Sockets.open(.unix(path: path))
        try setNonBlocking(true, socket.number)
        self.path = path
        inode = try FileStatus.ofLink(path).inode
    }

    public var descriptor: Int32 { socket.number }

    /// A connection, or that there was one from somebody who may not ask; nil where none waits.
    public func accept() -> Result<ControlPeer, LinuxError>? {
        let number = baton_accept(socket.number)
        guard number >= 0 else { return nil }
        let fd = FileDescriptor(owning: number)
        let uid = baton_peer_uid(number)
        guard uid == 0 || uid == Int64(geteuid()) else {
            return .failure(LinuxError("answer", "user \(uid) on \(path)", errno: EACCES))
        }
        return .success(ControlPeer(fd))
    }

    public func remove() { if (try? FileStatus.ofLink(path).inode) == inode { unlink(path) } }
}

/// One who asks.
public final class ControlPeer {
    private let fd: FileDescriptor
    private var received: [UInt8] = []

    init(_ fd: consuming FileDescriptor) { self.fd = fd }

    public var descriptor: Int32 { fd.number }

    public enum Request: Sendable, Hashable {
        case line(String)
        case incomplete
        /// It has gone, or says what is longer than anything that can be asked.
        case nothing
    }

    public func request(limit: Int) -> Request {
        guard let bytes = try? readAvailable(fd.number, limit: limit + 1) else { return .incomplete }
        received += bytes
        if let end = received.firstIndex(of: UInt8(ascii: "\n")), end <= limit {
            return .line(String(decoding: received[..<end], as: UTF8.self))
        }
        return bytes.isEmpty || received.count > limit ? .nothing : .incomplete
    }

    /// As much as the kernel takes at once: one who does not read misses the rest.
    public func answer(_ text: String) { sendAtOnce(fd.number, text) }
}

extension Sockets {
    /// Sends a question to a unix socket and reads the answer to its end; waits for ten seconds at most for each part of it.
    public static func ask(_ path: String, _ question: String, limit: Int) throws(LinuxError) -> String {
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw .last("create a socket for", path) }
        let fd = FileDescriptor(owning: number)
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let bytes = Array(path.utf8).map { CChar(truncatingIfNeeded: $0) }
        guard baton_connect_unix(fd.number, bytes, bytes.count) == 0 else { throw .last("connect to", path) }
        guard sendAtOnce(fd.number, question) else { throw .last("send to", path) }
        var answer: [UInt8] = []
        while answer.count < limit {
            guard let part = try readAvailable(fd.number, limit: 64 * 1024) else {
                throw LinuxError("read the answer from", path, errno: ETIMEDOUT)
            }
            guard !part.isEmpty else { break }
            answer += part
        }
        return String(decoding: answer, as: UTF8.self)
    }
}

/// Makes room for an answer of this many bytes on a socket; the kernel may have its own limit.
public func setSendBuffer(_ fd: Int32, bytes: Int32) {
    var size = bytes
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
}

/// Writes without waiting and without SIGPIPE; what does not fit is lost.
/// - Returns: whether all of it went.
@discardableResult
public func sendAtOnce(_ fd: Int32, _ text: String) -> Bool {
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes {
            send(fd, $0.baseAddress, $0.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
        }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { return false }
        rest = rest.dropFirst(count)
    }
    return true
}
