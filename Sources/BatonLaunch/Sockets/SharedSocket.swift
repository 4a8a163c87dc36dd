import BatonCore
import BatonLinux

/// The one listening socket of an adopted address, for all generations: where the kernel or a profile does not let Baton steer.
/// While two generations have it, both get new connections, as from a socket of BATON_LISTEN that is not steered.
final class SharedSocket {
    private let socket: ReuseportSocket
    private let thing: String
    private var owners: Set<Int> = []

    init(adopting endpoint: ListenAddress.Endpoint, carrying options: [SocketOption]) throws(LinuxError) {
        thing = endpoint.description
        // It has no siblings from which its connections are to be told apart.
        socket = try ReuseportSocket(endpoint, tag: nil, options: options)
    }

    var number: Int32 { socket.fd.number }
    var isOwned: Bool { !owners.isEmpty }
    var inode: UInt64? { AcceptLook.inode(of: number) }

    func hasMember(of generation: Int) -> Bool { owners.contains(generation) }
    func isShared(beside generation: Int) -> Bool { owners.contains { $0 != generation } }

    func take(for generation: Int, carrying options: [SocketOption]) throws(LinuxError) -> Int32 {
        _ = try repair()
        if owners.insert(generation).inserted { for option in options { option.apply(to: number) } }
        return number
    }

    func release(_ generation: Int) { owners.remove(generation) }

    /// - Returns: whether its program had shut it down.
    func repair() throws(LinuxError) -> Bool { try Sockets.repair(number, thing) }
}

/// What stands in for the sockets that generations have bound to one address themselves.
enum AdoptedSockets {
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

    func hasMember(of generation: Int) -> Bool {
        switch self {
        case .steered(let group): group.hasMember(of: generation)
        case .shared(let socket): socket.hasMember(of: generation)
        }
    }

    /// Of the generation's listening socket; nil where it has none.
    func inode(of generation: Int) -> UInt64? {
        switch self {
        case .steered(let group): group.inode(of: generation)
        case .shared(let socket): socket.hasMember(of: generation) ? socket.inode : nil
        }
    }

    func take(for generation: Int, carrying options: [SocketOption]) throws(LinuxError) -> ListenSockets.Given {
        switch self {
        case .steered(let group):
            return .init(number: try group.take(for: generation, carrying: options), isSteered: true, isShared: false)
        case .shared(let socket):
            let number = try socket.take(for: generation, carrying: options)
            return .init(number: number, isSteered: false, isShared: socket.isShared(beside: generation))
        }
    }

    func release(_ generation: Int) {
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
