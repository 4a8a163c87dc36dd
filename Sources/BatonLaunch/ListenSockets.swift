public import BatonCore
public import BatonLinux
import Glibc

/// The sockets of BATON_LISTEN, open for as long as Baton lives: they outlast every generation.
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
        entries.compactMap { if case .steered(let group) = $0 { group } else { nil } }
    }

    /// Some address has a socket for each generation.
    public var areSteered: Bool { !groups.isEmpty }

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

    /// The generation is gone: its sockets are free for the next one.
    public func release(_ generation: Int) { for group in groups { group.release(generation) } }

    /// Undoes what a program that ends may do to sockets which are not its alone: remove the path, shut the listener down.
    /// - Returns: what was done or could not be, in words.
    public func repair() -> [String] {
        var findings: [String] = []
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

    /// New connections go to this generation from now on.
    public func steer(to generation: Int) throws(LinuxError) { for group in groups { try group.steer(to: generation) } }

    /// Over all steered addresses; nil where it cannot be told of one of them.
    public func connections(of generation: Int) -> Supervisor.Connections? {
        var sum = Supervisor.Connections(queued: 0, open: 0, idle: 0)
        for group in groups {
            guard let connections = group.connections(of: generation) else { return nil }
            sum.queued += connections.queued
            sum.open += connections.open
            sum.idle += connections.idle
        }
        return sum
    }

    /// The inodes of the listening sockets that a generation has.
    public func inodes(of generation: Int) -> Set<UInt64> {
        var inodes: Set<UInt64> = []
        for (entry, description) in zip(entries, descriptions) where description.isStream {
            switch entry {
            case .shared(let number, _): if let inode = AcceptLook.inode(of: number) { inodes.insert(inode) }
            case .steered(let group): if let inode = group.inode(of: generation) { inodes.insert(inode) }
            }
        }
        return inodes
    }

    /// Asks a generation through the first TCP socket, past everybody else where sockets are steered.
    /// - Parameter path: for a GET; nil only connects.
    /// - Returns: the pid of the child that asks, whose exit code is 0 for yes.
    public func ask(_ generation: Int, path: String?) throws(LinuxError) -> ProcessID {
        let first = descriptions.indices.first { if case .tcp = descriptions[$0].endpoint { true } else { false } }
        guard let first else { throw LinuxError("ask", "a TCP socket", errno: ENOENT) }
        let probe = try ReadinessProbe(descriptions[first].actualEndpoint)
        let listener: Int32?
        switch entries[first] {
        case .shared(let number, _): listener = number
        case .steered(let group): listener = try group.steer(probe, to: generation)
        }
        guard let listener else { throw LinuxError("ask", "generation \(generation)", errno: ENOENT) }
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
