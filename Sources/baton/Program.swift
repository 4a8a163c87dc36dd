import BatonCore
import BatonLaunch
import BatonLinux
import BatonWatch
import Glibc

/// The checklist from the first line to the loop. Each step says itself what went wrong.
enum Program {
    /// EX_USAGE and EX_OSERR of sysexits(3).
    private static let usageCode: Int32 = 64
    private static let systemCode: Int32 = 71

    static func run(_ words: [CText]) -> Int32 {
        switch Arguments(words) {
        case .run(let command): return supervise(command)
        case .explain(let paths):
            restoreSignals()
            return explain(paths)
        case .ask(let request, let form):
            restoreSignals()
            return ask(request, form)
        case .help:
            restoreSignals()
            print(Help.text(), terminator: "")
            return 0
        case .version:
            restoreSignals()
            print("baton \(Baton.version) (\(Baton.commit))")
            return 0
        case .wrong(let reason):
            complain(reason)
            complain(Help.usage)
            return usageCode
        }
    }

    private static func supervise(_ command: [CText]) -> Int32 {
        let environment = EnvironmentVariable.all()
        guard var settings = settings(environment) else { return Settings.exitCode }
        guard var launch = launchConfiguration(settings, command, environment) else { return Settings.exitCode }
        let logger = Logger(format: settings.logFormat, level: settings.logLevel)
        do throws(LinuxError) {
            var place = PlaceProbe.place(settings, command, environment)
            let adoption = Plan.adoption(settings, place)
            launch.adoption = Adoption.Wish(adoption.choice)
            warn(settings, place, adoption, logger)
            let subpaths = SubpathStaging(&settings, &launch)
            for record in subpaths.records { logger.log(record) }
            let agent = AgentSetup.isNeeded(settings, subpaths.mounts)
            if agent.choice || settings.validate?.isBuiltIn == true, access(AgentSetup.program, X_OK) != 0 {
                throw LinuxError("run", AgentSetup.program, errno: errno)
            }
            try takePlace(settings, place)
            if adoption.choice != .no { PlaceProbe.tryAdoption(changesUser: launch.identity != nil, &place) }
            if case .refused(let reason) = place.adoption {
                guard launch.adoption != .must else {
                    logger.log(LogRecord(.error, "start_failed", "\(reason) (BATON_ADOPT=on)"))
                    return systemCode
                }
                launch.adoption = .none
            }
            let sockets = try openSockets(settings.listening(for: command.first?.text ?? ""), &place, logger)
            let stage = try AgentSetup.prepareStage(
                settings, subpaths.mounts, owner: launch.identity.map { ($0.uid, $0.gid) })
            for record in stage.records { logger.log(record) }
            let control = try openControl(settings.control, logger)
            try dropPrivileges(settings, launch, place, logger)
            let foreignAccess = foreignAccess(settings, launch, place)
            let plan = Plan(settings, place, agent: agent, awaited: stage.awaited)
            if settings.logLevel == .debug { for record in plan.records { logger.log(record) } }
            let loop = try Loop(
                settings: settings, plan: plan, launcher: Launcher(launch, sockets),
                adoption: Adoption(
                    sockets, foreignAccess, except: settings.adoptExcept, wish: launch.adoption,
                    mustSteer: settings.steer == .on),
                access: foreignAccess, watcher: watcher(settings), environmentFiles: environmentFiles(settings),
                subpaths: subpaths.mounts, control: control, logger: logger)
            let code = loop.run()
            control?.remove()
            sockets.removePaths()
            return code
        } catch {
            logger.log(LogRecord(.error, "start_failed", "\(error)\(advice(error))"))
            return systemCode
        }
    }

    // MARK: steps

    private static func settings(_ environment: [EnvironmentVariable]) -> Settings? {
        var parser = SettingsParser()
        for variable in environment where variable.hasName(withPrefix: "BATON_") {
            parser.read(variable.name, variable.validValue)
        }
        let (settings, problems) = parser.finish()
        guard problems.isEmpty else {
            for problem in problems { complain(problem.description) }
            return nil
        }
        return settings
    }

