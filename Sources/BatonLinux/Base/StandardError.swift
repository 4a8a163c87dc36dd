import CBatonShims
import Glibc

/// Writes lines to stderr without ever waiting for whoever reads them, and without touching the flags of the open file
/// description, which the app shares.
///
/// A line that cannot be written now is kept, up to a bound; beyond it lines are dropped and counted.
public final class StandardError {
    private var method: Method
    private var kept: [[UInt8]] = []
    private var keptBytes = 0
    private static let keptLimit = 32 * 1024
    /// Lines dropped so far.
    public private(set) var dropped: UInt64 = 0
    private var isClosed = false

    private enum Method {
        /// A description of our own, opened non-blocking through /proc: its flags are nobody else's.
        case own(Int32)
        case socket
        /// pwritev2(2) with RWF_NOWAIT (pipes: Linux 6.4), until the kernel says that it has no such thing.
        case sharedPipe(else: OwnPipe)
        /// splice(2) from a pipe of our own.
        case spliced(OwnPipe)
        /// A regular file, or a device whose readiness poll(2) tells.
        case polled
    }

    private struct OwnPipe {
        let from: Int32
        let to: Int32
    }

    public init() { method = StandardError.chooseMethod() }

    private static func chooseMethod() -> Method {
        if baton_is_socket(2) { return .socket }
        let isPipe = baton_is_pipe(2)
        if isPipe || baton_is_character_device(2) {
            let own = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
            if own >= 0 { return .own(own) }
        }
        var ends: [Int32] = [-1, -1]
        if isPipe, baton_pipe(&ends, true) == 0 { return .sharedPipe(else: OwnPipe(from: ends[0], to: ends[1])) }
        return .polled
    }

    /// Lines are waiting: `flush` should be called again before long.
    public var hasKept: Bool { !kept.isEmpty }

    /// - Parameter line: without its end; at most 4095 bytes, so that a pipe takes it whole or not at all (pipe(7)).
    /// - Parameter isWhole: the line gets its end.
    public func write(_ line: String, isWhole: Bool = true) {
        flush()
        let bytes = Array(line.utf8.prefix(4095)) + (isWhole ? [UInt8(ascii: "\n")] : [])
        if kept.isEmpty, attempt(bytes) { return }
        guard !isClosed, keptBytes + bytes.count <= StandardError.keptLimit else {
            dropped &+= 1
            return
        }
        kept.append(bytes)
        keptBytes += bytes.count
    }

    public func flush() {
        while let first = kept.first, attempt(first) {
            keptBytes -= first.count
            kept.removeFirst()
        }
        if isClosed {
            dropped &+= UInt64(kept.count)
            kept = []
            keptBytes = 0
        }
    }

    /// True when the line is out of hand: written, or never to be written.
    private func attempt(_ bytes: [UInt8]) -> Bool {
        let result =
            switch method {
            case .own(let fd): Glibc.write(fd, bytes, bytes.count)
            case .socket: send(2, bytes, bytes.count, Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL))
            case .sharedPipe(let pipe): writeShared(bytes, pipe)
            case .spliced(let pipe): splice(bytes, pipe)
            case .polled: writePolled(bytes)
            }
        if result >= 0 { return true }
        if errno == EAGAIN || errno == EINTR { return false }
        // EPIPE and the like: the reader is gone for good.
        isClosed = true
        dropped &+= 1
        return true
    }

    private func writeShared(_ bytes: [UInt8], _ pipe: OwnPipe) -> Int {
        let count = baton_write_nowait(2, bytes, bytes.count)
        guard count < 0, errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL else { return count }
        method = .spliced(pipe)
        return splice(bytes, pipe)
    }

    private func splice(_ bytes: [UInt8], _ pipe: OwnPipe) -> Int {
        guard Glibc.write(pipe.to, bytes, bytes.count) == bytes.count else { return -1 }
        let moved = baton_splice_nonblock(pipe.from, 2, bytes.count)
        if moved < bytes.count {
            let reason = errno
            var scrap = [UInt8](repeating: 0, count: 4096)
            _ = read(pipe.from, &scrap, scrap.count)
            errno = reason
        }
        return moved
    }

    private func writePolled(_ bytes: [UInt8]) -> Int {
        var poller = pollfd(fd: 2, events: Int16(POLLOUT), revents: 0)
        guard poll(&poller, 1, 0) == 1, poller.revents & Int16(POLLOUT) != 0 else {
            errno = poller.revents & Int16(POLLERR | POLLHUP | POLLNVAL) != 0 ? EPIPE : EAGAIN
            return -1
        }
        return Glibc.write(2, bytes, bytes.count)
    }
}
