import BatonCore
import BatonLaunch
import BatonLinux
import BatonWatch
import Glibc

/// The checklist from the first line to the loop. Each step says itself what went wrong.
enum Startup {
    /// EX_OSERR of sysexits(3).
    private static let systemCode: Int32 = 71

    static func run(_ command: [CText]) -> Int32 {
        let environment = EnvironmentVariable.all()
        guard let settings = Invocation.settings(environment),
            let launch = launchConfiguration(settings, command, environment)
        else { return Settings.exitCode }
        let logger = Logger(format: settings.logFormat, level: settings.logLevel)
        do throws(StartFailure) {
            let loop = try prepare(settings, launch, logger)
            let code = loop.run()
            loop.control?.remove()
            loop.launcher.sockets.removePaths()
            return code
        } catch {
            logger.log(LogRecord(.startFailed, "\(error)"))
            return systemCode
        }
    }

    /// Finds out where Baton is, opens what it needs there, and gives up what it does not need any more.
    private static func prepare(_ settings: Settings, _ launch: Launcher.Configuration, _ logger: Logger)
        throws(StartFailure) -> Loop
    {
        var settings = settings
        var launch = launch
        var place = PlaceProbe.place(settings, launch.command, launch.environment)
        for record in Plan.warnings(settings, place) { logger.log(record) }
        let mounts = Mounts()
        let subpaths = SubpathStaging(&settings, &launch, mounts)
        for record in subpaths.records { logger.log(record) }
        try checkAgent(settings, subpaths.mounts)
        try StartFailure.naming(.other) { () throws(LinuxError) in try takePlace(settings, place) }
        launch.adoption = try adoption(settings, launch, &place)
        let sockets = try StartFailure.naming(.sockets) { () throws(LinuxError) in
            try openSockets(settings.listening(for: launch.command.first?.text ?? ""), &place, logger)
        }
        let stage = try StartFailure.naming(.stage) { () throws(LinuxError) in
            try AgentSetup.prepareStage(
                settings, subpaths.mounts, owner: launch.identity.map { ($0.uid, $0.gid) })
        }
        for record in stage.records { logger.log(record) }
        return try StartFailure.naming(.other) { () throws(LinuxError) in
            let control = try openControl(settings.control, logger)
            try dropPrivileges(settings, launch, place, logger)
            let access = foreignAccess(settings, launch, place)
            var earlier = stage.earlier
            earlier.salt = WatchedPaths.salt(settings, earlier)
            let plan = Plan(settings, place, subpaths: subpaths.mounts, awaited: stage.awaited)
            if settings.logLevel == .debug { for record in plan.records { logger.log(record) } }
            return try Loop(
                settings: settings, plan: plan, launcher: Launcher(launch, sockets),
                adoption: Adoption(
                    sockets, access, except: settings.adoptExcept, choice: launch.adoption,
                    mustSteer: settings.steer == .on),
                access: access, watcher: WatchedPaths.watcher(settings, mounts, salt: earlier.salt),
                environmentFiles: WatchedPaths.environmentFiles(settings), subpaths: subpaths.mounts, control: control,
                earlier: earlier, logger: logger)
        }
    }

    // MARK: steps

    private static func checkAgent(_ settings: Settings, _ subpaths: [SubpathMount]) throws(StartFailure) {
        guard Plan.agent(settings, subpaths).choice || settings.validate?.isBuiltIn == true else { return }
        guard access(AgentSetup.program, X_OK) == 0 else {
            throw StartFailure(step: .agent, error: LinuxError("run", AgentSetup.program, errno: errno))
        }
    }

    /// Tries whether adoption works here, where it is wanted.
    private static func adoption(_ settings: Settings, _ launch: Launcher.Configuration, _ place: inout Place)
        throws(StartFailure) -> Plan.Adoption
    {
        if Plan.adoption(settings, place).choice != .no {
            PlaceProbe.tryAdoption(changesUser: launch.identity != nil, &place)
        }
        let adoption = Plan.adoption(settings, place)
        guard adoption.choice != .refused || settings.adopt != .on else {
            throw StartFailure(
                step: .other,
                error: LinuxError("adopt", "sockets", errno: EPERM, words: "\(adoption.reason) (BATON_ADOPT=on)"))
        }
        return adoption.choice
    }

    static func launchConfiguration(
        _ settings: Settings, _ command: [CText], _ environment: [EnvironmentVariable]
    ) -> Launcher.Configuration? {
        var identity: AppIdentity?
        var capabilities: IABTuple?
        if let user = settings.user {
            do throws(AppIdentity.Unknown) {
                identity = try AppIdentity.resolve(user, UserDatabase.users(), UserDatabase.groups())
            } catch {
                Invocation.complain("BATON_USER: \(error.reason)")
            }
        }
        if let text = settings.capabilities {
            do throws(LinuxError) { capabilities = try IABTuple(text) } catch {
                Invocation.complain(
                    "BATON_CAPS: \"\(text)\" is not a valid list of capabilities (as in ^cap_net_bind_service,!cap_net_raw): \(errnoInWords(error.errno))"
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

    static func foreignAccess(_ settings: Settings, _ launch: Launcher.Configuration, _ place: Place)
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
                    .listening, "listening on \(description.actualEndpoint)",
                    [.text("name", description.name), .text("address", description.actualEndpoint.description)]))
        }
        return sockets
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
        } catch  where settings.steer == .auto && error.refusesSteering {
            place.steering = .refused("the kernel refuses steering: \(error)")
            logger.log(
                LogRecord(
                    .steeringUnavailable,
                    "all generations share one socket, as the kernel refuses steering: \(error)"))
            return try ListenSockets(settings.listen, steers: false)
        }
    }

    private static func openControl(_ address: ControlAddress, _ logger: Logger) throws(LinuxError) -> ControlSocket? {
        guard let path = address.path else { return nil }
        do throws(LinuxError) { return try ControlSocket(path) } catch {
            guard address == .whereWritable else { throw error }
            logger.log(LogRecord(.controlUnavailable, "baton status, history and reload do not work: \(error)"))
            return nil
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
                hasNoNewPrivileges: place.hasNoNewPrivileges || settings.noNewPrivileges
                    || launch.adoption.isActive,
                changesUser: settings.user != nil, passedOn: launch.capabilities?.passedOn,
                hasSources: !settings.sources.isEmpty, adopts: launch.adoption.isActive,
                // An app that is told to reload may leave a successor, which its sockets show.
                looks: settings.onChange == .reload
                    || Plan.scanning(settings, Plan.adoption(settings, place).choice).choice))
        try Capabilities.keep(effective: plan.effective, permitted: plan.permitted)
        logger.log(
            LogRecord(
                .privilegesDropped,
                "keeping \(plan.permitted.count) of \(permitted.count) capabilities, \(plan.effective.count) of them effective"
            ))
    }
}