    private static func launchConfiguration(
        _ settings: Settings, _ command: [CText], _ environment: [EnvironmentVariable]
    ) -> Launcher.Configuration? {
        var identity: AppIdentity?
        var capabilities: IABTuple?
        if let user = settings.user {
            do throws(AppIdentity.Unknown) {
                identity = try AppIdentity.resolve(user, UserDatabase.users(), UserDatabase.groups())
            } catch {
                complain("BATON_USER: \(error.reason)")
            }
        }
        if let text = settings.capabilities {
            do throws(LinuxError) { capabilities = try IABTuple(text) } catch {
                complain(
                    "BATON_CAPS: \"\(text)\" is no IAB tuple (as in ^cap_net_bind_service,!cap_net_raw): \(errnoInWords(error.errno))"
                )
            }
        }
        guard (identity != nil) == (settings.user != nil), (capabilities != nil) == (settings.capabilities != nil)
        else {
            return nil
        }
        return Launcher.Configuration(
            command: command, environment: environment, ready: settings.ready, identity: identity,
            capabilities: capabilities, noNewPrivileges: settings.noNewPrivileges)
    }

    private static func foreignAccess(_ settings: Settings, _ launch: Launcher.Configuration, _ place: Place)
        -> ForeignAccess
    {
        guard place.isRoot else { return .asItself }
        guard let identity = launch.identity else { return .withAllCapabilities }
        return .asUser(
            uid: identity.uid, gid: identity.gid, parentDeathSignal: settings.parentDeathSignal?.number)
    }

    private static func takePlace(_ settings: Settings, _ place: Place) throws(LinuxError) {
        if !place.isPID1 { try Processes.becomeSubreaper() }
        Processes.askForShortSlices()
        if let signal = settings.parentDeathSignal { try Processes.setParentDeathSignal(signal) }
    }

    private static func openSockets(_ settings: Settings, _ place: inout Place, _ logger: Logger) throws(LinuxError)
        -> ListenSockets
    {
        let sockets = try steeredSockets(settings, &place, logger)
        for description in sockets.descriptions {
            logger.log(
                LogRecord(
                    .info, "listening", "listening on \(description.actualEndpoint)",
                    [.text("name", description.name), .text("address", description.actualEndpoint.description)]))
        }
        return sockets
    }

    private static func openControl(_ address: ControlAddress, _ logger: Logger) throws(LinuxError) -> ControlSocket? {
        guard let path = address.path else { return nil }
        do throws(LinuxError) { return try ControlSocket(path) } catch {
            guard address == .whereWritable else { throw error }
            logger.log(LogRecord(.debug, "no_control", "baton status and reload will not work: \(error)"))
            return nil
        }
    }

    private static func warn(
        _ settings: Settings, _ place: Place, _ adoption: Plan.Decision<Plan.Adoption>, _ logger: Logger
    ) {
        if adoption.choice == .no, place.program?.gainsPrivileges == true {
            logger.log(
                LogRecord(.info, "not_adopted", "the app's listening sockets stay its own: \(adoption.reason)"))
        }
        if settings.onChange == .handover, !settings.hasListener, adoption.choice == .no {
            logger.log(
                LogRecord(
                    .warn, "handover_without_socket",
                    "BATON_ON_CHANGE=handover without BATON_LISTEN or BATON_ADOPT: two copies of the app will run side by side, "
                        + "and one that binds a port by itself cannot"))
        }
    }

