public import BatonCore
public import BatonLinux
import CBatonShims
import CLibcap
import Glibc

/// Starts programs: generations of the app, and the readiness command beside them.
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

    private let configuration: Configuration
    public let sockets: ListenSockets
    public var adopts: Bool { configuration.adoption.isActive }
    /// Where the app's sockets cannot be looked at whole, it is asked about the options that count as it sets them.
    private let asksOptions: Bool

    public init(_ configuration: Configuration, _ sockets: ListenSockets) {
        self.configuration = configuration
        self.sockets = sockets
        asksOptions =
            configuration.adoption.isActive && Launcher.asksOptions(changesUser: configuration.identity != nil)
    }

    private static func asksOptions(changesUser: Bool) -> Bool { changesUser || !ForeignDescriptor.canBeCopied }

    /// Why the app's listening sockets cannot be taken over here, in words; nil where they can. Tried out in a child.
    /// - Parameter changesUser: the app runs as another user than Baton.
    public static func adoptionRefusal(changesUser: Bool) -> String? {
        AdoptionProbe.refusal(asksOptions: asksOptions(changesUser: changesUser))
    }

    /// - Parameter added: to the environment that Baton was given, and in the place of variables of the same names.
    /// - Parameter takesTerminal: the generation becomes the foreground group of the terminal on stdin.
    public func startGeneration(_ number: Int, adding added: [EnvironmentVariable] = [], takesTerminal: Bool)
        throws(LinuxError) -> GenerationProcess
    {
        let generation = GenerationProcess(number: number)
        var variables = SocketConventions.variables(sockets.descriptions, generation: number)
        if configuration.ready == .auto || configuration.ready == .notify {
            let socket = try NotifySocket()
            variables.append(EnvironmentVariable(name: "NOTIFY_SOCKET", value: socket.name))
            generation.notifySocket = consume socket
        }
        var handed: [(source: Int32, target: Int32)] = zip(
            try sockets.take(for: number), SocketConventions.firstDescriptor...
        ).map {
            ($0, $1)
        }
        var writeEnd = -1 as Int32
        if case .descriptor(let target) = configuration.ready {
            let pipe = try Pipe()
            let duplicate = fcntl(pipe.write.number, F_DUPFD_CLOEXEC, 3)
            guard duplicate >= 0 else { throw LinuxError("create", "the readiness pipe", errno: errno) }
            writeEnd = duplicate
            generation.readyPipe = pipe.readEnd()
            handed.append((writeEnd, target))
        }
        // Closed in every case: the generation's copy is the only one that counts.
        defer { if writeEnd >= 0 { close(writeEnd) } }
        let launched = try launch(
            Job(
                command: configuration.command,
                environment: environment(adding: variables, files: added, generation: number),
                handed: handed, adoption: configuration.adoption, takesTerminal: takesTerminal,
                // Before the first one there is nobody whom a slow exec could keep waiting.
                mayWait: number == 1))
        generation.pid = launched.pid
        generation.group = launched.pid
        generation.report = FileDescriptor(owning: launched.report)
        return generation
    }

    /// Runs a command that is about a generation (is it ready? reload it) as the app's user, with the generation's number in
    /// BATON_GENERATION and its pid in BATON_PID. Its exit code is the answer.
    public func startCommand(_ command: [String], for generation: GenerationProcess) throws(LinuxError) -> ProcessID {
        let launched = try launch(
            Job(
                command: command.map { CText($0) },
                environment: environment(
                    adding: [EnvironmentVariable(name: "BATON_PID", value: "\(generation.pid)")],
                    generation: generation.number),
                hasInput: false))
        // How it fails to start does not matter: it is asked again either way.
        _ = FileDescriptor(owning: launched.report)
        return launched.pid
    }

    /// Runs the validator as the app's user, with the snapshot's directory in BATON_SNAPSHOT. Its exit code is the answer, and
    /// what it says goes where the app's own words go.
    public func startValidator(_ command: [String], snapshot: String) throws(LinuxError) -> ProcessID {
        let environment = configuration.environment.filter {
            !$0.isNamed("BATON_SNAPSHOT") && !SocketConventions.isInherited($0)
        }
        let launched = try launch(
            Job(
                command: command.map { CText($0) },
                environment: environment + [EnvironmentVariable(name: "BATON_SNAPSHOT", value: snapshot)],
                hasInput: false))
        // That it cannot be started shows in its exit code, 127.
        _ = FileDescriptor(owning: launched.report)
        return launched.pid
    }

    /// Starts the agent, as the app's user and without any capability, with the one end of the link as its descriptor 3.
    public func startAgent(_ program: String, _ arguments: [String]) throws(LinuxError) -> AgentProcess {
        let link = try AgentProcess.link()
        let own = FileDescriptor(owning: link.own)
        let theirs = FileDescriptor(owning: link.theirs)
        try setNonBlocking(true, own.number)
        let names = ["HOSTNAME", "POD_NAME", "PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "TZ"]
        let environment = configuration.environment.filter {
            $0.hasName(withPrefix: "BATON_") || $0.hasName(withPrefix: "KUBERNETES_") || names.contains($0.name)
        }
        let fd = SocketConventions.firstDescriptor
        let launched = try launch(
            Job(
                command: [CText(program)] + arguments.map { CText($0) },
                environment: environment + [EnvironmentVariable(name: "BATON_AGENT_FD", value: "\(fd)")],
                handed: [(theirs.number, fd)], hasInput: false, isUnprivileged: true))
        // That it cannot be started shows in its end.
        _ = FileDescriptor(owning: launched.report)
        return AgentProcess(pid: launched.pid, link: own)
    }

    /// A program to start.
    private struct Job {
        var command: [CText]
        var environment: [EnvironmentVariable]
        var handed: [(source: Int32, target: Int32)] = []
        var adoption = Plan.Adoption.no
        var takesTerminal = false
        /// Baton may sleep until the exec.
        var mayWait = false
        /// Stdin is Baton's; otherwise /dev/null.
        var hasInput = true
        /// Without capabilities, and without a way to any.
        var isUnprivileged = false
    }

    private func launch(_ job: Job) throws(LinuxError) -> (pid: ProcessID, report: Int32) {
        let program = job.command.first ?? CText("")
        var environment = job.environment
        let handed = job.handed
        let path = environment.last { $0.isNamed("PATH") }?.valueAsCText
        let paths = CStringArray(CommandPaths.candidates(program, path: path))
        let arguments = CStringArray(job.command)
        let listens = environment.contains { $0.isNamed("LISTEN_FDS") }
        // LISTEN_PID's value is written by the child: the text only keeps its place.
        let pidName = "LISTEN_PID"
        if listens {
            environment.append(EnvironmentVariable(name: pidName, value: String(repeating: " ", count: 15)))
        }
        let variables = CStringArray(environment.lazy.map(\.entry))
        let pidSlot = listens ? variables.text(at: environment.count - 1).map { $0 + pidName.utf8.count + 1 } : nil

        // Moved out of the way of the targets, so that no dup2 covers a source that is still to come.
        let above = (handed.map(\.target).max() ?? 2) + 1
        var sources: [Int32] = []
        defer { for source in sources { close(source) } }
        for (source, _) in handed {
            let copy = fcntl(source, F_DUPFD_CLOEXEC, above)
            guard copy >= 0 else { throw LinuxError("hand over", "descriptor \(source)", errno: errno) }
            sources.append(copy)
        }
        let targets = handed.map(\.target)
        let groups = configuration.identity?.supplementary ?? []

        var report: Int32 = -1
        let pid = sources.withUnsafeBufferPointer { sources in
            targets.withUnsafeBufferPointer { targets in
                groups.withUnsafeBufferPointer { groups in
                    var plan = baton_launch_plan()
                    plan.paths = UnsafePointer(
                        UnsafeRawPointer(paths.pointer).assumingMemoryBound(to: UnsafePointer<CChar>?.self))
                    plan.argv = arguments.pointer
                    plan.envp = variables.pointer
                    plan.pid_slot = pidSlot
                    plan.sources = sources.baseAddress
                    plan.targets = targets.baseAddress
                    plan.descriptor_count = Int32(targets.count)
                    plan.may_wait = job.mayWait
                    plan.terminal = job.takesTerminal ? 0 : -1
                    plan.null_stdin = !job.hasInput
                    plan.no_new_privs =
                        configuration.noNewPrivileges || job.isUnprivileged || job.adoption.isActive
                    plan.change_user = configuration.identity != nil
                    plan.uid = configuration.identity?.uid ?? 0
                    plan.gid = configuration.identity?.gid ?? 0
                    plan.groups = groups.baseAddress
                    plan.group_count = Int32(groups.count)
                    plan.capabilities = job.isUnprivileged ? nil : configuration.capabilities?.pointer
                    plan.drop_capabilities = job.isUnprivileged
                    plan.adopt = job.adoption.launchPlan
                    plan.asks_options = asksOptions
                    return baton_launch(&plan, &report)
                }
            }
        }
        guard pid > 0 else { throw LinuxError("fork for", program.text, errno: errno) }
        return (pid, report)
    }

    private func environment(
        adding extra: [EnvironmentVariable], files: [EnvironmentVariable] = [], generation: Int
    ) -> [EnvironmentVariable] {
        var own = extra
        func add(_ name: String, _ value: String) { own.append(EnvironmentVariable(name: name, value: value)) }
        add("BATON_GENERATION", "\(generation)")
        if let user = configuration.identity?.user {
            add("HOME", user.home)
            add("USER", user.name)
            add("LOGNAME", user.name)
        }
        var inherited = configuration.environment
        if !files.isEmpty {
            var last: [String: EnvironmentVariable] = [:]
            for variable in files { last[variable.name] = variable }
            inherited.removeAll { last[$0.name] != nil }
            inherited += last.values.sorted { $0.name < $1.name }
        }
        var all: [EnvironmentVariable] = []
        all.reserveCapacity(inherited.count + own.count)
        for variable in inherited
        where !SocketConventions.isInherited(variable) && !own.contains(where: { variable.hasName(of: $0) }) {
            all.append(variable)
        }
        all += own
        return all
    }

    /// What came over the launch report: nil while it may still fail.
    public func outcome(of generation: GenerationProcess) -> Result<Void, Supervisor.LaunchFailure>? {
        while let fd = generation.report?.number {
            var report = baton_launch_report()
            var listener: Int32 = -1
            let count = baton_receive_report(fd, &report, &listener)
            if count < 0, errno == EAGAIN { return nil }
            if listener == Int32(BATON_LISTENER_LOST) { report.error = LaunchWording.lostListener }
            let isAboutAdoption = report.stage == Int32(BATON_LAUNCH_STAGE_ADOPT.rawValue)
            if count > 0, isAboutAdoption, listener >= 0 {
                generation.calls = SeccompListener(owning: listener)
            } else if count > 0, isAboutAdoption, configuration.adoption != .must {
                generation.adoptionRefusal = LaunchWording.adoptionRefusal(report.error)
            } else {
                generation.report = nil
                guard count > 0 else { break }
                // Where only Baton's own side of adoption has failed the program may be running by now.
                if isAboutAdoption { Processes.signal(group: generation.group, .kill) }
                return .failure(LaunchWording.failure(report, configuration.command.first?.text ?? ""))
            }
        }
        return .success(())
    }
}
