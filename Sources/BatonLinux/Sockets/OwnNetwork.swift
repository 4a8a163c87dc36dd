import CBatonShims
import Glibc

/// The network namespace that Baton is in, and whether other sockets are of it (network_namespaces(7)).
public struct OwnNetwork: Sendable {
    /// Nil before Linux 5.14.
    private let cookie: UInt64?
    /// As in `net:[4026531840]`.
    private let link: Result<String, LinuxError>

    public init() {
        let number = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        if number >= 0 {
            let own = FileDescriptor(owning: number)
            cookie = OwnNetwork.cookie(of: own.number)
        } else {
            cookie = nil
        }
        do throws(LinuxError) { link = .success(try readLink("/proc/self/ns/net")) } catch { link = .failure(error) }
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