    /// Steered where the plan says so and the kernel lets us; `auto` does without it otherwise.
    private static func steeredSockets(_ settings: Settings, _ place: inout Place, _ logger: Logger)
        throws(LinuxError) -> ListenSockets
    {
        guard Plan.steering(settings, place).choice else { return try ListenSockets(settings.listen, steers: false) }
        do throws(LinuxError) {
            let sockets = try ListenSockets(settings.listen, steers: true)
            place.steering = .works
            return sockets
        } catch  where settings.steer == .auto && (error.operation == "steer" || error.operation == "prepare") {
            place.steering = .refused("this kernel does not let Baton steer: \(error)")
            logger.log(
                LogRecord(
                    .info, "not_steered",
                    "all generations share one socket, as this kernel does not let Baton steer: \(error)"))
            return try ListenSockets(settings.listen, steers: false)
        }
    }

    private static func dropPrivileges(
        _ settings: Settings, _ launch: Launcher.Configuration, _ place: Place, _ logger: Logger
    ) throws(LinuxError) {
        let permitted = Capabilities.permitted()
        guard !permitted.isEmpty else { return }
        let plan = PrivilegePlan(
            .init(
                permitted: permitted, isRoot: place.isRoot,
                hasNoNewPrivileges: Processes.hasNoNewPrivileges || settings.noNewPrivileges
                    || launch.adoption != .none,
                changesUser: settings.user != nil, passedOn: launch.capabilities?.passedOn,
                hasSources: !settings.sources.isEmpty, adopts: launch.adoption != .none,
                looks: Plan.scanning(settings, Plan.adoption(settings, place).choice).choice))
        try Capabilities.keep(effective: plan.effective, permitted: plan.permitted)
        logger.log(
            LogRecord(
                .debug, "privileges_dropped",
                "of \(permitted.count) capabilities Baton keeps \(plan.permitted.count), \(plan.effective.count) of them in effect"
            ))
    }

    private static func watcher(_ settings: Settings) -> Watcher {
        Watcher(
            paths: settings.sources.map { watchedPath($0, settings) },
            configuration: .init(
                strategy: settings.strategy, pollInterval: settings.pollInterval, auditInterval: settings.auditInterval,
                phaseSeed: settings.sources.isEmpty ? 0 : hostSeed(),
                digestSalt: settings.subpath == .stage || settings.sources.contains(where: \.isSecret)
                    ? Random.number() : nil)
        )
    }

    private static func environmentFiles(_ settings: Settings) -> EnvironmentFiles {
        EnvironmentFiles(
            settings.environmentFrom.map { source in
                let path = settings.stages ? settings.stage + "/" + source.stagePath : watchedPath(source, settings)
                if case .url(let url) = source { return path + "/" + url.name }
                return path
            })
    }

    /// EX_UNAVAILABLE of sysexits(3): nobody answers.
    private static let unavailableCode: Int32 = 69

    private static func ask(_ request: StatusRequest, _ form: Arguments.Form) -> Int32 {
        do throws(ControlClient.Failure) {
            let client = try ControlClient(EnvironmentVariable.all())
            let text = StatusText(isForTerminal: isatty(1) == 1)
            guard request == .reload, form != .noWait else {
                let records = try client.ask(request)
                print(form == .json ? StatusRecord.document(records) : text.text(records, request), terminator: "")
                return 0
            }
            let change = try client.reload { baton in
                if form == .people, let progress = text.progress(baton) { print(progress) }
            }
            print(form == .json ? change.json + "\n" : text.outcome(change), terminator: "")
            return change.text("outcome") == "applied" ? 0 : 1
        } catch {
            complain(error.reason)
            return unavailableCode
        }
    }

