import BatonCore
import BatonLinux

/// The sockets of one TCP address, one for each generation that is alive, and which of them gets new connections.
///
/// A socket whose generation has gone stays, and is given to the next one: what still waits in its queue is served then, and
/// the places in the kernel's group, by which it is steered, stay what they are. Only a socket that a program has shut down
/// leaves the group; the kernel then moves the last one into the hole (reuseport_detach_sock), and so does this book.
final class SteeredGroup {
    private let endpoint: ListenAddress.Endpoint
    private let options: Set<ListenAddress.Option>
    /// In the order of the kernel's group.
    private var members: [Member] = []
    /// Who gets new connections.
    private var target = ReuseportSocket.Target(0)

    private final class Member {
        let socket: ReuseportSocket
        var owner: Int?
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
        try append(open([]))
    }

    /// For an address that an app has bound itself, on a socket made by `ReuseportSocket.bound`. The first to take from the
    /// group makes its first socket.
    init(adopting endpoint: ListenAddress.Endpoint) {
        options = []
        self.endpoint = endpoint
    }

    var port: UInt16? { members.first.flatMap { Sockets.port(of: $0.socket.fd) } }

    private func open(_ carried: [SocketOption]) throws(LinuxError) -> Member {
        let used = Set(members.compactMap { $0.socket.tag })
        let tag = (0..<ReuseportSocket.tagCount).first { !used.contains($0) }
        let socket = try ReuseportSocket(endpoint, tag: tag, options: carried)
        if options.contains(.deferAccept) { try Sockets.deferAccept(on: socket.fd) }
        return Member(socket)
    }

    /// The first one pins the group to itself, so that those to come get nothing before they are steered to.
    private func append(_ member: Member) throws(LinuxError) {
        if members.isEmpty { try member.socket.steer(to: target) }
        members.append(member)
    }

    /// The descriptor for a generation that starts: its own if it has one; the target's if nobody has it (its last owner
    /// crashed, and clients wait there), else one that is free, rather where clients wait, else a new one, which gets no
    /// connection before it is steered to.
    /// - Parameter carried: options that the app had set on the socket whose place this one takes.
    func take(for generation: Int, carrying carried: [SocketOption] = []) throws(LinuxError) -> Int32 {
        if let own = members.first(where: { $0.owner == generation }) { return own.socket.fd.number }
        let free = members.indices.filter { members[$0].owner == nil }
        guard
            let index = free.first(where: { $0 == target.index })
                ?? free.first(where: { (members[$0].socket.queued ?? 0) > 0 }) ?? free.first
        else {
            let member = try open(carried)
            try setNonBlocking(options.contains(.nonBlocking), member.socket.fd.number)
            member.owner = generation
            try append(member)
            return member.socket.fd.number
        }
        let member = members[index]
        if !member.socket.isListening { try revive(index) }
        try member.socket.listenAgain()
        for option in carried { option.apply(to: member.socket.fd.number) }
        // Whatever the last generation did to the description that it shared with Baton.
        try setNonBlocking(options.contains(.nonBlocking), member.socket.fd.number)
        member.owner = generation
        return member.socket.fd.number
    }

    func hasMember(of generation: Int) -> Bool { members.contains { $0.owner == generation } }

    /// Some generation has a socket of it.
    var isOwned: Bool { members.contains { $0.owner != nil } }

    /// Sockets that their programs have shut down listen again.
    /// - Returns: whether there was any.
    func repair() throws(LinuxError) -> Bool {
        var wasAny = false
        for _ in members {
            guard let index = members.firstIndex(where: { !$0.socket.isListening }) else { break }
            wasAny = true
            try revive(index)
        }
        return wasAny
    }

    /// The book and the program first, the socket last: from the moment that it listens it could be steered to by mistake.
    private func revive(_ index: Int) throws(LinuxError) {
        let member = members[index]
        moveToEnd(index)
        let current = members[target.index]
        if current !== member { try current.socket.steer(to: target) }
        try member.socket.listenAgain()
        if current === member { try member.socket.steer(to: target) }
    }

    /// A socket that listens again joins the group anew, as its last member.
    private func moveToEnd(_ index: Int) {
        let last = members.count - 1
        members.swapAt(index, last)
        func moved(_ place: Int) -> Int { place == index ? last : place == last ? index : place }
        target.index = moved(target.index)
        target.other = target.other.map(moved)
    }

    func release(_ generation: Int) {
        for member in members where member.owner == generation { member.owner = nil }
    }

    /// Connections that wait on a socket which nobody has any more, and which gets no new ones, are reset: those clients would
    /// wait until some later generation takes it.
    func resetAbandoned() throws(LinuxError) {
        for member in members where member.owner == nil && !isSteered(to: member) {
            guard let queued = member.socket.queued, queued > 0 else { continue }
            member.socket.reset()
            if let index = members.firstIndex(where: { $0 === member }) { try revive(index) }
        }
    }

    private func isSteered(to member: Member) -> Bool {
        member === members[target.index] || target.other.map { member === members[$0] } ?? false
    }

    /// New connections go to this generation from now on.
    /// - Parameter share: but for some of them, which another one gets.
    func steer(to generation: Int, _ share: ListenSockets.Share? = nil) throws(LinuxError) {
        guard let index = members.firstIndex(where: { $0.owner == generation }) else { return }
        var target = ReuseportSocket.Target(index)
        if let share, let other = members.firstIndex(where: { $0.owner == share.generation }) {
            target.other = other
            target.otherPercent = share.percent
        }
        try members[index].socket.steer(to: target)
        self.target = target
    }

    func inode(of generation: Int) -> UInt64? {
        members.first { $0.owner == generation }.flatMap { AcceptLook.inode(of: $0.socket.fd.number) }
    }

    /// The probe's connection goes to this generation; everybody else's where they went.
    /// - Returns: the generation's listening socket.
    func steer(_ probe: borrowing ReadinessProbe, to generation: Int) throws(LinuxError) -> Int32? {
        guard let index = members.firstIndex(where: { $0.owner == generation }) else { return nil }
        try members[index].socket.steer(to: target, probe, to: index)
        return members[index].socket.fd.number
    }

    /// No source is treated unlike the others any more.
    func endProbe() throws(LinuxError) { try members.first?.socket.steer(to: target) }

    /// In the order of the generations, and all in one look; nil for whom it cannot be told.
    func connections(of generations: [Int]) -> [Supervisor.Connections?] {
        let table = members.first?.socket.connectionsByTag()
        return generations.map { generation in
            guard let table, let member = members.first(where: { $0.owner == generation }),
                let tag = member.socket.tag, table.indices.contains(Int(tag)), let queued = member.socket.queued
            else { return nil }
            return Supervisor.Connections(queued: queued, open: table[Int(tag)].open, idle: table[Int(tag)].idle)
        }
    }
}
