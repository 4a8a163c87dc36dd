public import BatonCore
public import BatonLinux
import CBatonShims
import Glibc

/// Starts programs: generations of the app, the commands beside them, and the agent.
public final class Launcher {
    public struct Configuration {
        public var command: [CText]
        public var environment: [EnvironmentVariable]
        public var ready: ReadyMethod
        public var identity: AppIdentity?
        public var capabilities: IABTuple?
        public var noNewPrivileges: Bool
        public var adoption: Plan.Adoption

        public init(
            command: [CText], environment: [EnvironmentVariable], ready: ReadyMethod, identity: AppIdentity?,
            capabilities: IABTuple?, noNewPrivileges: Bool, adoption: Plan.Adoption = .no
        ) {
            self.command = command
            self.environment = environment
            self.ready = ready
            self.identity = identity
            self.capabilities = capabilities
            self.noNewPrivileges = noNewPrivileges
            self.adoption = adoption
        }
    }

    let configuration: Configuration
    public let sockets: ListenSockets
    public var adopts: Bool { configuration.adoption.isActive }
    private let environment: AppEnvironment
    /// Where the app's sockets cannot be looked at whole, it is asked about the options that count as it sets them.
    private let asksOptions: Bool

    public init(_ configuration: Configuration, _ sockets: ListenSockets) {
        self.configuration = configuration
        self.sockets = sockets
        environment = AppEnvironment(configuration.environment, user: configuration.identity?.user)
        asksOptions =
            configuration.adoption.isActive && Launcher.asksOptions(changesUser: configuration.identity != nil)
    }

    private static func asksOptions(changesUser: Bool) -> Bool { changesUser || !ForeignDescriptor.canBeCopied }

    /// Why the app's listening sockets cannot be taken over here, in words; nil where they can. Tried out in a child.
    /// - Parameter changesUser: the app runs as another user than Baton.
    public static func adoptionRefusal(changesUser: Bool) -> String? {
        AdoptionProbe.refusal(asksOptions: asksOptions(changesUser: changesUser))
    }

    // MARK: generations

    /// - Parameter added: to the environment that Baton was given, and in the place of variables of the same names.
    /// - Parameter takesTerminal: the generation becomes the foreground group of the terminal on stdin.
    public func startGeneration(
        _ number: GenerationNumber, adding added: [EnvironmentVariable] = [], takesTerminal: Bool
    )
        throws(LinuxError) -> GenerationProcess
    {
        let generation = GenerationProcess(number: number)
        var variables = SocketConventions.variables(sockets.descriptions, generation: number)
        if configuration.ready == .auto || configuration.ready == .notify {
            let socket = try NotifySocket()
            variables.append(EnvironmentVariable(name: "NOTIFY_SOCKET", value: socket.name))
            generation.notifySocket = consume socket
        }
        var handed = zip(try sockets.take(for: number), SocketConventions.firstDescriptor...).map {
            LaunchJob.Handed(source: $0, target: $1)
        }
        var writeEnd = -1 as Int32
        if case .descriptor(let target) = configuration.ready {
            writeEnd = try makeReadyPipe(generation)
            handed.append(.init(source: writeEnd, target: target))
        }
        // Closed in every case: the generation's copy is the only one that counts.
        defer { if writeEnd >= 0 { close(writeEnd) } }
        var job = LaunchJob(
            configuration.command, environment.adding(variables, files: added, generation: number), handed: handed)
        job.adoption = configuration.adoption
        job.asksOptions = asksOptions
        job.takesTerminal = takesTerminal
        job.hasInput = true
        // Before the first one there is nobody whom a slow exec could keep waiting.
        job.mayWait = number == 1
        let launched = try start(job)
        generation.pid = launched.pid
        generation.group = launched.pid
        generation.report = FileDescriptor(owning: launched.report)
        return generation
    }

    /// - Returns: the end to write to, for the caller to close.
    private func makeReadyPipe(_ generation: GenerationProcess) throws(LinuxError) -> Int32 {
        let pipe = try Pipe()
        let duplicate = fcntl(pipe.write.number, F_DUPFD_CLOEXEC, 3)
        guard duplicate >= 0 else { throw LinuxError("create", "the readiness pipe", errno: errno) }
        generation.readyPipe = pipe.readEnd()
        return duplicate
    }

    // MARK: commands

    /// Runs a command that is about a generation (is it ready? reload it) as the app's user, with the generation's number in
    /// BATON_GENERATION and its pid in BATON_PID. Its exit code is the answer.
    public func startCommand(_ command: [String], for generation: GenerationProcess) throws(LinuxError) -> ProcessID {
        let pid = EnvironmentVariable(name: "BATON_PID", value: "\(generation.pid)")
        // How it fails to start does not matter: it is asked again either way.
        return try startUnwatched(
            LaunchJob(
                command.map { CText($0) }, environment.adding([pid], generation: generation.number)))
    }

    /// Runs the validator as the app's user, with the snapshot's directory in BATON_SNAPSHOT. Its exit code is the answer, and
    /// what it says goes where the app's own words go.
    public func startValidator(_ command: [String], snapshot: String) throws(LinuxError) -> ProcessID {
        // That it cannot be started shows in its exit code, 127.
        try startUnwatched(LaunchJob(command.map { CText($0) }, environment.ofValidator(snapshot)))
    }

    /// Starts the agent, as the app's user and without any capability, with the one end of the link as its descriptor 3.
    public func startAgent(_ program: String, _ arguments: [String]) throws(LinuxError) -> AgentProcess {
        let link = try AgentProcess.link()
        let own = FileDescriptor(owning: link.own)
        let theirs = FileDescriptor(owning: link.theirs)
        try setNonBlocking(true, own.number)
        let target = SocketConventions.firstDescriptor
        var job = LaunchJob(
            [CText(program)] + arguments.map { CText($0) }, environment.ofAgent(link: target),
            handed: [.init(source: theirs.number, target: target)])
        job.isUnprivileged = true
        // That it cannot be started shows in its end.
        return AgentProcess(pid: try startUnwatched(job), link: own)
    }

    private func startUnwatched(_ job: LaunchJob) throws(LinuxError) -> ProcessID {
        let launched = try start(job)
        _ = FileDescriptor(owning: launched.report)
        return launched.pid
    }

    private func start(_ job: LaunchJob) throws(LinuxError) -> LaunchJob.Launched {
        try job.start(
            .init(
                identity: configuration.identity, capabilities: configuration.capabilities,
                noNewPrivileges: configuration.noNewPrivileges))
    }
}
