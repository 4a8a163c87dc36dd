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
        var isProbed = false
        /// On so many addresses of its own, taken over by Baton.
        var listens = 0
        var willEnd = false
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
    private var dropped: Set<SnapshotNumber> = []
    /// The kernel lets Baton steer what it adopts.
    private let steersAdopted: Bool
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
        steersAdopted = Int.random(in: 0..<3, using: &random) > 0
        self.random = random
    }

    private static func setup(_ random: inout RandomSource) -> Setup {
        var setup = Setup()
        setup.onChange = ChangeMode.allCases.filter { $0 != .exit }.randomElement(using: &random) ?? .auto
        if Int.random(in: 0..<20, using: &random) == 0 { setup.onChange = .exit }
        setup.hasListener = Bool.random(using: &random)
        setup.hasSources = true
        setup.steers = setup.hasListener && Bool.random(using: &random)
        setup.hasEnvironmentSources = Int.random(in: 0..<4, using: &random) == 0
        setup.stages = Bool.random(using: &random)
        setup.reloadsByCommand = Int.random(in: 0..<3, using: &random) == 0
        setup.validates = setup.stages && Bool.random(using: &random)
        setup.validateTimeout = .milliseconds([300, 3000].randomElement(using: &random) ?? 300)
        setup.probation = .milliseconds([0, 0, 2000, 20_000].randomElement(using: &random) ?? 0)
        setup.slowStart = .milliseconds([0, 0, 1, 1000, 10_000].randomElement(using: &random) ?? 0)
        setup.hasAgent = Int.random(in: 0..<3, using: &random) == 0
        if setup.hasAgent, Bool.random(using: &random) { setup.awaited = ["configmap/web", "secret/web"] }
        setup.adopts = Int.random(in: 0..<3, using: &random) == 0
        setup.settle = .milliseconds([0, 10, 100, 1000].randomElement(using: &random) ?? 100)
        setup.splay = .milliseconds([0, 0, 500, 5000].randomElement(using: &random) ?? 0)
        setup.ready =
            [.auto, .notify, .descriptor(5), .command(["true"]), .http(path: "/"), .delay(.milliseconds(700))]
            .randomElement(using: &random) ?? .auto
        setup.readyTimeout = .milliseconds([800, 3000, 30_000].randomElement(using: &random) ?? 3000)
        setup.drainTimeout = .milliseconds([0, 300, 5000].randomElement(using: &random) ?? 300)
        setup.maxDraining = Int.random(in: 1...4, using: &random)
        setup.stopDelay = .milliseconds([0, 0, 2000].randomElement(using: &random) ?? 0)
        setup.stopTimeout = .milliseconds([100, 3000].randomElement(using: &random) ?? 3000)
        setup.restart = RestartMode.allCases.randomElement(using: &random) ?? .never
        setup.exitOK = Bool.random(using: &random) ? [143] : []
        setup.subpath = Int.random(in: 0..<10, using: &random) == 0 ? .exit : .warn
        setup.hasTerminal = Bool.random(using: &random)
        if Int.random(in: 0..<5, using: &random) == 0 { setup.signalMap = [.terminate: .quit, .hangUp: nil] }
        return setup
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
            return process.isMainAlive && process.isLaunched && process.ending == nil
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

    /// Why those are to go that are told to in this step.
    private mutating func noteEndings(_ event: Supervisor.Event, _ before: Supervisor, _ effects: [Supervisor.Effect]) {
        let said = effects.compactMap { if case .log(let record) = $0 { record.event } else { nil } }
        for case .signal(let number, let signal, _) in effects
        where signal == .kill || signal == setup.drainSignal || signal == .quit {
            // The first word counts, but for SIGKILL, which always has the last.
            guard processes[number]?.isMainAlive == true, processes[number]?.ending == nil || signal == .kill else {
                continue
            }
            let isHurried = said.contains("too_many_draining") || said.contains("drain_not_quiet")
            let after = supervisor.generation(number, in: .draining)
            processes[number]?.ending =
                if supervisor.phase != .running {
                    .stop
                } else if signal == .kill || isHurried {
                    .deadline
                } else if before.generation(number, in: .starting) != nil {
                    .givenUp
                } else if after?.drainingSince == now, before.generation(number, in: .draining) == nil {
                    // At once and in so many words: it restarts, or its sockets cannot be steered.
                    .stop
                } else {
                    .quiet
                }
        }
    }

    // MARK: time

    private mutating func schedule(_ event: Supervisor.Event, in interval: Interval) {
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

    // MARK: the world's side

    /// What an event means for the processes; nil where it can no longer happen.
    private mutating func happen(_ event: Supervisor.Event) -> Supervisor.Event? {
        switch event {
        case .launched(let number):
            guard processes[number]?.isMainAlive == true else { return nil }
            processes[number]?.isLaunched = true
            for _ in 0..<(processes[number]?.listens ?? 0) {
                schedule(.adopted(number, steers: steersAdopted), in: random.interval(upTo: .seconds(2)))
            }
            if processes[number]?.saysReady == true {
                var ready = Notification()
                ready.ready = true
                schedule(.notified(number, ready), in: random.interval(upTo: .seconds(1)))
                schedule(
                    .readyDescriptor(number, isReady: Bool.random(using: &random)),
                    in: random.interval(upTo: .seconds(1)))
            }
            return event
        case .adopted(let number, _): return processes[number]?.isLaunched == true ? event : nil
        case .launchFailed(let number, _):
            guard processes[number]?.isMainAlive == true else { return nil }
            processes[number] = nil
            network.end(number, .crash)
            return event
        case .exited(let number, let status, _):
            guard let process = processes[number] else { return nil }
            // Told a second time: no world does it, and no harm may come of it.
            guard process.isMainAlive else { return event }
            network.end(number, process.ending ?? .crash)
            if process.leftovers > 0 { processes[number]?.isMainAlive = false } else { processes[number] = nil }
            noteIfAlone()
            return .exited(number, status, leftovers: process.leftovers > 0)
        case .groupEmptied(let number):
            guard let process = processes[number], !process.isMainAlive else { return nil }
            processes[number] = nil
            noteIfAlone()
            return event
        case .probeFinished(let number, _):
            guard processes[number]?.isProbed == true else { return nil }
            processes[number]?.isProbed = false
            return event
        case .snapshotStaged(let number, .whole):
            guard !dropped.contains(number) else { return nil }
            // Copied is what is there now, and that is compared with what was to be copied.
            let wanted = supervisor.phase == .waiting ? supervisor.firstDigest : supervisor.move?.change.digest
            guard let digest = volume.digest, digest == wanted else {
                return .snapshotStaged(number, .torn("it moved"))
            }
            snapshots[number] = digest
            return event
        case .childrenGone:
            return processes.isEmpty ? event : nil
        case .disposition(let number, _):
            guard let process = processes[number], process.isMainAlive else { return .disposition(number, .unknown) }
            return .disposition(number, process.disposition)
        default: return event
        }
    }

    private mutating func noteIfAlone() { if processes.isEmpty { schedule(.childrenGone, in: .zero) } }

    private mutating func perform(_ effect: Supervisor.Effect) {
        switch effect {
        case .start(let number): start(number)
        case .signal(let number, let signal, let recipient): receive(number, signal, recipient)
        case .inspect(let number, _): schedule(.disposition(number, .unknown), in: .zero)
        case .lookWhetherWaiting(let number): schedule(.looked(number, look(number)), in: .milliseconds(1))
        case .countConnections(let number): schedule(.connections(number, count(number)), in: .milliseconds(1))
        case .runProbe(let number):
            processes[number]?.isProbed = true
            let isReady = Int.random(in: 0..<3, using: &random) == 0
            schedule(.probeFinished(number, isReady: isReady), in: random.interval(upTo: .milliseconds(300)))
        case .endProbe(let number): processes[number]?.isProbed = false
        case .checkGroup(let number):
            if Bool.random(using: &random) { schedule(.groupEmptied(number), in: .zero) }
        case .readSnapshot: wantReading()
        case .signalDescendants(let signal): signalAll(signal)
        case .stageSnapshot(let number):
            let result: Supervisor.StageResult =
                !isCalm && Int.random(in: 0..<15, using: &random) == 0 ? .failed("no space left") : .whole
            schedule(.snapshotStaged(number, result), in: random.interval(upTo: .milliseconds(50)))
        case .promote(let number): promoted = number
        case .dropSnapshot(let number):
            snapshots[number] = nil
            dropped.insert(number)
        case .validate(let number):
            // Some never answer.
            if !isCalm, Int.random(in: 0..<6, using: &random) == 0 { return }
            let refusal = !isCalm && Int.random(in: 0..<3, using: &random) == 0 ? "line 3" : nil
            schedule(.validated(number, refusal: refusal), in: random.interval(upTo: .seconds(1)))
        case .runReload(let change, _):
            // Some never end.
            if !isCalm, Int.random(in: 0..<6, using: &random) == 0 { return }
            let failure = !isCalm && Int.random(in: 0..<3, using: &random) == 0 ? "no such server" : nil
            schedule(.reloadFinished(change, failure: failure), in: random.interval(upTo: .seconds(1)))
        case .endReload: break
        case .startAgent:
            for source in setup.awaited.sorted() {
                schedule(.staged(source), in: random.interval(upTo: .seconds(3)))
            }
            if !isCalm, Bool.random(using: &random) {
                schedule(.agentEnded(.exited(1)), in: random.interval(upTo: .seconds(20)))
            }
        case .adoptMain, .giveTerminal, .stopSelf, .changeEnded, .log, .exit: break
        case .yieldSockets(let number): network.yield(number)
        case .steer(let number):
            arriveAtTheLastMoment()
            network.steer(to: number)
        case .share(let number, let old, let percent):
            arriveAtTheLastMoment()
            network.steer(to: number, .init(of: old, percent: 100 - percent))
        }
    }

    /// From far away. Who takes longer than Times.handshake is not waited for.
    private mutating func arriveAtTheLastMoment() {
        guard setup.steers, Bool.random(using: &random) else { return }
        network.arrive(
            at: now, roundTrip: .milliseconds(999), duration: .milliseconds(10),
            lot: Int.random(in: 0..<100, using: &random))
    }

    private mutating func start(_ number: GenerationNumber) {
        if setup.steers { network.take(for: number) }
        let crashes = !isCalm && Int.random(in: 0..<4, using: &random) == 0
        processes[number] = Process(
            leftovers: Int.random(in: 0..<6, using: &random) == 0 ? 1 : 0,
            ignoresDrain: Int.random(in: 0..<5, using: &random) == 0,
            disposition: [.caught, .caught, .caughtByRuntime("Go"), .notCaught, .notCaught, .unknown]
                .randomElement(using: &random) ?? .caught,
            endsByReload: !isCalm && Int.random(in: 0..<4, using: &random) == 0
                ? .milliseconds([0, 1000, 10_000].randomElement(using: &random) ?? 0) : nil,
            saysReady: isCalm || Int.random(in: 0..<5, using: &random) > 0,
            listens: setup.adopts ? [0, 1, 1, 2].randomElement(using: &random) ?? 0 : 0,
            connections: [0, 3, 1_000_000].randomElement(using: &random) ?? 0)
        if !isCalm, Int.random(in: 0..<20, using: &random) == 0 {
            schedule(.launchFailed(number, .init(reason: "no such file", exitCode: 127)), in: .milliseconds(1))
            return
        }
        schedule(.launched(number), in: random.interval(upTo: .milliseconds(5)))
        if crashes { schedule(.exited(number, .exited(1), leftovers: false), in: random.interval(upTo: .seconds(4))) }
    }

    private mutating func look(_ number: GenerationNumber) -> Supervisor.Waiting {
        switch Int.random(in: 0..<100, using: &random) {
        case 0: .unknown("not permitted")
        case 1..<8: .yes
        case 8..<12: .partly("tcp://*:8081")
        default: .no
        }
    }

    /// Clients go one by one; some never do. Now and then the kernel does not tell.
    private mutating func count(_ number: GenerationNumber) -> Supervisor.Connections? {
        if Int.random(in: 0..<8, using: &random) == 0 { return nil }
        let open = max(0, (processes[number]?.connections ?? 0) - Int.random(in: 0...1, using: &random))
        processes[number]?.connections = open
        if setup.steers {
            let real = network.connections(of: number)
            return .init(queued: real.queued, open: open + real.open, idle: open / 2)
        }
        return .init(queued: Int.random(in: 0..<4, using: &random) == 0 ? 1 : 0, open: open, idle: open / 2)
    }

    private mutating func receive(_ number: GenerationNumber, _ signal: Signal, _ recipient: Supervisor.Recipient) {
        guard let process = processes[number] else { return }
        if signal == .kill {
            schedule(.exited(number, .signalled(9), leftovers: false), in: .zero)
            if recipient != .main {
                processes[number]?.leftovers = 0
                if !process.isMainAlive { schedule(.groupEmptied(number), in: .milliseconds(1)) }
            }
        } else if signal == setup.reloadSignal, recipient == .main, let wait = process.endsByReload {
            guard process.isMainAlive, !process.willEnd else { return }
            processes[number]?.willEnd = true
            let status: ExitStatus = Bool.random(using: &random) ? .exited(0) : .signalled(signal.number)
            schedule(.exited(number, status, leftovers: false), in: wait)
        } else if signal == setup.drainSignal || signal == .quit {
            if !process.isMainAlive { return schedule(.groupEmptied(number), in: random.interval(upTo: .seconds(2))) }
            guard !process.ignoresDrain, !process.willEnd else { return }
            processes[number]?.willEnd = true
            let status: ExitStatus = Bool.random(using: &random) ? .exited(0) : .signalled(15)
            // What it has accepted it answers.
            let busy = max(.zero, (network.busyUntil(number) ?? now) - now)
            schedule(.exited(number, status, leftovers: false), in: busy + random.interval(upTo: .seconds(1)))
        }
    }

    private mutating func signalAll(_ signal: Signal) {
        for (number, process) in processes.sorted(by: { $0.key < $1.key }) {
            if signal == .kill { processes[number]?.leftovers = 0 }
            let wait: Interval = signal == .kill ? .milliseconds(1) : random.interval(upTo: .seconds(2))
            if process.isMainAlive {
                schedule(.exited(number, .signalled(signal.number), leftovers: false), in: wait)
            } else if signal == .kill || !process.ignoresDrain {
                schedule(.groupEmptied(number), in: wait)
            }
        }
        noteIfAlone()
    }
}
