import BatonCore

// What the world does of what it is told to.
extension SimulatedWorld {
    mutating func perform(_ effect: Supervisor.Effect) {
        switch effect {
        case .start(let number): start(number)
        case .signal(let number, let signal, let recipient): receive(number, signal, recipient)
        case .inspect(let number, _): schedule(.disposition(number, .unknown), in: .zero)
        case .scan(let number): schedule(.scanned(number, look(number)), in: .milliseconds(1))
        case .countConnections(let number): schedule(.connections(number, count(number)), in: .milliseconds(1))
        case .runProbe(let number):
            processes[number]?.isProbed = true
            // Some never end.
            if !isCalm, Int.random(in: 0..<10, using: &random) == 0 { return }
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
            let verdicts: [Supervisor.Verdict] =
                isCalm ? [.accepted] : [.accepted, .accepted, .rejected("line 3"), .none("killed")]
            let verdict = verdicts.randomElement(using: &random) ?? .accepted
            schedule(.validated(number, verdict), in: random.interval(upTo: .seconds(1)))
        case .runReload(let change, let number):
            // Some never end.
            if !isCalm, Int.random(in: 0..<6, using: &random) == 0 { return }
            let failure = !isCalm && Int.random(in: 0..<3, using: &random) == 0 ? "no such server" : nil
            let wait = random.interval(upTo: .seconds(1))
            schedule(.reloadFinished(change, failure: failure), in: wait)
            endByReload(number, after: wait)
        case .endReload: break
        case .startAgent:
            for source in setup.awaited.sorted() {
                schedule(.sourceArrived(source), in: random.interval(upTo: .seconds(3)))
            }
            if !isCalm, Bool.random(using: &random) {
                schedule(.agentEnded(.exited(1)), in: random.interval(upTo: .seconds(20)))
            }
        case .replaceMain(let number, _): processes[number]?.isMainAlive = true
        case .adoptMain, .noteSockets, .giveTerminal, .stopSelf, .changeEnded, .log, .exit, .keepRecord: break
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
    mutating func arriveAtTheLastMoment() {
        guard setup.steers, Bool.random(using: &random) else { return }
        network.arrive(
            at: now, roundTrip: .milliseconds(999), duration: .milliseconds(10),
            lot: Int.random(in: 0..<100, using: &random))
    }

    mutating func start(_ number: GenerationNumber) {
        if setup.steers { network.take(for: number) }
        let crashes = !isCalm && Int.random(in: 0..<4, using: &random) == 0
        processes[number] = Process(
            leftovers: Int.random(in: 0..<6, using: &random) == 0 ? 1 : 0,
            ignoresDrain: Int.random(in: 0..<5, using: &random) == 0,
            disposition: [.caught, .caught, .caughtByRuntime("Go"), .notCaught, .ignored, .unknown]
                .randomElement(using: &random) ?? .caught,
            endsByReload: !isCalm && Int.random(in: 0..<4, using: &random) == 0
                ? .milliseconds([0, 1000, 10_000].randomElement(using: &random) ?? 0) : nil,
            saysReady: isCalm || Int.random(in: 0..<5, using: &random) > 0,
            saysReloading: Int.random(in: 0..<4, using: &random) == 0,
            listens: setup.adopts ? [0, 1, 1, 2].randomElement(using: &random) ?? 0 : 0,
            successors: [0, 0, 1, 3].randomElement(using: &random) ?? 0,
            connections: [0, 3, 1_000_000].randomElement(using: &random) ?? 0)
        if !isCalm, Int.random(in: 0..<8, using: &random) == 0 {
            processes[number]?.isDeaf = true
            processes[number]?.connections = 0
        }
        if !isCalm, Int.random(in: 0..<20, using: &random) == 0 {
            schedule(.launchFailed(number, .init(reason: "no such file", exitCode: 127)), in: .milliseconds(1))
            return
        }
        schedule(.launched(number), in: random.interval(upTo: .milliseconds(5)))
        if crashes { schedule(.exited(number, .exited(1), leftovers: false), in: random.interval(upTo: .seconds(4))) }
    }

    mutating func look(_ number: GenerationNumber) -> Supervisor.Waiting {
        switch Int.random(in: 0..<100, using: &random) {
        case 0: .unknown("not permitted")
        case 1..<8: .yes
        case 8..<12: .partly("tcp://*:8081")
        default: .no
        }
    }

    /// Clients go one by one; some never do. Now and then the kernel does not tell.
    mutating func count(_ number: GenerationNumber) -> Supervisor.Connections? {
        if Int.random(in: 0..<8, using: &random) == 0 { return nil }
        let open = max(0, (processes[number]?.connections ?? 0) - Int.random(in: 0...1, using: &random))
        processes[number]?.connections = open
        if setup.steers {
            let real = network.connections(of: number)
            return .init(queued: real.queued, open: open + real.open + real.queued, idle: open / 2)
        }
        return .init(queued: Int.random(in: 0..<4, using: &random) == 0 ? 1 : 0, open: open, idle: open / 2)
    }

    mutating func receive(_ number: GenerationNumber, _ signal: Signal, _ recipient: Supervisor.Recipient) {
        guard let process = processes[number] else { return }
        if signal == .kill {
            schedule(.exited(number, .signalled(9), leftovers: false), in: .zero)
            if recipient != .main {
                processes[number]?.leftovers = 0
                if !process.isMainAlive { schedule(.groupEmptied(number), in: .milliseconds(1)) }
            }
        } else if signal == setup.reloadSignal, recipient == .main {
            if process.saysReloading {
                schedule(.notified(number, Notification.reloadingWord), in: .milliseconds(1))
                if isCalm || Int.random(in: 0..<4, using: &random) > 0 {
                    schedule(.notified(number, Notification.readyWord), in: random.interval(upTo: .seconds(2)))
                }
            }
            endByReload(number, after: .zero)
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

    private mutating func endByReload(_ number: GenerationNumber, after wait: Interval) {
        guard let process = processes[number], process.isMainAlive, !process.willEnd, let later = process.endsByReload
        else { return }
        processes[number]?.willEnd = true
        let status: ExitStatus = [.exited(0), .exited(3), .signalled(1)].randomElement(using: &random) ?? .exited(3)
        schedule(.exited(number, status, leftovers: false), in: wait + later)
    }

    mutating func signalAll(_ signal: Signal) {
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

extension Notification {
    fileprivate static var readyWord: Notification {
        var notification = Notification()
        notification.ready = true
        return notification
    }

    fileprivate static var reloadingWord: Notification {
        var notification = Notification()
        notification.reloading = true
        return notification
    }
}
