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
    var awaitedStart: AwaitedStart?
    /// By when the environment has to be read for a start that waits, or for the one in whose place it is.
    var environmentDeadline: Instant?
    /// What the agent traces to its object.
    let subpaths: [SubpathMount]
    let logger: Logger
    let hasTerminal: Bool
    var supervisor: Supervisor
    var generations = NumberMap<GenerationNumber, GenerationProcess>()
    var agent: AgentProcess?
    let stage: SnapshotStage
    /// Of the digests.
    let salt: UInt64?
    var stageReporter = StageReporter()
    /// The copy and the check of a snapshot that are under way.
    var snapshotCopy: SnapshotCopyProcess?
    var validator: (number: SnapshotNumber, pid: ProcessID)?
    /// The reload command that runs, or ran last and was not waited for.
    var reloader: (change: ChangeNumber, pid: ProcessID)?
    let startedAt = Clock.now()
    let control: ControlSocket?
    /// Those who ask over the control socket, each until it has its answer or its time is over.
    var peers = NumberMap<Int, (peer: ControlPeer, deadline: Instant)>()
    var nextPeer = 0
    /// Generations whose connections are to be counted, and from when on that may be done.
    var toCount: [GenerationNumber] = []
    var mayCountAt = Clock.now()
    /// By generation. Some process of one may outlive it.
    var callListeners = NumberMap<GenerationNumber, SeccompListener>()

    let descriptors: Registrations
    private let signals: SignalFD
    private var events: [Supervisor.Event] = []
    private var exitCode: Int32?
    /// Children may have ended that were not reaped in the last round.
    var mayReapMore = false

    /// Read in one round, so that no flood of them keeps the loop from the rest.
    private static let signalLimit = 256

    init(
        settings: Settings, plan: Plan, launcher: Launcher, adoption: Adoption, access: ForeignAccess,
        watcher: Watcher, environmentFiles: EnvironmentFiles, subpaths: [SubpathMount], control: ControlSocket?,
        earlier: StageRecord, logger: Logger
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
            settings.stage, run: "\(Clock.stamp()).\(getpid())", own: settings.stages ? settings.socketPaths : [],
            record: earlier)
        salt = earlier.salt
        hasTerminal = plan.hasTerminal
        supervisor = Supervisor(settings, plan, record: earlier, seed: Random.number())
        descriptors = try Registrations()
        signals = try SignalFD()
        try descriptors.add(.signals, signals.number)
        if let control { try descriptors.add(.control, control.descriptor) }
    }

    // MARK: the loop

    func run() -> Int32 {
        logger.log(
            LogRecord(
                .batonStarting, "starting baton \(Baton.version) as process \(getpid())",
                [.text("version", Baton.version)]))
        take(watcher.sightings.start(at: Clock.now()))
        let (first, records) = watcher.reader.read(at: Clock.now())
        if case .whole(let digest) = first { events.append(.begin(digest)) } else { events.append(.begin(nil)) }
        // Told before the app is started.
        let adoption = supervisor.plan.adoption
        if adoption.choice == .refused { events.append(.adoptionRefused(adoption.reason)) }
        log(records)
        while true {
            countConnections()
            handleEvents()
            if logger.isForTerminal { logger.show(exitCode == nil ? supervisor.progress(at: Clock.now()) : nil) }
            if let exitCode {
                logger.flush()
                return exitCode
            }
            abandonStartIfStopping()
            waitForLinux()
            // At once: it may be a change that the app waits for.
            handleEvents()
            if mayReapMore { reap() }
            take(watcher.sightings.tick(at: Clock.now()))
            giveUpLateEnvironment(at: Clock.now())
            if let deadline = supervisor.nextDeadline, deadline <= Clock.now() { events.append(.tick) }
            if !peers.isEmpty { dismissLatePeers() }
            if logger.hasKept { logger.flush() }
        }
    }

    private func handleEvents() {
        guard !events.isEmpty else { return }
        logger.holdingBack {
            var next = 0
            while next < events.count, exitCode == nil {
                for effect in supervisor.handle(events[next], at: Clock.now()) { perform(effect) }
                next += 1
            }
        }
        events.removeAll(keepingCapacity: true)
    }

    func enqueue(_ event: Supervisor.Event) { events.append(event) }

    func log(_ records: [LogRecord]) { for record in records { logger.log(record) } }

    func finish(_ code: Int32) { exitCode = code }

    private func waitForLinux() {
        do {
            try descriptors.wait(milliseconds: timeout(), read)
        } catch {
            // Cannot happen with descriptors that are ours; if it does, the loop must not spin in silence.
            logger.log(LogRecord(.eventLoopFailed, "the event loop failed: \(error)"))
            poll(nil, 0, 100)
        }
    }

    private func timeout() -> Int32 {
        if mayReapMore || !events.isEmpty { return 0 }
        var milliseconds: Int64 = -1
        var deadline = supervisor.nextDeadline
        func consider(_ other: Instant?) {
            if let other { deadline = min(deadline ?? other, other) }
        }
        consider(watcher.sightings.nextDeadline)
        consider(environmentFiles.deadline)
        if !toCount.isEmpty { consider(mayCountAt) }
        for (_, peer) in peers { consider(peer.deadline) }
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

    /// - Returns: whether it is watched from now on; true where there is nothing to watch.
    @discardableResult
    func register(_ origin: Registrations.Origin, _ descriptor: Int32?) -> Bool {
        guard let descriptor else { return true }
        do { try descriptors.add(origin, descriptor) } catch {
            logger.log(LogRecord(.descriptorNotWatched, "\(error)"))
            return false
        }
        return true
    }

    private func read(_ origin: Registrations.Origin) {
        switch origin {
        case .signals: readSignals()
        case .inotify: take(watcher.sightings.inotifyReadable(at: Clock.now()))
        case .launchReport(let number): if let generation = generations[number] { readLaunchReport(generation) }
        case .notification(let number): if let generation = generations[number] { readNotifications(generation) }
        case .readiness(let number): if let generation = generations[number] { readReadiness(generation) }
        case .calls(let number): answerCalls(number)
        case .helper(let index): readHelper(index)
        case .environment(let index): readEnvironment(index)
        case .agent: readAgent()
        case .control: acceptPeers()
        case .peer(let number): readRequest(number)
        }
    }

    private func readSignals() {
        for _ in 0..<Loop.signalLimit {
            guard let signal = signals.next() else { return }
            if signal == .child { mayReapMore = true } else { enqueue(.signal(signal)) }
        }
    }
}
