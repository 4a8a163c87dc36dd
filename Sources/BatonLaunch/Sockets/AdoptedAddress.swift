import BatonCore
import BatonLinux

/// What stands in for the sockets that generations have bound to one address themselves.
enum AdoptedAddress {
    /// One for each.
    case steered(SteeredGroup)
    /// One for all.
    case shared(SharedSocket)

    var isOwned: Bool {
        switch self {
        case .steered(let group): group.isOwned
        case .shared(let socket): socket.isOwned
        }
    }

    func hasMember(of generation: GenerationNumber) -> Bool {
        switch self {
        case .steered(let group): group.hasMember(of: generation)
        case .shared(let socket): socket.hasMember(of: generation)
        }
    }

    /// Of the generation's listening socket; nil where it has none.
    func inode(of generation: GenerationNumber) -> UInt64? {
        switch self {
        case .steered(let group): group.inode(of: generation)
        case .shared(let socket): socket.hasMember(of: generation) ? socket.inode : nil
        }
    }

    var reached: ReachedSocket {
        switch self {
        case .steered(let group): .steered(group)
        case .shared(let socket): .shared(socket.number)
        }
    }

    func take(for generation: GenerationNumber, carrying options: [SocketOption]) throws(LinuxError) -> GivenSocket {
        switch self {
        case .steered(let group):
            return .init(number: try group.take(for: generation, carrying: options), isSteered: true, isShared: false)
        case .shared(let socket):
            let number = try socket.take(for: generation, carrying: options)
            return .init(number: number, isSteered: false, isShared: socket.isShared(beside: generation))
        }
    }

    func release(_ generation: GenerationNumber) {
        switch self {
        case .steered(let group): group.release(generation)
        case .shared(let socket): socket.release(generation)
        }
    }

    /// Sockets that their programs have shut down listen again.
    /// - Returns: whether there was any.
    func repair() throws(LinuxError) -> Bool {
        switch self {
        case .steered(let group): try group.repair()
        case .shared(let socket): try socket.repair()
        }
    }
}
