import CBatonShims
import Glibc

/// epoll(7). A token is the caller's own number, never the bare descriptor: a descriptor's number is soon used again.
public final class Epoll {
    private let fd: FileDescriptor

    public init() throws(LinuxError) {
        let number = baton_epoll_create()
        guard number >= 0 else { throw .last("create", "an epoll descriptor") }
        fd = FileDescriptor(owning: number)
    }

    public func watchReads(of descriptor: Int32, token: UInt64) throws(LinuxError) {
        guard baton_epoll_add(fd.number, descriptor, UInt32(BATON_EPOLL_IN), token) == 0 else {
            throw .last("watch", "descriptor \(descriptor)")
        }
    }

    public func forget(_ descriptor: Int32) { _ = baton_epoll_remove(fd.number, descriptor) }

    /// Tells the token of each descriptor that has something to be read, or has come to its end.
    /// - Parameter milliseconds: -1 waits without end.
    public func wait(milliseconds: Int32, _ body: (UInt64) -> Void) throws(LinuxError) {
        let failure = withUnsafeTemporaryAllocation(of: baton_epoll_event.self, capacity: 32) { events in
            let count = baton_epoll_wait(fd.number, events.baseAddress, 32, milliseconds)
            guard count >= 0 else { return errno }
            for event in events.prefix(Int(count)) { body(event.token) }
            return 0
        }
        if failure != 0, failure != EINTR { throw LinuxError("wait for", "events", errno: failure) }
    }
}
