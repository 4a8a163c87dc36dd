/// Which generation has which socket of one TCP address, where each socket is in the kernel's SO_REUSEPORT group, and which of
/// them get new connections (socket(7)). Pure: it only decides; who holds the sockets does what it decides.
///
/// Sockets are numbered from 0 in the order in which they were opened, and never leave the book. The number of a socket stays;
/// its place in the group, by which the kernel is told where connections go, changes when the socket is revived.
public struct SteeringBook: Sendable, Hashable {
    /// Who gets new connections, by places in the kernel's group.
    public struct Target: Sendable, Hashable {
        public var place: Int
        /// Gets some of them instead of the first, drawn by lot.
        public var other: Int?
        /// So many in a hundred go to `other`, from 0 to 100.
        public var otherPercent = 0

        public init(_ place: Int) { self.place = place }
    }

    /// Of a hundred new connections so many go to this generation.
    public struct Share: Sendable, Hashable {
        public let generation: GenerationNumber
        public let percent: Int

        public init(of generation: GenerationNumber, percent: Int) {
            self.generation = generation
            self.percent = percent
        }
    }

    /// The socket for a generation that starts.
    public enum Choice: Sendable, Hashable {
        /// It has one already.
        case own(Int)
        /// Nobody has this one: it can be given.
        case free(Int)
        /// All have an owner: another one is to be opened and added.
        case new
    }

    /// One thing to do with the sockets.
    public enum Step: Sendable, Hashable {
        /// Tell the kernel the target, through this socket, which is in the group.
        case steer(through: Int)
        /// This socket listens again, and so joins the group anew as its last member.
        case listen(Int)
    }

    /// By socket: the generation that has it.
    private var owners: [GenerationNumber?] = []
    /// In the order of the kernel's group.
    public private(set) var sockets: [Int] = []
    public private(set) var target = Target(0)

    public init() {}

    // MARK: questions

    /// Some generation has a socket of it.
    public var isOwned: Bool { owners.contains { $0 != nil } }

    /// Some generation gets the new connections.
    public var isServed: Bool { socket(at: target.place).map { owner(of: $0) != nil } ?? false }

    public func owner(of socket: Int) -> GenerationNumber? { owners.indices.contains(socket) ? owners[socket] : nil }
    public func socket(of generation: GenerationNumber) -> Int? { owners.firstIndex(of: generation) }
    public func place(of generation: GenerationNumber) -> Int? {
        socket(of: generation).flatMap { place(ofSocket: $0) }
    }
    public func socket(at place: Int) -> Int? { sockets.indices.contains(place) ? sockets[place] : nil }

    private func place(ofSocket socket: Int) -> Int? { sockets.firstIndex(of: socket) }

    /// Its own if the generation has one; the target's if nobody has it (its last owner crashed, and clients wait there); else one
    /// that nobody has, preferably where clients wait; else a new one, which gets no connection before it is steered to.
    /// - Parameter isWaitedFor: whether clients wait on this socket.
    public func choice(for generation: GenerationNumber, isWaitedFor: (Int) -> Bool) -> Choice {
        if let own = socket(of: generation) { return .own(own) }
        let free = sockets.filter { owner(of: $0) == nil }
        let first = free.first { $0 == socket(at: target.place) } ?? free.first(where: isWaitedFor) ?? free.first
        return first.map { .free($0) } ?? .new
    }

    /// The target that sends new connections to this generation; nil where it has no socket.
    /// - Parameter share: but for some of them, which another one gets if it has a socket.
    public func target(for generation: GenerationNumber, _ share: Share? = nil) -> Target? {
        guard let place = place(of: generation) else { return nil }
        var target = Target(place)
        if let share, let other = self.place(of: share.generation) {
            target.other = other
            target.otherPercent = share.percent
        }
        return target
    }

    /// The sockets that nobody has and that get no new connections, by place. Clients that wait on one would wait until some later
    /// generation takes it.
    public var abandoned: [Int] {
        sockets.indices.filter { $0 != target.place && $0 != target.other && owner(of: sockets[$0]) == nil }.map {
            sockets[$0]
        }
    }

    // MARK: changes

    /// A new socket has joined the group.
    /// - Returns: its number.
    @discardableResult
    public mutating func add(owner: GenerationNumber?) -> Int {
        owners.append(owner)
        sockets.append(owners.count - 1)
        return owners.count - 1
    }

    public mutating func give(_ socket: Int, to generation: GenerationNumber) {
        guard owners.indices.contains(socket) else { return }
        owners[socket] = generation
    }

    /// The sockets of this generation are free for the next one.
    public mutating func release(_ generation: GenerationNumber) {
        for socket in owners.indices where owners[socket] == generation { owners[socket] = nil }
    }

    /// The kernel has been told, and sends new connections there from now on.
    public mutating func steer(to target: Target) { self.target = target }

    /// A socket that a program has shut down is to listen again. The kernel has moved the last one of the group into its place
    /// (reuseport_detach_sock), and it joins anew as the last one.
    ///
    /// The book and the kernel's program first, the socket last: from the moment that it listens it could be steered to by mistake.
    /// Only where it is itself the target does it listen first: there is no other socket through which that could be told.
    /// - Returns: what is to be done, in this order.
    public mutating func revive(_ socket: Int) -> [Step] {
        guard let place = place(ofSocket: socket) else { return [] }
        moveToEnd(place)
        guard let current = self.socket(at: target.place) else { return [.listen(socket)] }
        let tell = Step.steer(through: current)
        return current == socket ? [.listen(socket), tell] : [tell, .listen(socket)]
    }

    private mutating func moveToEnd(_ place: Int) {
        let last = sockets.count - 1
        sockets.swapAt(place, last)
        func moved(_ other: Int) -> Int { other == place ? last : other == last ? place : other }
        target.place = moved(target.place)
        target.other = target.other.map(moved)
    }
}
