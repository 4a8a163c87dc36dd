public import BatonCore
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
        // By its path in /proc.
        let length = baton_getxattr(path, "system.sockprotoname", &name, name.count - 1)
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
        guard ForeignDescriptor.canBeCopied, let process = Procfs.process(of: thread) else { return nil }
        return ForeignDescriptor.copy(number, of: process)
    }

    private static func copy(_ number: Int32, of process: ProcessID) -> FileDescriptor? {
        let pidfd = baton_pidfd_open(process.value)
        guard pidfd >= 0 else { return nil }
        let process = FileDescriptor(owning: pidfd)
        let copy = baton_pidfd_getfd(process.number, number)
        return copy >= 0 ? FileDescriptor(owning: copy) : nil
    }

    /// Whether descriptors may be copied here at all; Docker's default seccomp profile forbids it. Tried once, with one of Baton's
    /// own.
    public static let canBeCopied: Bool = {
        guard let pipe = try? Pipe(), copy(pipe.read.number, of: .own) == nil else { return true }
        // A want of descriptors is no refusal: each copy then tells for itself.
        return ![EPERM, EACCES, ENOSYS].contains(errno)
    }()
}
