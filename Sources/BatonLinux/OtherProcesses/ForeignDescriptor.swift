import CBatonShims
import Glibc

/// A descriptor of another process, or of one of its threads, as /proc shows it.
public struct ForeignDescriptor: Sendable, Hashable {
    public let thread: ProcessID
    public let number: Int32

    public init(thread: ProcessID, number: Int32) {
        self.thread = thread
        self.number = number
    }

    private var path: String { "/proc/\(thread)/fd/\(number)" }

    /// The inode of the socket that it is; nil where it is none.
    /// - Throws: EACCES or EPERM where this process may not look.
    public func socketInode() throws(LinuxError) -> UInt64? {
        ForeignDescriptor.socketInode(try readLink(path))
    }

    /// Where the link in /proc leads, as in `socket:[12345]`.
    static func socketInode(_ target: String) -> UInt64? {
        guard target.hasPrefix("socket:["), target.hasSuffix("]") else { return nil }
        return UInt64(target.dropFirst(8).dropLast())
    }

    /// TCP over either family; MPTCP, which falls back to it, counts as such.
    public var isTCP: Bool {
        var name = [CChar](repeating: 0, count: 32)
        let length = baton_protocol_name(path, &name, name.count - 1)
        guard length > 0 else { return false }
        let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
        return ["TCP", "TCPv6", "MPTCP", "MPTCPv6"].contains(text)
    }

    public struct Flags: Sendable, Hashable {
        public let isNonBlocking: Bool
        public let closesOnExec: Bool
    }

    /// The `flags:` line of its fdinfo, in octal (proc_pid_fdinfo(5)).
    public func flags() throws(LinuxError) -> Flags {
        let text = try readSmallFile("/proc/\(thread)/fdinfo/\(number)", limit: 4096)
        let line = text.split(separator: "\n").first { $0.hasPrefix("flags:") }
        let digits = line?.dropFirst("flags:".count).drop { $0 == "\t" || $0 == " " }
        guard let digits, let flags = Int32(digits, radix: 8) else {
            throw LinuxError("read", "the flags of descriptor \(number) of process \(thread)", errno: EINVAL)
        }
        return Flags(isNonBlocking: flags & O_NONBLOCK != 0, closesOnExec: flags & O_CLOEXEC != 0)
    }

    /// Nil where it may not be copied (pidfd_getfd(2)).
    public func copy() -> FileDescriptor? {
        guard let process = Procfs.process(of: thread) else { return nil }
        let copy = baton_copy_descriptor(process, number)
        return copy >= 0 ? FileDescriptor(owning: copy) : nil
    }

    /// The options in which a socket differs from a new one.
    public static func socketOptions(of socket: borrowing FileDescriptor) -> [SocketOption] {
        var options = [baton_socket_option](repeating: baton_socket_option(), count: 32)
        let count = baton_read_socket_options(socket.number, &options, Int32(options.count))
        return options.prefix(Int(max(0, count))).map(SocketOption.init)
    }

    /// Whether descriptors may be copied here at all (pidfd_getfd(2)); Docker's default seccomp profile forbids it.
    public static var canBeCopied: Bool { baton_may_copy_descriptors() }
}

/// A socket option with an integer as its value (socket(7), tcp(7), ip(7), ipv6(7)).
public struct SocketOption: Sendable, Hashable {
    public let level: Int32
    public let name: Int32
    public let value: Int32

    public init(level: Int32, name: Int32, value: Int32) {
        self.level = level
        self.name = name
        self.value = value
    }

    init(_ raw: baton_socket_option) { self.init(level: raw.level, name: raw.name, value: raw.value) }

    private var raw: baton_socket_option { baton_socket_option(level: level, name: name, value: value) }

    /// IPV6_V6ONLY: the address is for IPv6 alone.
    public var isIPv6Only: Bool { with(baton_is_v6only) }
    /// SO_REUSEPORT: more than one socket may have the address.
    public var isReusePort: Bool { with(baton_is_reuseport) }
    /// IP_FREEBIND and IPV6_FREEBIND: the address need not be there (yet). Only of use before bind.
    public var isFreeBind: Bool { with(baton_is_freebind) }

    private func with(_ question: (UnsafePointer<baton_socket_option>) -> Bool) -> Bool {
        var raw = raw
        return question(&raw)
    }

    /// Best effort: an option that this kernel or the container refuses costs less than the listener.
    public func apply(to socket: Int32) {
        var raw = raw
        _ = baton_set_socket_option(socket, &raw)
    }
}

/// Reads memory of another process through /proc/PID/mem; nil where there is none at this address.
public func readMemory(of thread: ProcessID, at address: UInt64, count: Int) throws(LinuxError) -> [UInt8]? {
    let file = try openForReading("/proc/\(thread)/mem")
    guard let offset = off_t(exactly: address), count > 0, count <= 4096 else { return nil }
    var result = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
        result = pread(file.number, buffer.baseAddress, count, offset)
        used = max(0, result)
    }
    return result == count ? bytes : nil
}
