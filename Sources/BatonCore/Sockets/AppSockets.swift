/// What Baton can see of a socket in a call of the app's.
public struct AppSocket: Sendable, Hashable {
    public let inode: UInt64
    public let isTCP: Bool
    public let isNonBlocking: Bool
    public let closesOnExec: Bool
    /// Those in which it differs from a new one; nil where they cannot be read from outside.
    public let options: [SocketOption]?
    /// It was made in another network namespace than Baton's.
    public let isElsewhere: Bool

    public init(
        inode: UInt64, isTCP: Bool, isNonBlocking: Bool, closesOnExec: Bool, options: [SocketOption]?, isElsewhere: Bool
    ) {
        self.inode = inode
        self.isTCP = isTCP
        self.isNonBlocking = isNonBlocking
        self.closesOnExec = closesOnExec
        self.options = options
        self.isElsewhere = isElsewhere
    }
}

/// What is remembered of the app's sockets, by their inode. Bounded: an app may open as many as it likes.
struct AppSockets: Sendable {
    /// A socket of Baton's making that the app has in the place of its own since its bind. It is remembered when it listens, too:
    /// several workers may inherit it, and each of them listens.
    struct Bound: Sendable, Hashable {
        let generation: GenerationNumber
        let endpoint: ListenAddress.Endpoint
        var options: [SocketOption]
        /// The answer to the bind was on its way when the caller was interrupted, and asks again.
        var mayBeAskedAgain = true
    }

    static let boundLimit = 1024
    static let unboundLimit = 256
    static let optionLimit = 32

    private var bound = BoundedBook<UInt64, Bound>(limit: boundLimit)
    /// What was set on sockets that are not bound yet, where it cannot be read from them.
    private var unbound = BoundedBook<UInt64, [SocketOption]>(limit: unboundLimit)

    func bound(_ inode: UInt64) -> Bound? { bound[inode] }

    /// The options of a socket that is not bound yet.
    func options(of socket: AppSocket) -> [SocketOption] { socket.options ?? unbound[socket.inode] ?? [] }

    /// The app has set an option.
    mutating func set(_ option: SocketOption, on inode: UInt64) {
        if var socket = bound[inode] {
            socket.options = Self.setting(option, in: socket.options)
            bound[inode] = socket
        } else {
            unbound[inode] = Self.setting(option, in: unbound[inode] ?? [])
        }
    }

    private static func setting(_ option: SocketOption, in options: [SocketOption]) -> [SocketOption] {
        let others = options.filter { $0.level != option.level || $0.name != option.name }
        // Taken back: a member of a steered group, to which it would be carried over, must not lose it.
        if option.isReusePort, option.value == 0 { return others }
        return others.count < optionLimit ? others + [option] : others
    }

    /// A socket of Baton's has taken the place of one of the app's.
    mutating func replace(_ old: UInt64, with new: UInt64, _ socket: Bound) {
        unbound[old] = nil
        bound[new] = socket
    }

    /// - Returns: whether it is the same bind once more, which it can be once.
    mutating func isAskedAgain(_ inode: UInt64, _ endpoint: ListenAddress.Endpoint) -> Bool {
        guard var socket = bound[inode], socket.endpoint == endpoint, socket.mayBeAskedAgain else { return false }
        socket.mayBeAskedAgain = false
        bound[inode] = socket
        return true
    }

    mutating func forget(_ generation: GenerationNumber) { bound.removeAll { $0.generation == generation } }
}
