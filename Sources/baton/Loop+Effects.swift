import BatonCore
import BatonLaunch
import BatonLinux
import BatonWatch
import Glibc

// What the supervisor wants done.
extension Loop {
    func perform(_ effect: Supervisor.Effect) {
        switch effect {
        case .start(let number):
            start(number)
            // It may tell a running copy to replace itself.
            noteSockets(besides: number)
        case .signal(let number, let signal, let recipient): send(signal, to: number, recipient)
        case .inspect(let number, let signal):
            enqueue(.disposition(number, generations[number]?.disposition(of: signal, access) ?? .unknown))
        case .scan(let number): scan(number)
        case .yieldSockets(let number): launcher.sockets.release(number)
        case .steer(let number): steer(number)
        case .share(let number, let other, let percent):
            steer(number, .init(of: other, percent: 100 - percent))
        case .countConnections(let number): toCount.append(number)
        case .runProbe(let number): runProbe(number)
        case .endProbe(let number):
            if let probe = generations[number]?.probe { Processes.signal(group: probe, .kill) }
        case .checkGroup(let number): if let generation = generations[number] { checkGroup(generation) }
        case .adoptMain(let number, let pid): adoptMain(number, pid)
        case .noteSockets(let number): generations[number]?.noteSockets(access)
        case .replaceMain(let number, let pid): replaceMain(number, pid)
        case .readSnapshot:
            let (result, records) = watcher.reader.read(at: Clock.now())
            log(records)
            if let result { enqueue(.snapshot(result)) }
        case .stageSnapshot(let number): stageSnapshot(number)
        case .promote(let number): promote(number)
        case .dropSnapshot(let number): dropSnapshot(number)
        case .validate(let number): validate(number)
        case .keepRecord(let good, let before, let held): keepRecord(good, before, held)
        case .runReload(let change, let number): runReload(change, number)
        case .endReload(let change):
            if let reloader, reloader.change == change { Processes.signal(group: reloader.pid, .kill) }
        case .startAgent: startAgent()
        case .giveTerminal(let number): giveTerminal(number)
        case .stopSelf: stopSelf()
        case .signalDescendants(let signal): signalDescendants(signal)
        // The log has told it, and the supervisor's history keeps it.
        case .changeEnded: break
        case .log(let record): logger.log(record)
        case .exit(let code): finish(code)
        }
    }

    /// One count for all generations that wait for one, and never for more than a twentieth of the time: it costs the kernel more
    /// the larger its table of connections is.
    func countConnections() {
        guard !toCount.isEmpty, Clock.now() >= mayCountAt else { return }
        let numbers = toCount
        toCount = []
        let began = Clock.now()
        for (number, connections) in zip(numbers, launcher.sockets.connections(of: numbers)) {
            enqueue(.connections(number, connections))
        }
        let ended = Clock.now()
        mayCountAt = ended + (ended - began) * 20
    }

    private func runReload(_ change: ChangeNumber, _ number: GenerationNumber) {
        guard let generation = generations[number], let command = settings.reloadCommand else {
            return enqueue(.reloadFinished(change, failure: "generation \(number) has ended"))
        }
        logger.writeHeld()
        do throws(LinuxError) { reloader = (change, try launcher.startCommand(command, for: generation)) } catch {
            enqueue(.reloadFinished(change, failure: "cannot start the reload command: \(error)"))
        }
    }

    private func startAgent() {
        do throws(LinuxError) {
            logger.writeHeld()
            let agent = try launcher.startAgent(
                AgentSetup.program, subpaths.flatMap(\.arguments))
            self.agent = agent
            register(agent)
        } catch {
            logger.log(LogRecord(.agentStartFailed, "cannot start the agent: \(error)"))
            enqueue(.agentEnded(.exited(126)))
        }
    }

    private func scan(_ number: GenerationNumber) {
        guard let generation = generations[number] else { return }
        let sockets = launcher.sockets.listeners(of: number)
        let scan = access.run {
            AcceptScan.scan(
                [generation.pid] + Procfs.descendantsAtAGlance(of: generation.pid), Set(sockets.map(\.inode)))
        }
        switch scan {
        case .cannotTell(let reason): enqueue(.scanned(number, .unknown(reason)))
        case .waits(on: []): enqueue(.scanned(number, .no))
        case .waits(let inodes):
            // Of the sockets that it was handed it may use one; those that it opened itself it means to use.
            let idle = sockets.filter { $0.isAdopted && !inodes.contains($0.inode) }.map(\.endpoint)
            let serving = supervisor.serving?.number ?? number
            let missing = idle + launcher.sockets.missing(from: number, comparedTo: serving)
            let names = missing.map(\.description).joined(separator: ", ")
            enqueue(.scanned(number, missing.isEmpty ? .yes : .partly(names)))
        }
    }

