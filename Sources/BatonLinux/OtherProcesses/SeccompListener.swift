public import BatonCore
import CBatonShims
import Glibc

/// Where the calls of a filtered process come to be answered (seccomp_unotify(2)).
public final class SeccompListener {
    private let fd: FileDescriptor

    /// Takes over the descriptor that `baton_seccomp_install` returned.
    public init(owning number: Int32) { fd = FileDescriptor(owning: number) }

    public var number: Int32 { fd.number }

    /// A call that waits for its answer.
    public struct Notification {
        public enum Call {
            case bind(fd: Int32, address: UInt64, length: Int)
            case listen(fd: Int32)
            case setOption(fd: Int32, SocketOption.Address, length: Int)
            case other
        }

        public let id: UInt64
        public let thread: ProcessID
        public let call: Call
    }

    public enum Received {
        case notification(Notification)
        case nothing
        /// No process is left that has the filter.
        case ended
        /// Nothing can be received, now and later.
        case failed(LinuxError)
    }

    /// Why a caller did not get the answer that was meant for it.
    public enum Trouble: Sendable, Hashable {
        /// Its call could not go on, and has failed with ENOSYS.
        case denied(LinuxError)
        /// It waits still, and will until the listener is closed: then its call fails with ENOSYS.
        case unanswered(LinuxError)
    }

    private var trouble: Trouble?

    /// What has gone wrong since this was last asked; the gravest.
    public func takeTrouble() -> Trouble? {
        defer { trouble = nil }
        return trouble
    }

    public func receive() -> Received {
        var raw = baton_notification()
        switch baton_seccomp_receive(number, &raw) {
        case 1: return .notification(Notification(id: raw.id, thread: ProcessID(raw.thread), call: call(raw)))
        case 0: return .nothing
        default:
            let error = errno
            return error == 0 ? .ended : .failed(LinuxError("receive", "a call of the app", errno: error))
        }
    }

    private func call(_ raw: baton_notification) -> Notification.Call {
        let arguments = raw.arguments
        func int(_ value: UInt64) -> Int32 { Int32(truncatingIfNeeded: value) }
        let fd = int(arguments.0)
        switch raw.call {
        case BATON_CALL_BIND: return .bind(fd: fd, address: arguments.1, length: Int(int(arguments.2)))
        case BATON_CALL_LISTEN: return .listen(fd: fd)
        case BATON_CALL_SET_OPTION:
            return .setOption(
                fd: fd, .init(level: int(arguments.1), name: int(arguments.2), value: arguments.3),
                length: Int(int(arguments.4)))
        default: return .other
        }
    }

    /// The caller still waits for this answer. To be asked after its memory was read: a pid may have come to mean another.
    public func isValid(_ notification: Notification) -> Bool { baton_seccomp_is_valid(number, notification.id) }

    /// The call goes on as if nobody had looked. Where that cannot be it fails with ENOSYS: a caller is never left waiting.
    public func letThrough(_ notification: Notification) {
        guard baton_seccomp_continue(number, notification.id) != 0 else { return }
        let error = LinuxError.last("continue", "a call of process \(notification.thread)")
        guard !SeccompListener.isGone(error) else { return }
        if trouble == nil { trouble = .denied(error) }
        answer(notification, errno: ENOSYS)
    }

    /// The call returns 0, or fails with this errno.
    public func answer(_ notification: Notification, errno: Int32 = 0) {
        guard baton_seccomp_answer(number, notification.id, errno) != 0 else { return }
        let error = LinuxError.last("answer", "a call of process \(notification.thread)")
        if !SeccompListener.isGone(error) { trouble = .unanswered(error) }
    }

    /// A caller that has died or was interrupted needs no answer, and one that has its answer needs no other.
    private static func isGone(_ error: LinuxError) -> Bool { [ENOENT, EINPROGRESS].contains(error.errno) }

    /// Puts a copy of `source` in the place of the caller's descriptor.
    /// - Throws: ENOENT where the caller does not wait any more.
    public func replace(_ target: Int32, of notification: Notification, with source: Int32, closeOnExec: Bool)
        throws(LinuxError)
    {
        guard baton_seccomp_replace(number, notification.id, source, target, closeOnExec) == 0 else {
            throw .last("replace", "descriptor \(target) of process \(notification.thread)")
        }
    }
}
