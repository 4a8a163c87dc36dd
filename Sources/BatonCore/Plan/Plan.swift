/// What is decided from the settings and the place, each with its reason. Pure: the log, `baton explain`, `baton status` and the
/// supervisor read the same one.
public struct Plan: Sendable, Hashable {
    public struct Decision<Choice: Sendable & Hashable>: Sendable, Hashable {
        public var choice: Choice
        /// For people.
        public var reason: String

        public init(_ choice: Choice, _ reason: String) {
            self.choice = choice
            self.reason = reason
        }
    }

    public enum Adoption: String, Sendable, Hashable {
        case no
        /// Where it turns out not to work for this app its sockets stay its own.
        case wherePossible = "where possible"
        /// The app is not started without it.
        case must
        /// It was wanted, and does not work here: two copies of the app could not listen side by side.
        case refused
    }

    /// What is done on a change.
    public var onChange = Decision(ChangeMode.auto, "")
    /// Baton takes the place of listening sockets that the app opens itself.
    public var adoption = Decision(Adoption.no, "")
    /// Each generation has a socket of its own of each TCP address of BATON_LISTEN, and new connections can be moved between them.
    public var steering = Decision(false, "")
    /// Baton looks into the app's files in /proc: whether it waits for connections on its sockets, and what it binds.
    public var scanning = Decision(false, "")
    /// The app reads copies that Baton writes to the stage, one snapshot after the other.
    public var staging = Decision(false, "")
    /// The second program is started.
    public var agent = Decision(false, "")
    /// Sources without which the app is not started: nothing of them has ever been on the stage.
    public var awaited: Set<String> = []
    public var hasTerminal = false

    public init() {}

    /// - Parameters:
    ///   - subpaths: what the agent is to trace to its object.
    ///   - awaited: see the property.
    public init(
        _ settings: Settings, _ place: Place, subpaths: [SubpathMount] = [], awaited: Set<String> = []
    ) {
        onChange = Plan.onChange(settings)
        adoption = Plan.adoption(settings, place)
        steering = Plan.steering(settings, place)
        if [.wherePossible, .must].contains(adoption.choice), !settings.hasListener {
            steering.reason += "; adopted sockets are steered in any case"
        }
        scanning = Plan.scanning(settings, adoption.choice)
        staging = Plan.staging(settings)
        agent = Plan.agent(settings, subpaths)
        self.awaited = awaited
        hasTerminal = place.hasTerminal
    }

    /// Adoption is wanted, whether it works here or not.
    public var adopts: Bool { adoption.choice != .no }

    // MARK: decisions

    private static func onChange(_ settings: Settings) -> Decision<ChangeMode> {
        let set = "BATON_ON_CHANGE=\(settings.onChange.rawValue)"
        let handover = "handover if Baton holds a listening socket, else restart"
        let reason =
            switch settings.onChange {
            case .auto where settings.sources.isEmpty: "nothing is watched"
            case .auto where settings.hasEnvironmentSources: "BATON_ENV_FROM needs a new process: \(handover)"
            case .auto where settings.reloadsByCommand: "reload by BATON_RELOAD_COMMAND"
            case .auto: "reload by \(settings.reloadSignal) if the app itself handles it, else \(handover)"
            case .reload where settings.reloadsByCommand: "\(set), by BATON_RELOAD_COMMAND"
            case .reload: "\(set), by \(settings.reloadSignal)"
            case .none: "\(set): changes are recorded only"
            case .handover, .restart, .exit: set
            }
        return Decision(settings.onChange, reason)
    }

    public static func adoption(_ settings: Settings, _ place: Place) -> Decision<Adoption> {
        let wish = adoptionWish(settings, place.program)
        if wish.choice != .no, case .refused(let reason) = place.adoption { return Decision(.refused, reason) }
        return wish
    }

    /// Before it is tried whether that works here.
    private static func adoptionWish(_ settings: Settings, _ program: Place.ProgramFile?) -> Decision<Adoption> {
        switch settings.adopt {
        case .off: return Decision(.no, "BATON_ADOPT=off")
        case .on: return Decision(.must, "BATON_ADOPT=on")
        case .auto: break
        }
        if !settings.mayHandOver { return Decision(.no, "no change can hand over") }
        if settings.steer == .off { return Decision(.no, "BATON_STEER=off: adoption has no use without steering") }
        guard settings.listen.isEmpty || program?.isShell != false else {
            return Decision(.no, "the app gets its sockets from BATON_LISTEN")
        }
        if program?.gainsPrivileges == true {
            return Decision(
                .no,
                "the program gains privileges when it starts (set-user-id, file capabilities), which adoption would prevent; "
                    + "BATON_ADOPT=on adopts anyway")
        }
        return Decision(
            .wherePossible,
            settings.listen.isEmpty
                ? "a change can hand over, and the app opens its sockets itself"
                : "an app that a shell starts may ignore LISTEN_FDS and open its sockets itself")
    }

