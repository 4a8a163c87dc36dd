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

    private enum Entry {
        /// One socket for all generations.
        case shared(Int32, SocketPath?)
        /// One socket for each.
        case steered(SteeredGroup)
    }

    private var entries: [Entry] = []
    public let descriptions: [Description]

    /// In the order in which the app first listened on them.
    private var adopted: [(endpoint: ListenAddress.Endpoint, sockets: AdoptedSockets)] = []
    /// Why one of them is shared by all generations: the first time, until it is asked for.
    private var steeringRefusal: LinuxError?
    private var hasToldSteeringRefusal = false
    /// The generation that new connections were last steered to.
    private var serving: Int?

    /// Opens all of them or none.
    /// - Parameter steers: TCP addresses get a socket for each generation.
    public init(_ addresses: [ListenAddress], steers: Bool) throws(LinuxError) {
        var descriptions: [Description] = []
        var entries: [Entry] = []
        do throws(LinuxError) {
            for address in addresses {
                let (entry, port) = try ListenSockets.open(address, steers: steers)
                entries.append(entry)
                descriptions.append(Description(name: address.name, endpoint: address.endpoint, port: port))
            }
        } catch {
            ListenSockets.close(entries)
            throw error
        }
        self.entries = entries
        self.descriptions = descriptions
    }

    private static func open(_ address: ListenAddress, steers: Bool) throws(LinuxError) -> (Entry, UInt16?) {
        if steers, case .tcp = address.endpoint {
            let group = try SteeredGroup(address)
            return (.steered(group), group.port)
        }
        let fd = try Sockets.open(address.endpoint)
        if address.options.contains(.deferAccept) { try Sockets.deferAccept(on: fd) }
        try setNonBlocking(address.options.contains(.nonBlocking), fd.number)
        let port = Sockets.port(of: fd)
        // Where the directory takes no second name the path is as safe as the app lets it be.
        var path: SocketPath?
        if case .unix(let name) = address.endpoint { path = try? SocketPath(name) }
        return (.shared(fd.release(), path), port)
    }

    deinit { ListenSockets.close(entries) }

    private static func close(_ entries: [Entry]) {
        for case .shared(let number, _) in entries { _ = FileDescriptor(owning: number) }
    }

    private var groups: [SteeredGroup] {
        configuredGroups + adopted.compactMap { if case .steered(let group) = $0.sockets { group } else { nil } }
    }

    private var configuredGroups: [SteeredGroup] {
        entries.compactMap { if case .steered(let group) = $0 { group } else { nil } }
    }

    /// Some address of BATON_LISTEN has a socket for each generation.
    public var areSteered: Bool {
        entries.contains { if case .steered = $0 { true } else { false } }
    }

    /// The descriptors for a generation that starts, in the order of BATON_LISTEN.
    func take(for generation: Int) throws(LinuxError) -> [Int32] {
        var numbers: [Int32] = []
        for entry in entries {
            switch entry {
            case .shared(let number, _): numbers.append(number)
            case .steered(let group): numbers.append(try group.take(for: generation))
            }
        }
        return numbers
    }

    /// The generation is gone, or was given up: its sockets are free for the next one.
    public func release(_ generation: Int) {
        for group in configuredGroups { group.release(generation) }
        for (_, sockets) in adopted { sockets.release(generation) }
        closeAbandoned()
    }

    // MARK: adopted

    /// A socket for an app that opens one itself.
    struct Given {
        let number: Int32
        /// New connections can be moved from it to another generation's.
        let isSteered: Bool
        /// Other generations may have it, too: its flags (O_NONBLOCK) are theirs as well.
        let isShared: Bool
    }

    /// The socket that stands in for one that a generation has bound to this address itself and now listens on. Where it cannot be
    /// steered all generations share one, unless it must be.
    func adopt(
        _ endpoint: ListenAddress.Endpoint, carrying options: [SocketOption], for generation: Int, mustSteer: Bool
    ) throws(LinuxError) -> Given {
        if let own = try takeConfigured(endpoint, for: generation) { return own }
        if let known = adopted.first(where: { $0.endpoint == endpoint }) {
            return try known.sockets.take(for: generation, carrying: options)
        }
        var sockets = AdoptedSockets.steered(SteeredGroup(adopting: endpoint))
        let given: Given
        do throws(LinuxError) {
            given = try sockets.take(for: generation, carrying: options)
        } catch  where error.operation == "steer" || error.operation == "prepare" {
            if steeringRefusal == nil { steeringRefusal = error }
            guard !mustSteer else { throw error }
            sockets = .shared(try SharedSocket(adopting: endpoint, carrying: options))
            given = try sockets.take(for: generation, carrying: options)
        }
        adopted.append((endpoint, sockets))
        return given
    }

    /// Why an adopted address is not steered; told once.
    func takeSteeringRefusal() -> LinuxError? {
        guard !hasToldSteeringRefusal, let steeringRefusal else { return nil }
        hasToldSteeringRefusal = true
        return steeringRefusal
    }

    /// Where an app binds what BATON_LISTEN names anyway (it took no notice of LISTEN_FDS), this is the socket for it.
    func takeConfigured(_ endpoint: ListenAddress.Endpoint, for generation: Int) throws(LinuxError) -> Given? {
        for (entry, description) in zip(entries, descriptions) where description.actualEndpoint == endpoint {
            switch entry {
            case .shared(let number, _): return Given(number: number, isSteered: false, isShared: true)
            case .steered(let group):
                return Given(number: try group.take(for: generation), isSteered: true, isShared: false)
            }
        }
        return nil
    }

    /// Nobody but Baton's own sockets listens there: it need not be asked who does.
    func isAdopted(_ endpoint: ListenAddress.Endpoint) -> Bool { adopted.contains { $0.endpoint == endpoint } }

    /// `isShared`: other generations may hold it, too.
    func adoptedListener(_ endpoint: ListenAddress.Endpoint, of generation: Int) -> (inode: UInt64, isShared: Bool)? {
        guard let sockets = adopted.first(where: { $0.endpoint == endpoint })?.sockets,
            let inode = sockets.inode(of: generation)
        else { return nil }
        if case .shared = sockets { return (inode, true) }
        return (inode, false)
    }

    /// What one generation listens on and another does not (yet).
    public func missing(from generation: Int, comparedTo other: Int) -> [ListenAddress.Endpoint] {
        adopted.filter { $0.sockets.hasMember(of: other) && !$0.sockets.hasMember(of: generation) }.map(\.endpoint)
    }

    /// An address that the serving generation does not listen on any more, and no old one either, is given back: clients are
    /// refused, and do not wait in a queue that nobody serves.
    private func closeAbandoned() {
        guard let serving,
            configuredGroups.contains(where: { $0.hasMember(of: serving) })
                || adopted.contains(where: { $0.sockets.hasMember(of: serving) })
        else { return }
        adopted.removeAll { !$0.sockets.isOwned }
    }

    /// Undoes what a program that ends may do to sockets which are not its alone: remove the path, shut the listener down.
    /// - Returns: what was done or could not be, in words.
    public func repair() -> [String] {
        var findings: [String] = []
        for (endpoint, sockets) in adopted {
            do throws(LinuxError) {
                if try sockets.repair() { findings.append("\(endpoint) had been shut down and listens again") }
            } catch {
                findings.append("\(error); clients are refused until Baton is started again")
            }
        }
        for (entry, description) in zip(entries, descriptions) where description.isStream {
            do throws(LinuxError) {
                let wasShutDown: Bool
                switch entry {
                case .steered(let group): wasShutDown = try group.repair()
                case .shared(let number, let path):
                    if try path?.repair() == true {
                        findings.append("\(description.endpoint) had been removed and is back")
                    }
                    wasShutDown = try Sockets.repair(number, description.endpoint.description)
                }
                if wasShutDown { findings.append("\(description.actualEndpoint) had been shut down and listens again") }
            } catch {
                findings.append("\(error); clients are refused until Baton is started again")
            }
        }
        return findings
    }

    /// New connections go to this generation from now on, but for those of addresses that cannot be steered.
    /// - Parameter share: but for some of them, drawn by lot, which another one gets.
    public func steer(to generation: Int, _ share: SteeringBook.Share? = nil) throws(LinuxError) {
        serving = generation
        for group in groups { try group.steer(to: generation, share) }
        closeAbandoned()
        for group in groups { try group.resetAbandoned() }
    }

    /// In the order of the generations, over all steered and adopted addresses; nil for whom it cannot be told of one of them.
    public func connections(of generations: [Int]) -> [Supervisor.Connections?] {
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
        for case .shared(let socket) in adopted.map(\.sockets) {
            for (index, generation) in generations.enumerated() where socket.hasMember(of: generation) {
                sums[index] = nil
            }
        }
        return sums
    }

    /// A listening socket that a generation was given.
    public struct Listener: Sendable, Hashable {
        public let endpoint: ListenAddress.Endpoint
        public let inode: UInt64
        /// The app has opened it itself.
        public let isAdopted: Bool
    }

    public func listeners(of generation: Int) -> [Listener] {
        var listeners = adopted.compactMap { endpoint, sockets in
            sockets.inode(of: generation).map { Listener(endpoint: endpoint, inode: $0, isAdopted: true) }
        }
        for (entry, description) in zip(entries, descriptions) where description.isStream {
            let inode: UInt64?
            switch entry {
            case .shared(let number, _): inode = AcceptLook.inode(of: number)
            case .steered(let group): inode = group.inode(of: generation)
            }
            if let inode {
                listeners.append(Listener(endpoint: description.actualEndpoint, inode: inode, isAdopted: false))
            }
        }
        return listeners
    }

    /// Asks a generation through its first TCP socket, past everybody else where sockets are steered.
    /// - Parameter path: for a GET; nil only connects.
    /// - Returns: the pid of the child that asks, whose exit code is 0 for yes; nil while the generation does not listen.
    public func ask(_ generation: Int, path: String?) throws(LinuxError) -> ProcessID? {
        for (entry, description) in zip(entries, descriptions) {
            guard case .tcp = description.endpoint else { continue }
            let probe = try ReadinessProbe(description.actualEndpoint)
            switch entry {
            case .shared(let number, _): return try probe.ask(path: path, through: number)
            case .steered(let group): return try ask(generation, probe, path, group)
            }
        }
        guard let first = adopted.first(where: { $0.sockets.hasMember(of: generation) }) else { return nil }
        let probe = try ReadinessProbe(first.endpoint)
        switch first.sockets {
        case .shared(let socket): return try probe.ask(path: path, through: socket.number)
        case .steered(let group): return try ask(generation, probe, path, group)
        }
    }

    private func ask(_ generation: Int, _ probe: borrowing ReadinessProbe, _ path: String?, _ group: SteeredGroup)
        throws(LinuxError) -> ProcessID
    {
        guard let listener = try group.steer(probe, to: generation) else {
            throw LinuxError("ask", "generation \(generation)", errno: ENOENT)
        }
        return try probe.ask(path: path, through: listener)
    }

    /// The child that asked has ended.
    public func endProbe() throws(LinuxError) { for group in groups { try group.endProbe() } }

    /// Removes the files of unix sockets: called at the end, so that clients get "no such file" and not "refused".
    public func removePaths() {
        for (entry, description) in zip(entries, descriptions) {
            guard case .unix(let name) = description.endpoint, case .shared(_, let path) = entry else { continue }
            if let path { path.remove() } else { removeFile(name) }
        }
    }
}

extension ListenSockets.Description {
    /// With the port that is really in use: `tcp://127.0.0.1:40123`.
    public var actualEndpoint: ListenAddress.Endpoint { endpoint.withPort(port) }

    var isStream: Bool { if case .udp = endpoint { false } else { true } }
}