    private func steer(_ number: GenerationNumber, _ share: SteeringBook.Share? = nil) {
        do throws(LinuxError) { try launcher.sockets.steer(to: number, share) } catch {
            logger.log(
                LogRecord(
                    .steeringFailed, "cannot move new connections to generation \(number): \(error)",
                    [.generation(number)]))
        }
    }

    func send(_ signal: Signal, to number: GenerationNumber, _ recipient: Supervisor.Recipient) {
        guard !keep(signal, for: number, recipient), let generation = generations[number] else { return }
        let toGroup =
            switch recipient {
            case .main: false
            case .group: true
            case .target: settings.signalTarget == .group
            }
        generation.followSuccessor()
        // It may replace itself by this signal.
        defer { if supervisor.generation(number, in: .ready) != nil { generation.noteSockets(access) } }
        guard toGroup || generation.isMainReaped else { return Processes.signal(process: generation.pid, signal) }
        // Once its leader is reaped the group's number may come to mean another: ask before every use.
        if !generation.isMainReaped || Processes.groupExists(generation.group) {
            Processes.signal(group: generation.group, signal)
        }
        if !generation.isMainReaped, generation.pid != generation.group,
            Procfs.processGroup(of: generation.pid) != generation.group
        {
            Processes.signal(process: generation.pid, signal)
        }
    }

    private func runProbe(_ number: GenerationNumber) {
        guard let generation = generations[number], generation.probe == nil else { return }
        do throws(LinuxError) {
            switch settings.ready {
            case .command(let command):
                logger.writeHeld()
                generation.probe = try launcher.startCommand(command, for: generation)
            case .http(let path): generation.probe = try launcher.sockets.ask(number, path: path)
            case .tcp: generation.probe = try launcher.sockets.ask(number, path: nil)
            case .auto, .notify, .descriptor, .delay: break
            }
            // It does not listen on anything yet.
            if generation.probe == nil { enqueue(.probeFinished(number, isReady: false)) }
        } catch {
            logger.log(LogRecord(.probeFailed, "cannot start the readiness probe: \(error)"))
            enqueue(.probeFinished(number, isReady: false))
        }
    }

    func endProbe() {
        do throws(LinuxError) { try launcher.sockets.endProbe() } catch {
            logger.log(LogRecord(.probeSteeringFailed, "cannot end the readiness probe: \(error)"))
        }
    }

    private func adoptMain(_ number: GenerationNumber, _ pid: ProcessID) {
        guard let generation = generations[number], !generation.isMainReaped, pid != generation.pid else { return }
        guard Procfs.isDescendant(pid, of: .own) else {
            logger.log(
                LogRecord(
                    .mainPIDRefused,
                    "ignoring MAINPID=\(pid) of generation \(number): this process is not a descendant of Baton",
                    [.generation(number)]))
            return
        }
        generation.adoptMain(pid)
        generation.noteSockets(access)
        logger.log(
            LogRecord(
                .mainPIDChanged, "the main process of generation \(number) is now \(pid)", [.generation(number)]))
    }

    private func giveTerminal(_ number: GenerationNumber) {
        guard hasTerminal, let generation = generations[number], let foreground = Terminal.foregroundGroup else {
            return
        }
        // Only from ourselves or from another of our own: in the background the terminal is the shell's.
        guard foreground.value == getpgrp() || generations.values.contains(where: { $0.group == foreground }) else {
            return
        }
        Terminal.setForeground(generation.group)
    }

    private func stopSelf() {
        guard getpid() != 1 else { return }
        logger.writeHeld()
        Processes.stopSelf()
    }

    private func signalDescendants(_ signal: Signal) {
        watcher.sightings.endHelpers()
        cancelEnvironment()
        // Those that fork while they are being killed are found in the next round.
        for _ in 0..<(signal == .kill ? 3 : 1) where Reaper.hasChildren {
            for pid in Procfs.descendants(of: .own) {
                Processes.signal(process: pid, signal)
                if signal != .kill { Processes.signal(process: pid, .cont) }
            }
        }
        reap()
    }
}
