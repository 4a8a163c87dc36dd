import CBatonShims
import Glibc

/// A datagram socket under a random abstract name, for one generation's sd_notify(3) messages. Whoever does not know the
/// name cannot write to it, and it needs no writable directory.
public struct NotifySocket: ~Copyable, Sendable {
    private let fd: FileDescriptor
    /// For NOTIFY_SOCKET: `@` stands for the leading NUL.
    public let name: String

    public init() throws(LinuxError) {
        let kind = Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let number = socket(AF_UNIX, kind, 0)
        guard number >= 0 else { throw .last("create", "a notification socket") }
        let socket = FileDescriptor(owning: number)
        let path = "baton/notify/" + String(Random.number(), radix: 36) + String(Random.number(), radix: 36)
        let name = "@" + path
        let bytes = Array("\0\(path)".utf8)
        guard baton_bind_unix(number, bytes, bytes.count) == 0 else { throw .last(.bind, name) }
        fd = socket
        self.name = name
    }

    public var number: Int32 { fd.number }

    /// One datagram, cut at `limit` bytes; nil when none waits. Descriptors sent along are not asked for, so the kernel
    /// closes them.
    public func receive(limit: Int) -> [UInt8]? {
        var count = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, used in
            repeat {
                count = recv(fd.number, buffer.baseAddress, limit, Int32(MSG_DONTWAIT))
            } while count < 0 && errno == EINTR
            used = max(0, count)
        }
        return count < 0 ? nil : bytes
    }
}
