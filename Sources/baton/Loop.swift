import BatonCore
import BatonLaunch
import BatonLinux
import BatonWatch
import Glibc

/// The one thread's loop: waits for Linux, tells the supervisor what happened, does what it answers.
final class Loop {
    let settings: Settings
    let launcher: Launcher
    let adoption: Adoption
    let access: ForeignAccess
    let watcher: Watcher
    let environmentFiles: EnvironmentFiles
    /// What the agent traces to its object.
    let subpaths: [SubpathMount]
    let logger: Logger
    let hasTerminal: Bool
    var supervisor: Supervisor
    var generations = NumberMap<GenerationProcess>()
    var agent: AgentProcess?
    let stage: SnapshotStage
    var stageReporter = StageReporter()
    /// The copy and the check of a snapshot that are under way.
    var snapshotCopy: SnapshotCopyProcess?
    var validator: (number: Int, pid: ProcessID)?
    /// The reload command that runs, or ran last and was not waited for.
    var reloader: (change: Int, pid: ProcessID)?
    let startedAt = Clock.now()
    let control: ControlSocket?
    /// Those who ask over the control socket, each until it has its answer or its time is over.
    var peers = NumberMap<(peer: ControlPeer, deadline: Instant)>()
    var nextPeer = 0
    /// Generations whose connections are to be counted, and from when on that may be done.
    var toCount: [Int] = []
    var mayCountAt = Clock.now()
    /// By generation. Some process of one may outlive it.
    private var callListeners = NumberMap<SeccompListener>()

    private let epoll: Epoll
    private let signals: SignalFD
    private var origins = NumberMap<Registration>()
    private var nextToken = 1
    private var events: [Supervisor.Event] = []
    private var exitCode: Int32?
    /// Children may have ended that were not reaped in the last round.
    private var mayReapMore = false

    /// What a descriptor in the epoll set stands for.
    enum Origin: Hashable {
        case signals
        case inotify
        case launchReport(Int)
        case notification(Int)
        case readiness(Int)
        case calls(Int)
        case helper(Int)
        case agent
        case control
        case peer(Int)
    }

    private struct Registration {
        let origin: Origin
        let descriptor: Int32
    }

    /// Work of one kind in one round is bounded, so that no flood of it keeps the loop from the rest.
    private enum Bounds {
        static let signals = 256
        static let reaped = 1024
        static let notifications = 64
    }

    init(
        settings: Settings, plan: Plan, launcher: Launcher, adoption: Adoption, access: ForeignAccess,
        watcher: Watcher, environmentFiles: EnvironmentFiles, subpaths: [SubpathMount], control: ControlSocket?,
        logger: Logger
    ) throws(LinuxError) {
        self.settings = settings
        self.launcher = launcher
        self.adoption = adoption
        self.access = access
        self.watcher = watcher
        self.environmentFiles = environmentFiles
        self.subpaths = subpaths
        self.control = control
        self.logger = logger
        stage = SnapshotStage(
            settings.stage, run: "\(Clock.stamp()).\(getpid())", own: settings.stages ? settings.socketPaths : [])
        hasTerminal = plan.hasTerminal
        supervisor = Supervisor(settings, plan, seed: Random.number())
        epoll = try Epoll()
        signals = try SignalFD()
        try add(.signals, signals.number)
        if let control { try add(.control, control.descriptor) }
    }

    // MARK: the loop

    func run() -> Int32 {
        logger.log(
            LogRecord(
                .info, "baton_starting", "baton \(Baton.version) starting as process \(getpid())",
                [.text("version", Baton.version)]))
        take(watcher.start(at: Clock.now()))
        let (first, reports) = watcher.readSnapshot(at: Clock.now())
        if case .whole(let digest) = first { events.append(.begin(digest)) } else { events.append(.begin(nil)) }
        // Told before the app is started.
        let adoption = supervisor.plan.adoption
        if adoption.choice == .refused { events.append(.adoptionRefused(adoption.reason)) }
        take(reports)
        while true {
            registerWatcher()
            countConnections()
            handleEvents()
            if logger.isForTerminal { logger.show(exitCode == nil ? supervisor.progress(at: Clock.now()) : nil) }
            if let exitCode {
                logger.flush()
                return exitCode
            }
            waitForLinux()
            // At once: it may be a change that the app waits for.
            handleEvents()
            if mayReapMore { reap() }
            take(watcher.tick(at: Clock.now()))
            if let deadline = supervisor.nextDeadline, deadline <= Clock.now() { events.append(.tick) }
            if !peers.isEmpty { dismissLatePeers() }
            if logger.hasKept { logger.flush() }
        }
    }

