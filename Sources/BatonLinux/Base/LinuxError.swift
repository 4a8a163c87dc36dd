import Glibc

/// A system call that failed: what was tried, on what, and why.
public struct LinuxError: Error, Hashable, Sendable {
    /// What was tried, as the error's text says it. Those by which something is decided have names.
    public struct Operation: Sendable, Hashable, ExpressibleByStringLiteral, CustomStringConvertible {
        public let description: String

        public init(stringLiteral words: String) { description = words }

        /// bind(2) to an address that the app has asked for.
        public static let bind: Operation = "bind"
        /// To give a socket what tells its connections apart from its siblings'.
        public static let prepare: Operation = "prepare"
        /// To move new connections from one socket of an address to another.
        public static let steer: Operation = "steer"
    }

    public let operation: Operation
    public let thing: String
    public let errno: Int32
    /// What is to be said of it, where more is known than errno tells.
    private let words: String?

    public init(_ operation: Operation, _ thing: String, errno: Int32, words: String? = nil) {
        self.operation = operation
        self.thing = thing
        self.errno = errno
        self.words = words
    }

    /// Reads errno at once, before anything else can change it.
    static func last(_ operation: Operation, _ thing: String) -> LinuxError {
        LinuxError(operation, thing, errno: Glibc.errno)
    }
}

extension LinuxError {
    /// The kernel, or a seccomp profile, does not let Baton steer here; the socket itself can be had.
    public var refusesSteering: Bool { operation == .steer || operation == .prepare }
}

extension LinuxError: CustomStringConvertible {
    public var description: String { words ?? "cannot \(operation) \(thing): \(errnoInWords(errno))" }
}

/// `No such file or directory (ENOENT)` and the like (strerror(3)).
public func errnoInWords(_ errno: Int32) -> String {
    let words = strerror(errno).map { String(cString: $0) } ?? "error"
    guard let name = errnoNames[errno] else { return "\(words) (errno \(errno))" }
    return "\(words) (\(name))"
}

private let errnoNames: [Int32: String] = [
    EPERM: "EPERM", ENOENT: "ENOENT", EIO: "EIO", E2BIG: "E2BIG", ENOEXEC: "ENOEXEC", EBADF: "EBADF", EAGAIN: "EAGAIN",
    ENOMEM: "ENOMEM", EACCES: "EACCES", EBUSY: "EBUSY", EEXIST: "EEXIST", ENODEV: "ENODEV", ENOTDIR: "ENOTDIR",
    EISDIR: "EISDIR", EINVAL: "EINVAL", ENFILE: "ENFILE", EMFILE: "EMFILE", ETXTBSY: "ETXTBSY", EFBIG: "EFBIG",
    ENOSPC: "ENOSPC", EROFS: "EROFS", EPIPE: "EPIPE", ENAMETOOLONG: "ENAMETOOLONG", ENOSYS: "ENOSYS", ELOOP: "ELOOP",
    EADDRINUSE: "EADDRINUSE", EADDRNOTAVAIL: "EADDRNOTAVAIL", EAFNOSUPPORT: "EAFNOSUPPORT", ESTALE: "ESTALE",
    ETIMEDOUT: "ETIMEDOUT", ECONNREFUSED: "ECONNREFUSED", ESRCH: "ESRCH",
]
