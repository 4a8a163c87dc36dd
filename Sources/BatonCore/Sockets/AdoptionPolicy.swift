/// What the policy asks about a call to bind(2). It asks for a fact only where the fact decides something: each costs system calls,
/// and the last one a scan of /proc.
public protocol BindFacts {
    associatedtype Failure: Error

    /// Nil where it is none of the internet, cannot be read, or the caller does not wait any more.
    func address() throws(Failure) -> SocketAddress?
    /// Nil where the descriptor is no socket, or the caller does not wait any more.
    func socket() throws(Failure) -> AppSocket?
    /// net.ipv6.bindv6only.
    func isIPv6OnlyByDefault() -> Bool
    /// A process of the same generation listens there already.
    func isListenedOn(_ endpoint: ListenAddress.Endpoint) throws(Failure) -> Bool
}

/// Decides what is done with the calls of an app that opens its listening sockets itself (seccomp_unotify(2)). Pure: it gets facts
/// and gives an answer, and remembers what the next calls need.
///
/// Port 0, UDP, unix sockets, scoped addresses and those that the user excepts stay the app's, and so do sockets of another network
/// namespace: what is reached only there must not be reached in Baton's.
public struct AdoptionPolicy: Sendable {
    /// An address that stays the app's (BATON_ADOPT_EXCEPT).
    public struct Exception: Sendable, Hashable {
        /// In network order; nil: any.
        let bytes: [UInt8]?
        let port: UInt16

        public init(bytes: [UInt8]?, port: UInt16) {
            self.bytes = bytes
            self.port = port
        }

        func covers(_ address: SocketAddress) -> Bool {
            port == address.port && (bytes.map { $0 == address.bytes } ?? true)
        }
    }

    /// The app's socket, and what the socket of Baton's that takes its place must be like.
    public struct Replacement: Sendable, Hashable {
        public let socket: AppSocket
        public let endpoint: ListenAddress.Endpoint
        public let options: [SocketOption]
    }

    public enum BindAnswer: Sendable, Hashable {
        case letThrough
        /// Let through, and tell once that it is bound in another network namespace.
        case letThroughElsewhere(ListenAddress.Endpoint)
        /// It has been done already.
        case succeed
        /// As the kernel would have failed (EADDRINUSE).
        case failAsInUse
        case replace(Replacement)
    }

    public enum ListenAnswer: Sendable, Hashable {
        case letThrough
        /// Let through, and tell that the generation listens on a socket that stays its own.
        case letThroughAsOwn
        /// Then let through, for the length of the queue.
        case replace(Replacement)
    }

    public struct FailureAnswer: Sendable, Hashable {
        /// The call fails (EPERM); otherwise it is let through.
        public let fails: Bool
        /// Tell why: the first time.
        public let isTold: Bool
    }

    private let exceptions: [Exception]
    private let isRequired: Bool
    private var sockets = AppSockets()
    private var hasToldElsewhere = false
    private var hasToldRefusal = false

    /// - Parameter isRequired: a call that cannot be answered as it should be fails.
    public init(except exceptions: [Exception], isRequired: Bool) {
        self.exceptions = exceptions
        self.isRequired = isRequired
    }

    // MARK: the app's calls

    public mutating func bind<Facts: BindFacts>(_ facts: Facts) throws(Facts.Failure) -> BindAnswer {
        guard let address = try facts.address(), isForBaton(address), let socket = try facts.socket(), socket.isTCP
        else { return .letThrough }
        let options = sockets.options(of: socket)
        let isIPv6Only = options.first(where: \.isIPv6Only).map { $0.value != 0 } ?? facts.isIPv6OnlyByDefault()
        guard let host = ListenAddress.Host(address.bytes, isIPv6Only: isIPv6Only) else { return .letThrough }
        let endpoint = ListenAddress.Endpoint.tcp(host, port: address.port)
        // Bound already: the kernel says so, unless it is the same call once more.
        guard sockets.bound(socket.inode) == nil else {
            return sockets.isAskedAgain(socket.inode, endpoint) ? .succeed : .letThrough
        }
        if socket.isElsewhere { return elsewhere(endpoint) }
        // Baton's own socket can share the address, and the app's could not: the kernel would have refused it.
        if !options.contains(where: { $0.isReusePort && $0.value != 0 }), try facts.isListenedOn(endpoint) {
            return .failAsInUse
        }
        return .replace(Replacement(socket: socket, endpoint: endpoint, options: options))
    }

    private func isForBaton(_ address: SocketAddress) -> Bool {
        address.port != 0 && address.scope == 0 && !exceptions.contains { $0.covers(address) }
    }

    private mutating func elsewhere(_ endpoint: ListenAddress.Endpoint) -> BindAnswer {
        defer { hasToldElsewhere = true }
        return hasToldElsewhere ? .letThrough : .letThroughElsewhere(endpoint)
    }

    /// - Parameter socket: nil where it is none, or the caller does not wait any more.
    public func listen(_ socket: AppSocket?) -> ListenAnswer {
        guard let socket else { return .letThrough }
        guard let bound = sockets.bound(socket.inode) else { return .letThroughAsOwn }
        return .replace(
            Replacement(socket: socket, endpoint: bound.endpoint, options: socket.options ?? bound.options))
    }

    /// The app sets an option on a socket whose options cannot be read later.
    public mutating func set(_ option: SocketOption, on inode: UInt64) { sockets.set(option, on: inode) }

    // MARK: what has come of it

    /// At its bind, the app has been given a socket with this inode.
    public mutating func hasReplaced(_ old: Replacement, with inode: UInt64, of generation: GenerationNumber) {
        sockets.replace(
            old.socket.inode, with: inode,
            .init(generation: generation, endpoint: old.endpoint, options: old.options))
    }

    /// The call cannot be looked at, or not be answered as it should be.
    /// - Parameter isGone: nobody waits for the answer any more, or what it is about was never there: the kernel has the better
    ///   words for it.
    public mutating func cannotAnswer(isGone: Bool) -> FailureAnswer {
        guard !isGone else { return FailureAnswer(fails: false, isTold: false) }
        return FailureAnswer(fails: isRequired, isTold: tellsRefusal())
    }

    /// Whether to tell that the app's sockets are its own after all: once.
    public mutating func tellsRefusal() -> Bool {
        defer { hasToldRefusal = true }
        return !hasToldRefusal
    }

    /// Nobody asks for this generation any more.
    public mutating func end(_ generation: GenerationNumber) { sockets.forget(generation) }
}
