import BatonCore
import BatonLinux

/// The sockets of BATON_LISTEN, in its order.
final class ConfiguredSockets {
    private enum Entry {
        /// One socket for all generations.
        case shared(SharedEntry)
        /// One socket for each.
        case steered(SteeredGroup)
    }

    private final class SharedEntry {
        let fd: FileDescriptor
        /// Nil for what has no path, or none that can be kept.
        let path: SocketPath?

        init(_ fd: consuming FileDescriptor, _ path: SocketPath?) {
            self.fd = fd
            self.path = path
        }
    }

    private typealias Address = (description: ListenSockets.Description, entry: Entry)
    private let addresses: [Address]

    /// Opens all of them or none.
    init(_ addresses: [ListenAddress], steers: Bool) throws(LinuxError) {
        var opened: [Address] = []
        for address in addresses { opened.append(try ConfiguredSockets.open(address, steers: steers)) }
        self.addresses = opened
    }

    private static func open(_ address: ListenAddress, steers: Bool) throws(LinuxError) -> Address {
        func description(_ port: UInt16?) -> ListenSockets.Description {
            .init(name: address.name, endpoint: address.endpoint, port: port)
        }
        if steers, case .tcp = address.endpoint {
            let group = try SteeredGroup(address)
            return (description(group.port), .steered(group))
        }
        let fd = try Sockets.open(address.endpoint)
        if address.options.contains(.deferAccept) { try Sockets.deferAccept(on: fd) }
        try setNonBlocking(address.options.contains(.nonBlocking), fd.number)
        let port = Sockets.port(of: fd)
        // Where the directory takes no second name the path is as safe as the app lets it be.
        var path: SocketPath?
        if case .unix(let name) = address.endpoint { path = try? SocketPath(name) }
        return (description(port), .shared(SharedEntry(fd, path)))
    }

    var descriptions: [ListenSockets.Description] { addresses.map(\.description) }

    var groups: [SteeredGroup] {
        addresses.compactMap { if case .steered(let group) = $0.entry { group } else { nil } }
    }

    // MARK: generations

    /// The descriptors for a generation that starts.
    func take(for generation: GenerationNumber) throws(LinuxError) -> [Int32] {
        var numbers: [Int32] = []
        for (_, entry) in addresses { numbers.append(try given(entry, to: generation).number) }
        return numbers
    }

    /// The socket for this address; nil where BATON_LISTEN does not name it.
    func take(_ endpoint: ListenAddress.Endpoint, for generation: GenerationNumber) throws(LinuxError) -> GivenSocket? {
        guard let (_, entry) = addresses.first(where: { $0.description.actualEndpoint == endpoint }) else { return nil }
        return try given(entry, to: generation)
    }

    private func given(_ entry: Entry, to generation: GenerationNumber) throws(LinuxError) -> GivenSocket {
        switch entry {
        case .shared(let shared): return GivenSocket(number: shared.fd.number, isSteered: false, isShared: true)
        case .steered(let group):
            return GivenSocket(number: try group.take(for: generation), isSteered: true, isShared: false)
        }
    }

    func release(_ generation: GenerationNumber) { for group in groups { group.release(generation) } }

    /// The generation has a socket that is its alone.
    func hasOwn(_ generation: GenerationNumber) -> Bool { groups.contains { $0.hasMember(of: generation) } }

    func listeners(of generation: GenerationNumber) -> [ListenSockets.Listener] {
        addresses.compactMap { description, entry in
            guard description.isStream else { return nil }
            let inode: UInt64? =
                switch entry {
                case .shared(let shared): Sockets.inode(of: shared.fd.number)
                case .steered(let group): group.inode(of: generation)
                }
            return inode.map { .init(endpoint: description.actualEndpoint, inode: $0, isAdopted: false) }
        }
    }

    /// By which a generation is asked.
    var firstTCP: (ListenAddress.Endpoint, ReachedSocket)? {
        addresses.first { $0.description.isTCP }.map { description, entry in
            switch entry {
            case .shared(let shared): (description.actualEndpoint, .shared(shared.fd.number))
            case .steered(let group): (description.actualEndpoint, .steered(group))
            }
        }
    }

    // MARK: what programs may do to them

    func repair() -> [String] {
        addresses.filter { $0.description.isStream }.flatMap { description, entry in
            SocketRepair.findings { (findings) throws(LinuxError) in
                guard try ConfiguredSockets.repair(entry, description, &findings) else { return }
                findings.append("\(description.actualEndpoint) was shut down and listens again")
            }
        }
    }

    /// - Returns: whether its program had shut it down.
    private static func repair(
        _ entry: Entry, _ description: ListenSockets.Description, _ findings: inout [String]
    ) throws(LinuxError) -> Bool {
        switch entry {
        case .steered(let group): return try group.repair()
        case .shared(let shared):
            if try shared.path?.repair() == true {
                findings.append("\(description.endpoint) was removed and exists again")
            }
            return try Sockets.repair(shared.fd.number, description.endpoint.description)
        }
    }

    func removePaths() {
        for (description, entry) in addresses {
            guard case .unix(let name) = description.endpoint, case .shared(let shared) = entry else { continue }
            if let path = shared.path { path.remove() } else { removeFile(name) }
        }
    }
}
