import BatonCore
import BatonLinux

/// The one listening socket of an adopted address, for all generations: where the kernel or a profile does not let Baton steer.
/// While two generations have it, both get new connections, as from a socket of BATON_LISTEN that is not steered.
final class SharedSocket {
    private let socket: ReuseportSocket
    private let thing: String
    private var owners: Set<GenerationNumber> = []

    init(adopting endpoint: ListenAddress.Endpoint, carrying options: [SocketOption]) throws(LinuxError) {
        thing = endpoint.description
        // It has no siblings from which its connections are to be told apart.
        socket = try ReuseportSocket(endpoint, tag: nil, options: options)
    }

    var number: Int32 { socket.fd.number }
    var isOwned: Bool { !owners.isEmpty }
    var inode: UInt64? { Sockets.inode(of: number) }

    func hasMember(of generation: GenerationNumber) -> Bool { owners.contains(generation) }
    func isShared(beside generation: GenerationNumber) -> Bool { owners.contains { $0 != generation } }

    func take(for generation: GenerationNumber, carrying options: [SocketOption]) throws(LinuxError) -> Int32 {
        _ = try repair()
        if owners.insert(generation).inserted { for option in options { option.apply(to: number) } }
        return number
    }

    func release(_ generation: GenerationNumber) { owners.remove(generation) }

    /// - Returns: whether its program had shut it down.
    func repair() throws(LinuxError) -> Bool { try Sockets.repair(number, thing) }
}
