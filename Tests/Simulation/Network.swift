import BatonCore

/// The steered sockets of one address, and clients that come to it: a handshake of up to a round trip, a place in the accept
/// queue of the socket that the SYN came to, a request that the program behind it answers in its time. Mirrors what
/// `SteeredGroup` does with the kernel's sockets, and loses a client where the kernel would.
struct Network {
    /// Why a generation came to its end: what its clients may be lost by.
    enum Ending: String, Sendable {
        /// By itself.
        case crash
        /// Baton stops, or a restart is wanted.
        case stop
        /// Its time was over, or there were too many like it.
        case deadline
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
        case open(by: Int, until: Instant)
    }

    fileprivate struct Client {
        var place: Int
        var stage: Stage
        /// The first whom it waited for in vain ended by this.
        var leftBy: Ending?
        let duration: Interval
    }

    /// So long a client waits where nobody comes.
    private static let patience: Interval = .seconds(5)

    /// Whom each socket belongs to, by its place in the group.
    private var owners: [Int?] = []
    /// Whom it belonged to last, and how that one ended.
    private var lastEnding: [Ending] = []
    private var target = 0
    /// Gets some of the new connections in the place of the target: so many in a hundred.
    private var other: (place: Int, percent: Int)?
    private var clients: [Client] = []
    private(set) var arrived = 0
    private(set) var served = 0
    private(set) var lost: [Ending: Int] = [:]

    /// Every client has come to one end, or is still on its way.
    var isConserved: Bool { arrived == served + lost.values.reduce(0, +) + clients.count }

    /// - Parameter lot: from 0 to 99, for whom of two it goes to.
    mutating func arrive(at now: Instant, roundTrip: Interval, duration: Interval, lot: Int) {
        guard !owners.isEmpty else { return }
        arrived += 1
        let place = other.flatMap { lot < $0.percent ? $0.place : nil } ?? target
        let leftBy = owners[place] == nil ? lastEnding[place] : nil
        clients.append(
            Client(place: place, stage: .handshake(until: now + roundTrip), leftBy: leftBy, duration: duration))
    }

    /// As `SteeredGroup.take`.
    mutating func take(for generation: Int) {
        if owners.contains(generation) { return }
        let free = owners.indices.filter { owners[$0] == nil }
        let waited = free.first { place in clients.contains { $0.place == place && $0.isQueued } }
        if let place = free.first(where: { $0 == target }) ?? waited ?? free.first {
            owners[place] = generation
        } else {
            owners.append(generation)
            lastEnding.append(.crash)
        }
    }

    /// Who waits where nobody will come is reset, as `SteeredGroup.resetAbandoned` has it.
    mutating func steer(to generation: Int, _ share: (of: Int, percent: Int)? = nil) {
        let owners = owners
        guard let place = owners.firstIndex(of: generation) else { return }
        target = place
        other = share.flatMap { share in owners.firstIndex(of: share.of).map { ($0, share.percent) } }
        let kept = other?.place
        lose { client in
            client.isQueued && client.place != place && client.place != kept && owners[client.place] == nil
        }
    }

    /// As `ListenSockets.release`.
    mutating func yield(_ generation: Int) {
        for place in owners.indices where owners[place] == generation {
            owners[place] = nil
            lastEnding[place] = .crash
        }
    }

    /// Its main process is gone.
    mutating func end(_ generation: Int, _ ending: Ending) {
        if let place = owners.firstIndex(of: generation) {
            owners[place] = nil
            lastEnding[place] = ending
            for index in clients.indices where !clients[index].isOpen && clients[index].place == place {
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
            lost[ending ?? client.leftBy ?? lastEnding[client.place], default: 0] += 1
        }
        clients.removeAll(where: isLost)
    }

    /// - Parameter accepts: the generation takes connections.
    mutating func advance(to now: Instant, accepts: (Int) -> Bool) {
        for index in clients.indices {
            if case .handshake(let until) = clients[index].stage, until <= now {
                clients[index].stage = .queued(since: until)
            }
            if case .queued = clients[index].stage, let owner = owners[clients[index].place], accepts(owner) {
                clients[index].stage = .open(by: owner, until: now + clients[index].duration)
            }
        }
        let owners = owners
        lose { client in
            guard case .queued(let since) = client.stage, owners[client.place] == nil else { return false }
            return now - since > Network.patience
        }
        let before = clients.count
        clients.removeAll { if case .open(_, let until) = $0.stage { until <= now } else { false } }
        served += before - clients.count
    }

    func connections(of generation: Int) -> (queued: Int, open: Int) {
        guard let place = owners.firstIndex(of: generation) else { return (0, 0) }
        return (
            clients.count { $0.place == place && $0.isQueued },
            clients.count { if case .open(generation, _) = $0.stage { true } else { false } }
        )
    }

    /// When the last of its requests is answered.
    func busyUntil(_ generation: Int) -> Instant? {
        clients.compactMap { if case .open(generation, let until) = $0.stage { until } else { nil } }.max()
    }
}

extension Network.Client {
    fileprivate var isOpen: Bool { if case .open = stage { true } else { false } }
    fileprivate var isQueued: Bool { if case .queued = stage { true } else { false } }
}