    public static func steering(_ settings: Settings, _ place: Place) -> Decision<Bool> {
        guard settings.hasListener else { return Decision(false, "BATON_LISTEN is not set") }
        guard settings.listen.contains(where: { if case .tcp = $0.endpoint { true } else { false } }) else {
            return Decision(false, "BATON_LISTEN has no TCP address")
        }
        switch settings.steer {
        case .off: return Decision(false, "BATON_STEER=off")
        case .on: return Decision(true, "BATON_STEER=on")
        case .auto: break
        }
        guard settings.mayHandOver else { return Decision(false, "no change can hand over") }
        if case .refused(let reason) = place.steering { return Decision(false, reason) }
        return Decision(true, "a change can hand over")
    }

    /// - Parameter adoption: what was decided of it.
    public static func scanning(_ settings: Settings, _ adoption: Adoption) -> Decision<Bool> {
        switch adoption {
        case .wherePossible, .must:
            return Decision(true, "Baton looks in /proc for the sockets that the app opens, and adopts them")
        case .no, .refused: break
        }
        guard settings.hasListener else { return Decision(false, "Baton holds no socket of the app") }
        if settings.ready == .auto {
            return Decision(true, "BATON_READY=auto: an app that waits for connections is ready")
        }
        if settings.mayHandOver {
            return Decision(true, "an early change needs to know whether the app serves already")
        }
        return Decision(false, "BATON_READY has another check")
    }

    /// - Parameter subpaths: what is to be traced to its object.
    public static func agent(_ settings: Settings, _ subpaths: [SubpathMount]) -> Decision<Bool> {
        if !subpaths.isEmpty { return Decision(true, "BATON_SUBPATH=stage: it reads the objects of subPath mounts") }
        if settings.sources.contains(where: \.isRemote) { return Decision(true, "a source is remote") }
        if settings.admin != nil { return Decision(true, "BATON_ADMIN is set") }
        return Decision(false, "no source is remote, and BATON_ADMIN is not set")
    }

    private static func staging(_ settings: Settings) -> Decision<Bool> {
        if settings.stageFiles { return Decision(true, "BATON_STAGE_FILES=on") }
        if settings.validate != nil { return Decision(true, "BATON_VALIDATE checks each snapshot on the stage") }
        if settings.stages { return Decision(true, "a source is remote") }
        return Decision(false, "the app reads its files in place")
    }
}

extension Plan {
    /// All decisions by name, for the log, `explain` and `status`.
    public var decisions: [(name: String, choice: String, reason: String)] {
        func yes(_ decision: Decision<Bool>) -> (String, String) {
            (decision.choice ? "yes" : "no", decision.reason)
        }
        return [
            ("on change", onChange.choice.rawValue, onChange.reason),
            ("adoption", adoption.choice.rawValue, adoption.reason), named("steering", yes(steering)),
            named("scanning", yes(scanning)),
            named("stage", yes(staging)), named("agent", yes(agent)),
        ]
    }

    /// What the settings ask for and is not to be had, or will not do what it seems to.
    public static func warnings(_ settings: Settings, _ place: Place) -> [LogRecord] {
        var warnings: [LogRecord] = []
        if let probation = settings.probation, probation > .zero, !settings.stages,
            [.auto, .reload, .restart].contains(settings.onChange)
        {
            warnings.append(
                LogRecord(
                    .probationWithoutStage,
                    "BATON_PROBATION=\(probation) without a stage: if a reload or restart fails, there is no last good configuration "
                        + "to go back to; set BATON_STAGE_FILES=on"))
        }
        let adoption = Plan.adoption(settings, place)
        guard adoption.choice == .no else { return warnings }
        if place.program?.gainsPrivileges == true {
            warnings.append(
                LogRecord(.notAdopted, "not adopting the app's listening sockets: \(adoption.reason)"))
        }
        if settings.onChange == .handover, !settings.hasListener {
            warnings.append(
                LogRecord(
                    .handoverWithoutSocket,
                    "BATON_ON_CHANGE=handover without BATON_LISTEN or BATON_ADOPT: two copies of the app run side by side, and an "
                        + "app that binds a port itself fails"))
        }
        return warnings
    }

    /// The same for the log.
    public var records: [LogRecord] {
        decisions.map {
            LogRecord(
                .plan, "\($0.name): \($0.choice) (\($0.reason))",
                [.text("decision", $0.name), .text("choice", $0.choice)])
        }
    }

    private func named(_ name: String, _ decision: (String, String)) -> (name: String, choice: String, reason: String) {
        (name, decision.0, decision.1)
    }
}
