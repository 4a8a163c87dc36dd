import BatonCore

/// The steered sockets of one address, and clients that come to it: a handshake of up to a round trip, a place in the accept
/// queue of the socket that the SYN came to, a request that the program behind it answers in its time. Which
/// generation has which socket is decided by Baton's own book. A client is lost where the kernel would lose it.
struct Network {
    /// Why a generation came to its end: what its clients may be lost by.
    enum Ending: String, Sendable {
        /// By itself.
        case crash
        /// Baton stops, or a restart is wanted.
        case stop
        /// Its time was over, or there were too many like it.
        case deadline
        /// It took no connection: whoever came to it is lost.
        case deaf
        /// It never was ready. Who waited for it is served by the next one.
        case givenUp
        /// Told to go when nobody was with it any more, as far as could be seen.
        case quiet

        /// Nobody may be lost by it.
        var losesNobody: Bool { self == .quiet || self == .givenUp }
    }

    fileprivate enum Stage {
        case handshake(until: Instant)
        case queued(since: Instant)
        case open(by: GenerationNumber, until: Instant)
    }

    fileprivate struct Client {
        let socket: Int
        var stage: Stage
        /// The first whom it waited for in vain ended by this.
        var leftBy: Ending?
        let duration: Interval
    }

    /// So long a client waits where nobody comes.
    private static let patience: Interval = .seconds(5)

    private var book = SteeringBook()
    /// By socket: how the generation that had it last has ended.
    private var lastEnding: [Ending] = []
    private var clients: [Client] = []
    private(set) var arrived = 0
    private(set) var served = 0
    private(set) var lost: [Ending: Int] = [:]

    /// Every client has come to one end, or is still on its way.
    var isConserved: Bool { arrived == served + lost.values.reduce(0, +) + clients.count }

    /// - Parameter lot: from 0 to 99, for whom of two it goes to.
    mutating func arrive(at now: Instant, roundTrip: Interval, duration: Interval, lot: Int) {
        let target = book.target
        let place = target.other.flatMap { lot < target.otherPercent ? $0 : nil } ?? target.place
        guard let socket = book.socket(at: place) else { return }
        arrived += 1
        let leftBy = book.owner(of: socket) == nil ? lastEnding[socket] : nil
        clients.append(
            Client(socket: socket, stage: .handshake(until: now + roundTrip), leftBy: leftBy, duration: duration))
    }

    mutating func take(for generation: GenerationNumber) {
        let clients = clients
        switch book.choice(
            for: generation,
            isWaitedFor: { socket in
                clients.contains { $0.socket == socket && $0.isQueued }
            })
        {
        case .own: break
        case .free(let socket): book.give(socket, to: generation)
        case .new:
            book.add(owner: generation)
            lastEnding.append(.crash)
        }
    }

    /// Who waits where nobody will come is reset.
    mutating func steer(to generation: GenerationNumber, _ share: SteeringBook.Share? = nil) {
        guard let target = book.target(for: generation, share) else { return }
        book.steer(to: target)
        let abandoned = book.abandoned
        lose { $0.isQueued && abandoned.contains($0.socket) }
    }

    /// It is to have no socket any more, and its process lives on.
    mutating func yield(_ generation: GenerationNumber) { release(generation, .crash) }

    private mutating func release(_ generation: GenerationNumber, _ ending: Ending) {
        guard let socket = book.socket(of: generation) else { return }
        book.release(generation)
        lastEnding[socket] = ending
    }

    /// Its main process is gone.
    mutating func end(_ generation: GenerationNumber, _ ending: Ending) {
        if let socket = book.socket(of: generation) {
            release(generation, ending)
            for index in clients.indices where !clients[index].isOpen && clients[index].socket == socket {
                clients[index].leftBy = clients[index].leftBy ?? ending
            }
        }
        // What it has accepted a program answers before it goes, if it can.
        let cut: Ending = ending.losesNobody ? .crash : ending
        lose(by: cut) { if case .open(generation, _) = $0.stage { true } else { false } }
    }

    /// - Parameter ending: nil: the one of whom the client's socket belonged to last.
    private mutating func lose(by ending: Ending? = nil, _ isLost: (Client) -> Bool) {
        for client in clients where isLost(client) {
            lost[ending ?? client.leftBy ?? lastEnding[client.socket], default: 0] += 1
        }
        clients.removeAll(where: isLost)
    }

    /// - Parameter accepts: the generation takes connections.
    mutating func advance(to now: Instant, accepts: (GenerationNumber) -> Bool) {
        for index in clients.indices {
            if case .handshake(let until) = clients[index].stage, until <= now {
                clients[index].stage = .queued(since: until)
            }
            if case .queued = clients[index].stage, let owner = book.owner(of: clients[index].socket), accepts(owner) {
                clients[index].stage = .open(by: owner, until: now + clients[index].duration)
            }
        }
        let book = book
        lose { client in
            guard case .queued(let since) = client.stage, book.owner(of: client.socket) == nil else { return false }
            return now - since > Network.patience
        }
        let before = clients.count
        clients.removeAll { if case .open(_, let until) = $0.stage { until <= now } else { false } }
        served += before - clients.count
    }

    func connections(of generation: GenerationNumber) -> (queued: Int, open: Int) {
        guard let socket = book.socket(of: generation) else { return (0, 0) }
        return (
            clients.count { $0.socket == socket && $0.isQueued },
            clients.count { if case .open(generation, _) = $0.stage { true } else { false } }
        )
    }

    /// When the last of its requests is answered.
    func busyUntil(_ generation: GenerationNumber) -> Instant? {
        clients.compactMap { if case .open(generation, let until) = $0.stage { until } else { nil } }.max()
    }
}

extension Network.Client {
    fileprivate var isOpen: Bool { if case .open = stage { true } else { false } }
    fileprivate var isQueued: Bool { if case .queued = stage { true } else { false } }
}
