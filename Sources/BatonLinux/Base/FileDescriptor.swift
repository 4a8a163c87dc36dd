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
    var result: Result<Int?, LinuxError> = .success(nil)
    let bytes = [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
        result = Result { () throws(LinuxError) in try readAvailable(fd, into: UnsafeMutableRawBufferPointer(buffer)) }
        count = (try? result.get()) ?? 0
    }
    return try result.get() == nil ? nil : bytes
}

/// Reads what is there now, as far as there is room for it.
/// - Returns: the number of bytes, 0 at the end; nil when there is nothing yet.
public func readAvailable(_ fd: Int32, into buffer: UnsafeMutableRawBufferPointer) throws(LinuxError) -> Int? {
    var count: Int
    repeat { count = read(fd, buffer.baseAddress, buffer.count) } while count < 0 && errno == EINTR
    if count >= 0 { return count }
    if errno == EAGAIN { return nil }
    throw .last("read", "descriptor \(fd)")
}
