public import BatonCore
public import BatonLinux
import Glibc

/// The listening sockets of the app: those of BATON_LISTEN, open for as long as Baton lives, and those that were adopted, open
/// for as long as any generation that may still serve has one. All outlast the generation that uses them.
public final class ListenSockets {
    /// What the environment of the app says of one socket.
    public struct Description: Sendable, Hashable {
        public let name: String
        public let endpoint: ListenAddress.Endpoint
        public let port: UInt16?
    }

    /// A listening socket that a generation was given.
    public struct Listener: Sendable, Hashable {
        public let endpoint: ListenAddress.Endpoint
        public let inode: UInt64
        /// The app has opened it itself.
        public let isAdopted: Bool
    }

    private let configured: ConfiguredSockets
    private let adopted = AdoptedSockets()
    /// The generation that new connections were last steered to.
    private var serving: GenerationNumber?

    /// Opens all of them or none.
    /// - Parameter steers: TCP addresses get a socket for each generation.
    public init(_ addresses: [ListenAddress], steers: Bool) throws(LinuxError) {
        configured = try ConfiguredSockets(addresses, steers: steers)
    }

    public var descriptions: [Description] { configured.descriptions }

    private var groups: [SteeredGroup] { configured.groups + adopted.groups }

    // MARK: generations

    /// The descriptors for a generation that starts, in the order of BATON_LISTEN.
    func take(for generation: GenerationNumber) throws(LinuxError) -> [Int32] { try configured.take(for: generation) }

    /// The generation is gone, or was given up: its sockets are free for the next one.
    public func release(_ generation: GenerationNumber) {
        configured.release(generation)
        adopted.release(generation)
        closeAbandoned()
    }

    /// What one generation listens on and another does not (yet).
    public func missing(from generation: GenerationNumber, comparedTo other: GenerationNumber) -> [ListenAddress
        .Endpoint]
    {
        adopted.missing(from: generation, comparedTo: other)
    }

    public func listeners(of generation: GenerationNumber) -> [Listener] {
        adopted.listeners(of: generation) + configured.listeners(of: generation)
    }

    /// Undoes what a program that ends may do to sockets which are not its alone: remove the path, shut the listener down.
    /// - Returns: what was done or could not be, in words.
    public func repair() -> [String] { adopted.repair() + configured.repair() }

    /// Removes the files of unix sockets: called at the end, so that clients get "no such file" and not "refused".
    public func removePaths() { configured.removePaths() }

    // MARK: calls of the app's

    /// The socket that takes the place of one which the app binds.
    func bind(_ endpoint: ListenAddress.Endpoint, _ options: [SocketOption], for generation: GenerationNumber)
        throws(LinuxError)
        -> BoundSocket
    {
        if let given = try configured.take(endpoint, for: generation) { return .listening(given) }
        return .fresh(try adopted.bind(endpoint, options))
    }

    /// The socket that takes the place of one which the app has bound and now listens on.
    func listen(
        _ endpoint: ListenAddress.Endpoint, _ options: [SocketOption], for generation: GenerationNumber, mustSteer: Bool
    ) throws(LinuxError) -> GivenSocket {
        if let given = try configured.take(endpoint, for: generation) { return given }
        return try adopted.listen(endpoint, options, for: generation, mustSteer: mustSteer)
    }

    /// The inode of the socket on which the generation listens there, of those that it has opened itself; `isShared`: other
    /// generations may hold it, too.
    func adoptedListener(_ endpoint: ListenAddress.Endpoint, of generation: GenerationNumber) -> (
        inode: UInt64, isShared: Bool
    )? {
        adopted.listener(endpoint, of: generation)
    }

    /// Why an adopted address is not steered; told once.
    func takeSteeringRefusal() -> LinuxError? { adopted.takeSteeringRefusal() }

    // MARK: steering

    /// New connections go to this generation from now on, but for those of addresses that cannot be steered.
    /// - Parameter share: but for some of them, drawn by lot, which another one gets.
    public func steer(to generation: GenerationNumber, _ share: SteeringBook.Share? = nil) throws(LinuxError) {
        serving = generation
        for group in groups { try group.steer(to: generation, share) }
        closeAbandoned()
        for group in groups { try group.resetAbandoned() }
    }

    /// An address that the serving generation does not listen on any more, and no old one either, is given back: clients are
    /// refused, and do not wait in a queue that nobody serves.
    private func closeAbandoned() {
        guard let serving, configured.hasOwn(serving) || adopted.hasAny(of: serving) else { return }
        adopted.closeAbandoned()
    }

    /// Clients that wait on the socket of a generation which is gone are reset where another one serves: nobody would come to them.
    /// Where nobody serves they wait for the next one.
    public func resetAbandoned() throws(LinuxError) {
        for group in groups where group.isServed { try group.resetAbandoned() }
    }

    /// In the order of the generations, over all steered and adopted addresses; nil for whom it cannot be told of one of them.
    public func connections(of generations: [GenerationNumber]) -> [Supervisor.Connections?] {
        var sums = generations.map { _ in Supervisor.Connections?(.init(queued: 0, open: 0, idle: 0)) }
        for group in groups {
            for (index, more) in group.connections(of: generations).enumerated() {
                guard let sum = sums[index], let more else {
                    sums[index] = nil
                    continue
                }
                sums[index] = .init(
                    queued: sum.queued + more.queued, open: sum.open + more.open, idle: sum.idle + more.idle)
            }
        }
        // Whose a connection is that came from a shared socket cannot be told.
        for (index, generation) in generations.enumerated() where adopted.sharesAny(generation) { sums[index] = nil }
        return sums
    }

    // MARK: asking

    /// Asks a generation through its first TCP socket, past everybody else where sockets are steered.
    /// - Parameter path: for a GET; nil only connects.
    /// - Returns: the pid of the child that asks, whose exit code is 0 for yes; nil while the generation does not listen.
    public func ask(_ generation: GenerationNumber, path: String?) throws(LinuxError) -> ProcessID? {
        guard let (endpoint, listener) = configured.firstTCP ?? adopted.first(of: generation) else { return nil }
        let probe = try ReadinessProbe(endpoint)
        switch listener {
        case .shared(let number): return try probe.ask(path: path, through: number)
        case .steered(let group):
            guard let number = try group.steer(probe, to: generation) else {
                throw LinuxError("ask", "generation \(generation)", errno: ENOENT)
            }
            return try probe.ask(path: path, through: number)
        }
    }

    /// The child that asked has ended.
    public func endProbe() throws(LinuxError) { for group in groups { try group.endProbe() } }
}

extension ListenSockets.Description {
    /// With the port that is really in use: `tcp://127.0.0.1:40123`.
    public var actualEndpoint: ListenAddress.Endpoint { endpoint.withPort(port) }

    var isStream: Bool { if case .udp = endpoint { false } else { true } }
    var isTCP: Bool { if case .tcp = endpoint { true } else { false } }
}