    private func handleEvents() {
        var next = 0
        while next < events.count, exitCode == nil {
            for effect in supervisor.handle(events[next], at: Clock.now()) { perform(effect) }
            next += 1
        }
        events.removeAll(keepingCapacity: true)
    }

    func enqueue(_ event: Supervisor.Event) { events.append(event) }

    func finish(_ code: Int32) { exitCode = code }

    private func waitForLinux() {
        do {
            try epoll.wait(milliseconds: timeout()) { ready in readable(Int(truncatingIfNeeded: ready.token)) }
        } catch {
            // Cannot happen with descriptors that are ours; if it does, the loop must not spin in silence.
            logger.log(LogRecord(.error, "loop_failed", "\(error)"))
            poll(nil, 0, 100)
        }
    }

    private func timeout() -> Int32 {
        if mayReapMore || !events.isEmpty { return 0 }
        var milliseconds: Int64 = -1
        var deadline = supervisor.nextDeadline
        for other in [watcher.nextDeadline, peers.values.map(\.deadline).min(), toCount.isEmpty ? nil : mayCountAt] {
            if let other { deadline = min(deadline ?? other, other) }
        }
        if let deadline {
            let left = (deadline - Clock.now()).nanoseconds
            // Rounded up: waking a moment too early would spin until the moment has passed.
            milliseconds = min(max(0, left) / 1_000_000 + (left > 0 ? 1 : 0), 3_600_000)
        }
        if logger.showsProgress { milliseconds = milliseconds < 0 ? 500 : min(milliseconds, 500) }
        if logger.hasKept { milliseconds = milliseconds < 0 ? 200 : min(milliseconds, 200) }
        return Int32(milliseconds)
    }

    // MARK: descriptors

    private func add(_ origin: Origin, _ descriptor: Int32) throws(LinuxError) {
        let token = nextToken
        nextToken += 1
        try epoll.watchReads(of: descriptor, token: UInt64(token))
        origins[token] = Registration(origin: origin, descriptor: descriptor)
    }

    /// Call before the descriptor is closed.
    func remove(_ origin: Origin) {
        for (token, entry) in origins where entry.origin == origin {
            epoll.forget(entry.descriptor)
            origins[token] = nil
        }
    }

    private func isRegistered(_ origin: Origin) -> Bool { origins.values.contains { $0.origin == origin } }

    func addOrComplain(_ origin: Origin, _ descriptor: Int32?) {
        guard let descriptor else { return }
        do { try add(origin, descriptor) } catch {
            logger.log(LogRecord(.error, "descriptor_unwatched", "\(error)"))
        }
    }

    /// inotify may come to life late, helpers come and go.
    private func registerWatcher() {
        if let descriptor = watcher.inotifyDescriptor, !isRegistered(.inotify) { addOrComplain(.inotify, descriptor) }
        for (index, descriptor) in watcher.helperDescriptors where !isRegistered(.helper(index)) {
            addOrComplain(.helper(index), descriptor)
        }
    }

    func register(_ generation: GenerationProcess) {
        guard watchLaunch(generation) else { return }
        addOrComplain(.notification(generation.number), generation.notifyDescriptor)
        addOrComplain(.readiness(generation.number), generation.readyDescriptor)
    }

    /// A launch whose report cannot be watched would never be known to have succeeded, and the app's calls, whose listener comes
    /// with the report, would never be answered: it has failed.
    private func watchLaunch(_ generation: GenerationProcess) -> Bool {
        guard let descriptor = generation.reportDescriptor else { return true }
        do throws(LinuxError) { try add(.launchReport(generation.number), descriptor) } catch {
            Processes.signal(group: generation.group, .kill)
            forget(generation.number)
            enqueue(.launchFailed(generation.number, .init(reason: error.description, exitCode: 126)))
            return false
        }
        return true
    }

    func forget(_ generation: Int) {
        for origin in [Origin.launchReport(generation), .notification(generation), .readiness(generation)] {
            remove(origin)
        }
        generations[generation] = nil
        launcher.sockets.release(generation)
        for finding in launcher.sockets.repair() {
            logger.log(
                LogRecord(
                    .warn, "socket_repaired", "after the end of generation \(generation): \(finding)",
                    [.generation(generation)]))
        }
    }

    private func readable(_ token: Int) {
        guard let origin = origins[token]?.origin else { return }
        switch origin {
        case .signals: readSignals()
        case .inotify: take(watcher.inotifyReadable(at: Clock.now()))
        case .launchReport(let number): if let generation = generations[number] { readLaunchReport(generation) }
        case .notification(let number): if let generation = generations[number] { readNotifications(generation) }
        case .readiness(let number): if let generation = generations[number] { readReadiness(generation) }
        case .calls(let number): answerCalls(number)
        case .helper(let index): readHelper(index)
        case .agent: readAgent()
        case .control: acceptPeers()
        case .peer(let number): hear(number)
        }
    }