    private static func explain(_ paths: [String]) -> Int32 {
        guard var settings = settings(EnvironmentVariable.all()) else { return Settings.exitCode }
        if !paths.isEmpty {
            settings.watch = paths.map { .path($0) }
            settings.environmentFrom = []
        }
        guard !settings.sources.isEmpty else {
            print("nothing is watched: BATON_WATCH is not set, and no path is named")
            return 0
        }
        let subpaths = SubpathStaging.find(&settings).paths
        for (source, (path, what)) in zip(settings.sources, watcher(settings).explanations) {
            switch source {
            case .path where settings.subpath == .stage && subpaths.contains(path) && what.kind == .subPathMount:
                explain(
                    path, what.kind.rawValue, "api",
                    "\(what.reason); BATON_SUBPATH=stage: the agent traces it to its object, and the app reads "
                        + "\(settings.stage)/\(source.stagePath)")
            case .path: explain(path, what.kind.rawValue, what.strategy.rawValue, what.reason)
            case .object(let object):
                explain(
                    source.description, "\(object.kind.rawValue) of the Kubernetes API", "api",
                    "named so: the agent watches it and lays it on the stage, at \(settings.stage)/\(source.stagePath)")
            case .url:
                explain(
                    source.description, "URL", "poll",
                    "named so: the agent asks every \(settings.url.interval) whether it has changed, and lays it at "
                        + "\(settings.stage)/\(source.stagePath)")
            }
        }
        if paths.isEmpty {
            explainPlan(settings)
            explainRunning()
        }
        return 0
    }

    /// What would be decided here; what depends on the app's program is decided as for any program.
    private static func explainPlan(_ settings: Settings) {
        var place = PlaceProbe.place(settings, [], [])
        if Plan.adoption(settings, place).choice != .no {
            PlaceProbe.tryAdoption(changesUser: settings.user != nil, &place)
        }
        let plan = Plan(settings, place, agent: AgentSetup.isNeeded(settings, []))
        for decision in plan.decisions { print("\(decision.name): \(decision.choice), as \(decision.reason)") }
    }

    /// Where a Baton runs here it knows better what has become of the plan.
    private static func explainRunning() {
        let running = (try? ControlClient(EnvironmentVariable.all()).ask(.status)) ?? []
        for source in running where source.kind == .source {
            guard let name = source.text("source"), let strategy = source.text("strategy") else { continue }
            print("now: \(name) is watched by \(strategy)\(source.text("problem").map { ", \($0)" } ?? "")")
        }
    }

    private static func explain(_ name: String, _ what: String, _ strategy: String, _ why: String) {
        print("\(name)\n  what:     \(what)\n  strategy: \(strategy)\n  why:      \(why)")
    }

    // MARK: parts

    /// A file or directory in any case: what the agent fetches ends as one, too.
    private static func watchedPath(_ source: SourceName, _ settings: Settings) -> String {
        switch source {
        case .object, .url: return SnapshotStage.agentDirectory(of: settings.stage) + "/" + source.stagePath
        case .path(let path) where path.hasPrefix("/"): return path
        case .path(let path):
            var buffer = [CChar](repeating: 0, count: 4096)
            guard getcwd(&buffer, buffer.count) != nil else { return path }
            return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
                + "/" + path
        }
    }

    /// A number of this host, so that the looks of a fleet are spread.
    private static func hostSeed() -> UInt64 {
        var buffer = [CChar](repeating: 0, count: 256)
        gethostname(&buffer, buffer.count - 1)
        return buffer.reduce(5381) { $0 &* 33 &+ UInt64(UInt8(truncatingIfNeeded: $1)) }
    }

    private static func advice(_ error: LinuxError) -> String {
        switch error.errno {
        case EADDRINUSE: "; another process has it: stop that one, or choose another address in BATON_LISTEN"
        case EACCES where error.thing.contains("://"):
            "; ports below 1024 need CAP_NET_BIND_SERVICE (or net.ipv4.ip_unprivileged_port_start), paths a writable directory"
        case _ where error.thing == AgentSetup.program:
            "; sources of the network, BATON_ADMIN, BATON_SUBPATH=stage and BATON_VALIDATE=json or yaml need it beside baton "
                + "(COPY it into the image, too)"
        case EACCES where error.operation == "make", EROFS where error.operation == "make":
            "; what the agent fetches is kept there: mount an emptyDir (medium: Memory) there, or set BATON_STAGE"
        case EADDRNOTAVAIL: "; this address is not one of this machine's (BATON_LISTEN)"
        default: ""
        }
    }

    /// Before there is a log: one line on stderr.
    private static func complain(_ text: String) { StandardError().write("baton: \(text)") }
}
