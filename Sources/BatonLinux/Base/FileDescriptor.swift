import Glibc

/// Owns a file descriptor and closes it when it goes out of use.
public struct FileDescriptor: ~Copyable, Sendable {
    public let number: Int32

    /// Takes over an open descriptor.
    public init(owning number: Int32) { self.number = number }

    deinit { close(number) }

    /// Gives the descriptor away, open.
    public consuming func release() -> Int32 {
        let number = number
        discard self
        return number
    }
}

/// Sets or clears O_NONBLOCK (fcntl(2)): on the open file description, so for everyone who shares it.
public func setNonBlocking(_ isNonBlocking: Bool, _ fd: Int32) throws(LinuxError) {
    let flags = fcntl(fd, F_GETFL)
    guard flags >= 0, fcntl(fd, F_SETFL, isNonBlocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK) == 0 else {
        throw .last("set the flags of", "descriptor \(fd)")
    }
}

/// Reads at most `limit` bytes that are there now; nil when there is nothing yet. An empty result is the end.
public func readAvailable(_ fd: Int32, limit: Int) throws(LinuxError) -> [UInt8]? {
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
        var result: Int
        repeat { result = read(fd, buffer.baseAddress, limit) } while result < 0 && errno == EINTR
        if result < 0 { failure = errno }
        count = max(0, result)
    }
    guard failure == 0 else {
        if failure == EAGAIN { return nil }
        throw LinuxError("read", "descriptor \(fd)", errno: failure)
    }
    return bytes
}
