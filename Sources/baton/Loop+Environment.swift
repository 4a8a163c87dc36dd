import BatonCore
import BatonLaunch
import BatonLinux
import BatonWatch

// A start, and the environment that it waits for.
extension Loop {
    /// A generation that is to be started once its environment is read.
    struct AwaitedStart {
        let number: GenerationNumber
        /// What it has been sent meanwhile.
        var signals: [(signal: Signal, recipient: Supervisor.Recipient)] = []
    }

    func start(_ number: GenerationNumber) {
        guard !environmentFiles.isEmpty else { return launch(number, []) }
        if let awaitedStart { abandon(awaitedStart, .kill) }
        awaitedStart = AwaitedStart(number: number)
        // Some of its time to get ready is the app's.
        let limit = min(EnvironmentFiles.timeout, Interval(nanoseconds: settings.readyTimeout.nanoseconds / 2))
        // One that takes the place of another that waited has no more time than that one: changes must not put a start off for ever.
        let now = Clock.now()
        let deadline = environmentDeadline.flatMap { $0 > now ? $0 : nil } ?? now + limit
        environmentDeadline = deadline
        log(environmentFiles.begin(by: deadline))
        for (index, descriptor) in environmentFiles.descriptors { register(.environment(index), descriptor) }
        launchIfComplete()
    }

    func readEnvironment(_ index: Int) {
        // Out of the epoll set before the answer closes it.
        descriptors.remove(.environment(index))
        guard let records = environmentFiles.answered(index) else {
            register(.environment(index), environmentFiles.descriptors.first { $0.index == index }?.descriptor)
            return
        }
        log(records)
        launchIfComplete()
    }

    func giveUpLateEnvironment(at now: Instant) {
        guard let deadline = environmentFiles.deadline, deadline <= now else { return }
        forgetEnvironment()
        log(environmentFiles.giveUp())
        launchIfComplete()
    }

    private func launchIfComplete() {
        guard let start = awaitedStart, environmentFiles.deadline == nil else { return }
        awaitedStart = nil
        environmentDeadline = nil
        launch(start.number, environmentFiles.variables)
        for (signal, recipient) in start.signals { send(signal, to: start.number, recipient) }
    }

    private func launch(_ number: GenerationNumber, _ variables: [EnvironmentVariable]) {
        do throws(LinuxError) {
            let takesTerminal = Terminal.isInForeground && generations.isEmpty
            logger.writeHeld()
            let generation = try launcher.startGeneration(number, adding: variables, takesTerminal: takesTerminal)
            generations[number] = generation
            register(generation)
        } catch {
            launcher.sockets.release(number)
            enqueue(.launchFailed(number, .init(reason: error.description, exitCode: 126)))
        }
    }

    /// One that is not launched yet gets its signals when it is. What is to end before it began never begins.
    /// - Returns: false where it does not wait.
    func keep(_ signal: Signal, for number: GenerationNumber, _ recipient: Supervisor.Recipient) -> Bool {
        guard let start = awaitedStart, start.number == number else { return false }
        let isEnd = [Signal.kill, .terminate, .interrupt, .quit].contains(signal)
        if isEnd || supervisor.starting?.number != number {
            abandon(start, signal)
        } else if !start.signals.contains(where: { $0.signal == signal }) {
            awaitedStart?.signals.append((signal, recipient))
        }
        return true
    }

    /// A stop begins no generation any more, whatever that still waits for.
    func abandonStartIfStopping() {
        if let awaitedStart, supervisor.phase != .running { abandon(awaitedStart, .terminate) }
    }

    private func abandon(_ start: AwaitedStart, _ signal: Signal) {
        awaitedStart = nil
        cancelEnvironment()
        enqueue(.exited(start.number, .signalled(signal.number), leftovers: false))
    }

    func cancelEnvironment() {
        forgetEnvironment()
        environmentFiles.cancel()
    }

    private func forgetEnvironment() {
        for (index, _) in environmentFiles.descriptors { descriptors.remove(.environment(index)) }
    }
}
