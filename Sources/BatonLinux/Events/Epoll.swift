import CBatonShims
import Glibc

/// epoll(7). A token is the caller's own number, never the bare descriptor: a descriptor's number is soon used again.
public final class Epoll {
    private let fd: FileDescriptor

    public struct Ready: Sendable {
        public let token: UInt64
        public let isReadable: Bool
        public let isHungUp: Bool
    }

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

    /// - Parameter milliseconds: -1 waits without end.
    public func wait(milliseconds: Int32, _ body: (Ready) -> Void) throws(LinuxError) {
        let hangUp = UInt32(BATON_EPOLL_HUP) | UInt32(BATON_EPOLL_ERR)
        let failure = withUnsafeTemporaryAllocation(of: baton_epoll_event.self, capacity: 32) { events in
            let count = baton_epoll_wait(fd.number, events.baseAddress, 32, milliseconds)
            guard count >= 0 else { return errno }
            for event in events.prefix(Int(count)) {
                body(
                    Ready(
                        token: event.token, isReadable: event.events & UInt32(BATON_EPOLL_IN) != 0,
                        isHungUp: event.events & hangUp != 0))
            }
            return 0
        }
        if failure != 0, failure != EINTR { throw LinuxError("wait for", "events", errno: failure) }
    }
}
