import BatonCore

/// A Linux made of numbers: processes that get ready, crash, ignore signals or leave children behind; files that change while
/// they are read; clients; a clock that jumps to whatever comes next. Everything follows from the seed.
package struct SimulatedWorld {
    struct Process {
        var isMainAlive = true
        var isLaunched = false
        var leftovers: Int
        let ignoresDrain: Bool
        let disposition: Supervisor.Disposition
        /// It ends by the reload signal, so long after it.
        let endsByReload: Interval?
        let saysReady: Bool
        /// It says when it reloads, and that it has; some never end.
        let saysReloading: Bool
        var isProbed = false
        /// On so many addresses of its own, taken over by Baton.
        var listens = 0
        var willEnd = false
        /// It listens, and takes no connection.
        var isDeaf = false
        /// What it leaves behind when it ends well may take its place, so many times.
        var successors = 0
        /// Connections that clients hold to it and never use.
        var connections = 0
        /// Why it is to go, as soon as it is told.
        var ending: Network.Ending?
    }

    private struct Scheduled {
        let at: Instant
        let order: Int
        let happening: Happening
    }

    enum Happening {
        case event(Supervisor.Event)
        /// Some writer has come so far.
        case written(Volume.Step)
        case writerEnded
        /// A reading has come to this step.
        case reading(Int)
    }

    let setup: Setup
    var supervisor: Supervisor
    var random: RandomSource
    var now = Instant(nanoseconds: 0)
    var processes: [GenerationNumber: Process] = [:]
    var volume: Volume
    var isWriting = false
    /// What the last writer that came to its end has written.
    var written: UInt64 = 1
    var reading: Volume.Reading?
    var readingsWanted = 0
    /// By the reading that is under way, and by the last one that was not disturbed.
    var found: Digest?
    var lastGood: Digest?
    /// What each snapshot on the stage holds, once it is whole, and which one the app reads.
    var snapshots: [SnapshotNumber: Digest] = [:]
    var promoted: SnapshotNumber?
    var dropped: Set<SnapshotNumber> = []
    /// The kernel lets Baton steer what it adopts.
    let steersAdopted: Bool
    var isCalm = false
    /// Clients, where connections are steered.
    var network = Network()
    var referee: Referee
    /// What was told and answered, where that is wanted.
    private(set) var recording: Recording
    private(set) var transitions = Transitions()
    var isRecorded = false
    /// Is told every step.
    var witness: ((String) -> Void)?
    private(set) var steps = 0
    private var queue: [Scheduled] = []
    private var order = 0

    init(seed: UInt64) {
        var random = RandomSource(seed: seed)
        let setup = SimulatedWorld.setup(&random)
        let supervisorSeed = random.next()
        supervisor = setup.supervisor(seed: supervisorSeed)
        self.setup = setup
        recording = Recording(setup: setup, seed: supervisorSeed)
        referee = Referee(setup: setup)
        volume = Volume(isKubelets: Bool.random(using: &random), content: 1)
        lastGood = volume.digest
        for (index, version) in setup.record.versions.enumerated() {
            snapshots[SnapshotNumber(index + 1)] = version.digest
        }
        steersAdopted = Int.random(in: 0..<3, using: &random) > 0
        self.random = random
    }

    // MARK: running

    /// One event: the next that is due, or mischief. Throws what the referee finds.
    mutating func step() throws {
        if setup.steers, Int.random(in: 0..<3, using: &random) == 0 {
            network.arrive(
                at: now, roundTrip: random.interval(upTo: .milliseconds(300)),
                duration: random.interval(upTo: .seconds(Int.random(in: 0..<10, using: &random) == 0 ? 20 : 1)),
                lot: Int.random(in: 0..<100, using: &random))
        }
        if !isCalm, Int.random(in: 0..<100, using: &random) < 45 {
            now = now + random.interval(upTo: .milliseconds(400))
            let due = takeDue()
            try deliver(due ?? .event(mischief()))
        } else if let due = takeNext() {
            try deliver(due)
        } else {
            now = now + .milliseconds(500)
            if !isCalm { try deliver(.event(mischief())) }
        }
    }

    /// A writer may be at it already, so that the first reading is not whole, and what it has found not there for long.
    mutating func begin() throws {
        if Int.random(in: 0..<3, using: &random) == 0 { beginWriting(2) }
        let isTorn = Int.random(in: 0..<3, using: &random) == 0
        try deliver(.event(.begin(isTorn ? nil : volume.digest)))
    }

    var isOver: Bool { if case .exited = supervisor.phase { true } else { false } }

    /// Calm: no mischief any more; what is under way goes on until nothing is.
    mutating func settleDown(limit: Interval) throws {
        isCalm = true
        referee.calmSince = now
        // Half of the time nothing more happens: what was touched last must be seen all the same.
        if Bool.random(using: &random) || volume.digest == nil { beginWriting(written + 1) }
        try deliver(.event(.resumeAsked))
        let end = now + limit
        while !isOver, now < end, let happening = takeNext() { try deliver(happening) }
        try referee.checkEnd(self)
    }

    private mutating func deliver(_ happening: Happening) throws {
        switch happening {
        case .event(let event): try deliver(event)
        case .written(let step): write(step)
        case .writerEnded: writerEnded()
        case .reading(let step): if let event = read(step) { try deliver(event) }
        }
    }

    private mutating func deliver(_ event: Supervisor.Event) throws {
        steps += 1
        let processes = processes
        network.advance(to: now) { number in
            guard let process = processes[number] else { return false }
            return process.isMainAlive && process.isLaunched && process.ending == nil && !process.isDeaf
        }
        guard let event = happen(event) else { return }
        let before = supervisor
        let effects = supervisor.handle(event, at: now)
        if isRecorded {
            transitions.note(before, supervisor, effects)
            recording.steps.append(.init(instant: now, event: event, effects: effects))
        }
        noteEndings(event, before, effects)
        witness?("\(now.nanoseconds / 1_000_000) ms: \(event)" + effects.map { "\n    \($0)" }.joined())
        try referee.check(event, before: before, after: supervisor, effects: effects, world: self)
        for effect in effects { perform(effect) }
    }

    // MARK: time

    mutating func schedule(_ event: Supervisor.Event, in interval: Interval) {
        schedule(.event(event), in: interval)
    }

    mutating func schedule(_ happening: Happening, in interval: Interval) {
        order += 1
        queue.append(Scheduled(at: now + interval, order: order, happening: happening))
    }

    private mutating func takeDue() -> Happening? {
        if let deadline = supervisor.nextDeadline, deadline <= now { return .event(.tick) }
        guard let index = earliest(), queue[index].at <= now else { return nil }
        return queue.remove(at: index).happening
    }

    private mutating func takeNext() -> Happening? {
        let index = earliest()
        let scheduled = index.map { queue[$0].at }
        if let deadline = supervisor.nextDeadline, scheduled.map({ deadline < $0 }) ?? true {
            now = max(now, deadline)
            return .event(.tick)
        }
        guard let index else { return nil }
        now = max(now, queue[index].at)
        return queue.remove(at: index).happening
    }

    private func earliest() -> Int? {
        queue.indices.min { (queue[$0].at, queue[$0].order) < (queue[$1].at, queue[$1].order) }
    }

}
