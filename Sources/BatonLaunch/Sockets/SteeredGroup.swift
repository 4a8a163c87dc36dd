import BatonCore
import BatonLinux

/// The sockets of one TCP address, one for each generation that is alive. `SteeringBook` decides which generation has which socket
/// and which of them get new connections; this class does what it decides.
///
/// A socket whose generation has gone stays, and is given to the next one: what still waits in its queue is served then, and
/// the places in the kernel's group, by which it is steered, stay what they are.
final class SteeredGroup {
    private let endpoint: ListenAddress.Endpoint
    private let options: Set<ListenAddress.Option>
    private var book = SteeringBook()
    /// By the book's numbers.
    private var members: [Member] = []

    /// An array holds no values that cannot be copied.
    private final class Member {
        let socket: ReuseportSocket
        init(_ socket: consuming ReuseportSocket) { self.socket = socket }
    }

    /// Opens the first socket. Throws EADDRINUSE where anyone listens on the address already: SO_REUSEPORT alone would let
    /// a second program of the same user in.
    init(_ address: ListenAddress) throws(LinuxError) {
        options = address.options
        let trial = try Sockets.open(address.endpoint)
        let port = Sockets.port(of: trial)
        _ = consume trial
        endpoint = address.endpoint.withPort(port)
        try add(open([]), owner: nil)
    }

    /// For an address that an app has bound itself, on a socket made by `ReuseportSocket.bound`. The first to take from the
    /// group makes its first socket.
    init(adopting endpoint: ListenAddress.Endpoint) {
        options = []
        self.endpoint = endpoint
    }

    var port: UInt16? { members.first.flatMap { Sockets.port(of: $0.socket.fd) } }

    // MARK: sockets

    private func open(_ carried: [SocketOption]) throws(LinuxError) -> Member {
        // Members stay, so that their number tells which tags are in use.
        let tag = UInt32(exactly: members.count).flatMap { $0 < ReuseportSocket.tagCount ? $0 : nil }
        let socket = try ReuseportSocket(endpoint, tag: tag, options: carried)
        if options.contains(.deferAccept) { try Sockets.deferAccept(on: socket.fd) }
        return Member(socket)
    }

    /// The first one pins the group to itself, so that those to come get nothing before they are steered to.
    private func add(_ member: Member, owner: GenerationNumber?) throws(LinuxError) {
        if members.isEmpty { try member.socket.steer(to: book.target) }
        members.append(member)
        book.add(owner: owner)
    }

    /// The descriptor for a generation that starts.
    /// - Parameter carried: options that the app had set on the socket whose place this one takes.
    func take(for generation: GenerationNumber, carrying carried: [SocketOption] = []) throws(LinuxError) -> Int32 {
        switch book.choice(for: generation, isWaitedFor: { (members[$0].socket.queued ?? 0) > 0 }) {
        case .own(let number): return members[number].socket.fd.number
        case .free(let number):
            let member = members[number]
            if !member.socket.isListening { try revive(number) }
            try member.socket.listenAgain()
            for option in carried { option.apply(to: member.socket.fd.number) }
            // Whatever the last generation did to the description that it shared with Baton.
            try setNonBlocking(options.contains(.nonBlocking), member.socket.fd.number)
            book.give(number, to: generation)
            return member.socket.fd.number
        case .new:
            let member = try open(carried)
            try setNonBlocking(options.contains(.nonBlocking), member.socket.fd.number)
            try add(member, owner: generation)
            return member.socket.fd.number
        }
    }

    /// The book first: the sockets are as it says even where one of the steps fails.
    private func revive(_ number: Int) throws(LinuxError) {
        for step in book.revive(number) {
            switch step {
            case .steer(let through): try members[through].socket.steer(to: book.target)
            case .listen(let number): try members[number].socket.listenAgain()
            }
        }
    }

    /// Sockets that their programs have shut down listen again.
    /// - Returns: whether there was any.
    func repair() throws(LinuxError) -> Bool {
        var wasAny = false
        for _ in members {
            guard let number = book.sockets.first(where: { !members[$0].socket.isListening }) else { break }
            wasAny = true
            try revive(number)
        }
        return wasAny
    }

    // MARK: owners

    func hasMember(of generation: GenerationNumber) -> Bool { book.socket(of: generation) != nil }

    /// Some generation has a socket of it.
    var isOwned: Bool { book.isOwned }

    func release(_ generation: GenerationNumber) { book.release(generation) }

    /// Some generation gets the new connections.
    var isServed: Bool { book.isServed }

    func inode(of generation: GenerationNumber) -> UInt64? {
        book.socket(of: generation).flatMap { Sockets.inode(of: members[$0].socket.fd.number) }
    }

    // MARK: steering

    /// New connections go to this generation from now on.
    /// - Parameter share: but for some of them, which another one gets.
    func steer(to generation: GenerationNumber, _ share: SteeringBook.Share? = nil) throws(LinuxError) {
        guard let number = book.socket(of: generation), let target = book.target(for: generation, share) else { return }
        try members[number].socket.steer(to: target)
        book.steer(to: target)
    }

    /// Connections that wait on an abandoned socket are reset.
    func resetAbandoned() throws(LinuxError) {
        for number in book.abandoned {
            guard let queued = members[number].socket.queued, queued > 0 else { continue }
            members[number].socket.reset()
            try revive(number)
        }
    }

    /// The probe's connection goes to this generation; everybody else's where they went.
    /// - Returns: the generation's listening socket.
    func steer(_ probe: borrowing ReadinessProbe, to generation: GenerationNumber) throws(LinuxError) -> Int32? {
        guard let number = book.socket(of: generation), let place = book.place(of: generation) else { return nil }
        try members[number].socket.steer(to: book.target, probe, to: place)
        return members[number].socket.fd.number
    }

    /// No source is treated unlike the others any more.
    func endProbe() throws(LinuxError) { try members.first?.socket.steer(to: book.target) }

    // MARK: counting

    /// In the order of the generations, and all in one scan; nil for whom it cannot be told.
    func connections(of generations: [GenerationNumber]) -> [Supervisor.Connections?] {
        let table = members.first?.socket.connectionsByTag()
        return generations.map { generation in
            guard let table, let number = book.socket(of: generation), let tag = members[number].socket.tag,
                table.indices.contains(Int(tag)), let queued = members[number].socket.queued
            else { return nil }
            return Supervisor.Connections(queued: queued, open: table[Int(tag)].open, idle: table[Int(tag)].idle)
        }
    }
}
