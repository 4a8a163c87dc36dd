import BatonCore
import BatonLinux

/// What stands in for the sockets that generations have opened themselves, by address, in the order in which the app first listened
/// on them.
final class AdoptedSockets {
    private var addresses: [(endpoint: ListenAddress.Endpoint, sockets: AdoptedAddress)] = []
    /// Why one of them is shared by all generations: the first time.
    private var steeringRefusal: LinuxError?
    private var hasToldSteeringRefusal = false

    private func sockets(_ endpoint: ListenAddress.Endpoint) -> AdoptedAddress? {
        addresses.first { $0.endpoint == endpoint }?.sockets
    }

    var groups: [SteeredGroup] {
        addresses.compactMap { if case .steered(let group) = $0.sockets { group } else { nil } }
    }

    // MARK: calls of the app's

    /// A socket that takes the place of one which an app binds, and may listen beside those of other generations.
    /// - Throws: EADDRINUSE where anyone but Baton's own sockets listens there: SO_REUSEPORT alone would let a second program of the
    ///   same user in where the app would have been refused.
    func bind(_ endpoint: ListenAddress.Endpoint, _ options: [SocketOption]) throws(LinuxError) -> FileDescriptor {
        if sockets(endpoint) == nil {
            _ = try Sockets.bound(endpoint) { number in
                for option in options where option.isFreeBind { option.apply(to: number) }
                return true
            }
        }
        return try ReuseportSocket.bound(endpoint, options)
    }

    /// The socket that stands in for one that a generation has bound itself and now listens on. Where it cannot be steered all
    /// generations share one, unless it must be.
    func listen(
        _ endpoint: ListenAddress.Endpoint, _ options: [SocketOption], for generation: GenerationNumber, mustSteer: Bool
    ) throws(LinuxError) -> GivenSocket {
        if let known = sockets(endpoint) { return try known.take(for: generation, carrying: options) }
        var sockets = AdoptedAddress.steered(SteeredGroup(adopting: endpoint))
        let given: GivenSocket
        do throws(LinuxError) {
            given = try sockets.take(for: generation, carrying: options)
        } catch  where error.refusesSteering {
            if steeringRefusal == nil { steeringRefusal = error }
            guard !mustSteer else { throw error }
            sockets = .shared(try SharedSocket(adopting: endpoint, carrying: options))
            given = try sockets.take(for: generation, carrying: options)
        }
        addresses.append((endpoint, sockets))
        return given
    }

    /// Why an address is not steered; told once.
    func takeSteeringRefusal() -> LinuxError? {
        guard !hasToldSteeringRefusal, let steeringRefusal else { return nil }
        hasToldSteeringRefusal = true
        return steeringRefusal
    }

    // MARK: generations

    func listener(_ endpoint: ListenAddress.Endpoint, of generation: GenerationNumber) -> (
        inode: UInt64, isShared: Bool
    )? {
        guard let sockets = sockets(endpoint), let inode = sockets.inode(of: generation) else { return nil }
        if case .shared = sockets { return (inode, true) }
        return (inode, false)
    }

    func listeners(of generation: GenerationNumber) -> [ListenSockets.Listener] {
        addresses.compactMap { endpoint, sockets in
            sockets.inode(of: generation).map { .init(endpoint: endpoint, inode: $0, isAdopted: true) }
        }
    }

    func missing(from generation: GenerationNumber, comparedTo other: GenerationNumber) -> [ListenAddress.Endpoint] {
        addresses.filter { $0.sockets.hasMember(of: other) && !$0.sockets.hasMember(of: generation) }.map(\.endpoint)
    }

    func hasAny(of generation: GenerationNumber) -> Bool { addresses.contains { $0.sockets.hasMember(of: generation) } }

    /// It has one that other generations may have, too.
    func sharesAny(_ generation: GenerationNumber) -> Bool {
        addresses.contains {
            if case .shared(let socket) = $0.sockets { socket.hasMember(of: generation) } else { false }
        }
    }

    func first(of generation: GenerationNumber) -> (ListenAddress.Endpoint, ReachedSocket)? {
        addresses.first { $0.sockets.hasMember(of: generation) }.map { ($0.endpoint, $0.sockets.reached) }
    }

    func release(_ generation: GenerationNumber) { for (_, sockets) in addresses { sockets.release(generation) } }

    /// Those that no generation has.
    func closeAbandoned() { addresses.removeAll { !$0.sockets.isOwned } }

    func repair() -> [String] {
        addresses.flatMap { endpoint, sockets in
            SocketRepair.findings { (findings) throws(LinuxError) in
                if try sockets.repair() { findings.append("\(endpoint) was shut down and listens again") }
            }
        }
    }
}
