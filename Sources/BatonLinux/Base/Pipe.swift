import CBatonShims
import Glibc

/// pipe2(2), both ends close-on-exec; the read end does not block.
public struct Pipe: ~Copyable, Sendable {
    public let read: FileDescriptor
    public let write: FileDescriptor

    public init() throws(LinuxError) {
        var ends: [Int32] = [-1, -1]
        guard baton_pipe(&ends, false) == 0 else { throw .last("create", "a pipe") }
        read = FileDescriptor(owning: ends[0])
        write = FileDescriptor(owning: ends[1])
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
    }

    /// Closes the write end.
    public consuming func readEnd() -> FileDescriptor { read }
}
