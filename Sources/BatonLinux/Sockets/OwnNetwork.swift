import CBatonShims
import Glibc

/// The network namespace that Baton is in, and whether other sockets are of it (network_namespaces(7)). Each is found out once, when
/// it is first needed.
public final class OwnNetwork {
    /// Nil before Linux 5.14.
    private lazy var cookie = OwnNetwork.ownCookie()
    /// As in `net:[4026531840]`.
    private lazy var link = OwnNetwork.ownLink()
    /// net.ipv6.bindv6only: sockets of IPv6 are for IPv6 alone where they do not say otherwise.
    public private(set) lazy var isIPv6OnlyByDefault =
        (try? readSmallFile("/proc/sys/net/ipv6/bindv6only", limit: 16))?.first == "1"

    public init() {}

    private static func ownCookie() -> UInt64? {
        let number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { return nil }
        let own = FileDescriptor(owning: number)
        return cookie(of: own.number)
    }

    private static func ownLink() -> Result<String, LinuxError> {
        do throws(LinuxError) { return .success(try readLink("/proc/self/ns/net")) } catch { return .failure(error) }
    }

    private static func cookie(of socket: Int32) -> UInt64? {
        var cookie: UInt64 = 0
        return baton_network_cookie(socket, &cookie) == 0 && cookie != 0 ? cookie : nil
    }

    /// Whether a socket of another process was made in this namespace, which it never leaves. Where the socket can be copied and the
    /// kernel tells, that is certain; else its thread is asked where it is now, which misses a socket that was made elsewhere by a
    /// thread that has come back (setns(2)).
    /// - Parameter copy: a descriptor of Baton's own for the same socket, where there is one.
    /// - Throws: where it cannot be told.
    public func contains(_ descriptor: ForeignDescriptor, copy: Int32?) throws(LinuxError) -> Bool {
        if let cookie, let copy, let theirs = OwnNetwork.cookie(of: copy) { return theirs == cookie }
        switch link {
        case .success(let own): return try readLink("/proc/\(descriptor.thread)/ns/net") == own
        // A kernel without network namespaces has but one network.
        case .failure(let error) where error.errno == ENOENT: return true
        case .failure(let error): throw error
        }
    }
}