    // MARK: what happened

    private func readSignals() {
        for _ in 0..<Bounds.signals {
            guard let signal = signals.next() else { return }
            if signal == .child { mayReapMore = true } else { enqueue(.signal(signal)) }
        }
    }

    private func readLaunchReport(_ generation: GenerationProcess) {
        guard isRegistered(.launchReport(generation.number)) else { return }
        // Out of the epoll set before the outcome closes it.
        remove(.launchReport(generation.number))
        let outcome = launcher.outcome(of: generation)
        registerCalls(generation)
        switch outcome {
        case nil: _ = watchLaunch(generation)
        case .success: enqueue(.launched(generation.number))
        case .failure(let failure):
            forget(generation.number)
            enqueue(.launchFailed(generation.number, failure))
        }
    }

    private func registerCalls(_ generation: GenerationProcess) {
        if let refusal = generation.adoptionRefusal { enqueue(.adoptionRefused(refusal)) }
        guard let listener = generation.calls else { return }
        generation.calls = nil
        do throws(LinuxError) { try add(.calls(generation.number), listener.number) } catch {
            // Nobody would ever answer. Closed, it makes the kernel answer.
            return enqueue(.adoptionRefused(Adoption.unanswerable(error)))
        }
        callListeners[generation.number] = listener
    }

    private func answerCalls(_ number: Int) {
        guard let listener = callListeners[number] else { return }
        for finding in adoption.answer(listener, of: number, process: generations[number]?.pid) {
            switch finding {
            case .listens(let endpoint, let isSteered):
                logger.log(
                    LogRecord(
                        .info, "adopted", "generation \(number) listens on \(endpoint) by a socket of Baton's",
                        [.generation(number), .text("address", endpoint.description)]))
                enqueue(.adopted(number, steers: isSteered))
            case .listensItself: enqueue(.listensItself(number))
            case .notSteered(let reason):
                let (level, what) =
                    settings.steer == .on
                    ? (
                        LogLevel.error,
                        "listen(2) of the app fails, as BATON_STEER=on asks for what is forbidden"
                    )
                    : (LogLevel.info, "all generations share one socket")
                logger.log(
                    LogRecord(
                        level, "not_steered",
                        "\(what): this kernel, or a seccomp profile, does not let Baton steer: \(reason)"))
            case .elsewhere(let endpoint):
                logger.log(
                    LogRecord(
                        .info, "not_adopted_elsewhere",
                        "generation \(number) binds \(endpoint) in another network namespace than Baton's: the app's sockets "
                            + "there stay its own, are reached there alone and are not handed over",
                        [.generation(number), .text("address", endpoint.description)]))
            case .refused(let reason): enqueue(.adoptionRefused(reason))
            case .ended:
                remove(.calls(number))
                callListeners[number] = nil
            }
        }
    }

    private func readNotifications(_ generation: GenerationProcess) {
        for _ in 0..<Bounds.notifications {
            guard let datagram = generation.receiveNotification(limit: Notification.sizeLimit) else { return }
            enqueue(.notified(generation.number, Notification(datagram: datagram)))
        }
    }

    private func readReadiness(_ generation: GenerationProcess) {
        guard let descriptor = generation.readyDescriptor,
            let bytes = try? readAvailable(descriptor, limit: 4096)
        else { return }
        let isReady = bytes.contains(UInt8(ascii: "\n"))
        guard isReady || bytes.isEmpty else { return }
        remove(.readiness(generation.number))
        generation.readyPipe = nil
        enqueue(.readyDescriptor(generation.number, isReady: isReady))
    }

    func register(_ agent: AgentProcess) { addOrComplain(.agent, agent.descriptor) }

    private func readAgent() {
        guard let agent else { return }
        switch agent.receive() {
        case .end: remove(.agent)
        case .nonsense(let reason):
            logger.log(LogRecord(.error, "agent_nonsense", "the agent is ended: \(reason)"))
            remove(.agent)
            Processes.signal(process: agent.pid, .kill)
        case .messages(let messages):
            for message in messages {
                switch message {
                case .hello: break
                case .ask(let request): agent.answer(answer(request))
                case .staged(let source, _):
                    takeOver(source)
                    enqueue(.staged(source))
                case .absent(let source): enqueue(.staged(source))
                case .log(let record): logger.log(record)
                }
            }
        }
    }

    /// The first time that the agent has laid down what is mounted by subPath, this is watched in the mount's place.
    private func takeOver(_ source: String) {
        guard let mount = subpaths.first(where: { $0.point == source }) else { return }
        let directory = SnapshotStage.agentDirectory(of: settings.stage) + "/" + mount.stageDirectory
        take(watcher.takeOver(mount, from: directory, at: Clock.now()))
    }

    private func readHelper(_ index: Int) {
        let descriptor = watcher.helperDescriptors.first { $0.index == index }?.descriptor
        guard let reports = watcher.helperAnswered(index, at: Clock.now()) else { return }
        // The descriptor is closed by now, and so out of the epoll set; only the book is to be kept.
        if descriptor != nil { remove(.helper(index)) }
        take(reports)
    }

    func take(_ reports: [Watcher.Report]) {
        for report in reports {
            switch report {
            case .touched(let atomic): enqueue(.touched(atomic: atomic))
            case .mountSuperseded(let path): enqueue(.mountSuperseded(path: path))
            case .log(let record): logger.log(record)
            }
        }
    }

    // MARK: children

    func reap() {
        var ended: [(GenerationProcess, ExitStatus)] = []
        mayReapMore = false
        var count = 0
        rounds: while true {
            guard count < Bounds.reaped else {
                mayReapMore = true
                break
            }
            count += 1
            switch Reaper.next() {
            case .ended(let pid, let status): childEnded(pid, status, &ended)
            case .stopped(let pid, let signal):
                // SIGSTOP is a debugger's or an operator's business; the terminal's stops are the whole job's.
                if signal.isTerminalStop, let generation = generations.values.first(where: { $0.pid == pid }) {
                    enqueue(.appStopped(generation.number))
                }
            case .continued: break
            case .nothing: break rounds
            case .noChildren:
                enqueueEnds(ended)
                enqueue(.childrenGone)
                return
            }
        }
        enqueueEnds(ended)
    }

    private func childEnded(_ pid: ProcessID, _ status: ExitStatus, _ ended: inout [(GenerationProcess, ExitStatus)]) {
        if let copy = snapshotCopy, copy.pid == pid {
            snapshotCopy = nil
            copied(copy, status)
        } else if let validator, validator.pid == pid {
            self.validator = nil
            let refusal = status == .exited(0) ? nil : "the validator \(status)\(Self.advice(status))"
            enqueue(.validated(validator.number, refusal: refusal))
        } else if let reloader, reloader.pid == pid {
            self.reloader = nil
            let failure = status == .exited(0) ? nil : "the reload command \(status)\(Self.advice(status))"
            enqueue(.reloadFinished(reloader.change, failure: failure))
        } else if let agent, agent.pid == pid {
            readAgent()
            remove(.agent)
            self.agent = nil
            enqueue(.agentEnded(status))
        } else if let generation = generations.values.first(where: { $0.pid == pid && !$0.isMainReaped }) {
            generation.isMainReaped = true
            ended.append((generation, status))
        } else if let generation = generations.values.first(where: { $0.probe == pid }) {
            generation.probe = nil
            if settings.ready.asksTheSocket { endProbe() }
            enqueue(.probeFinished(generation.number, isReady: status == .exited(0)))
        } else if let generation = generations.values.first(where: { $0.group == pid && !$0.isMainReaped }) {
            // The process that Baton started has made way for the one named by MAINPID; if that is gone too, this is the end.
            if kill(generation.pid, 0) != 0, errno == ESRCH {
                generation.isMainReaped = true
                ended.append((generation, status))
            }
        }
    }

    private static func advice(_ status: ExitStatus) -> String {
        status == .exited(127) ? " (it cannot be found, or not be run)" : ""
    }

    /// Told only now that the whole batch is reaped: members of a group often die together.
    private func enqueueEnds(_ ended: [(GenerationProcess, ExitStatus)]) {
        for (generation, status) in ended {
            readNotifications(generation)
            readLaunchReport(generation)
            // A launch that failed has been told as such, and is forgotten.
            guard generations[generation.number] != nil else { continue }
            let leftovers = Processes.groupExists(generation.group)
            enqueue(.exited(generation.number, status, leftovers: leftovers))
            if !leftovers { forget(generation.number) }
        }
        for generation in generations.values where generation.isMainReaped { checkGroup(generation) }
    }

    func checkGroup(_ generation: GenerationProcess) {
        guard generation.isMainReaped, !Processes.groupExists(generation.group) else { return }
        forget(generation.number)
        enqueue(.groupEmptied(generation.number))
    }
}
