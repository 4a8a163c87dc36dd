/// One BATON_ variable: what it is called, what it may be, and where its value goes. The parser, the help text and the
/// README's table all come from this list. A class, as what is found in it is only looked at.
public final class SettingDefinition: Sendable {
    public let name: String
    public let defaultText: String
    /// What is allowed, as the help and the errors show it.
    public let allowed: String
    public let summary: String
    let read: @Sendable (String, inout Settings) throws(SettingError) -> Void

    public enum Group: String, Sendable, CaseIterable {
        case watching = "Watching"
        case staging = "Fetched by the agent"
        case change = "On change"
        case sockets = "Sockets and handover"
        case life = "Starting and stopping"
        case signals = "Signals"
        case privileges = "Privileges"
        case operating = "Operating"
    }

    init(
        _ name: String, default defaultText: String, allowed: String, _ summary: String,
        read: @escaping @Sendable (String, inout Settings) throws(SettingError) -> Void
    ) {
        self.name = name
        self.defaultText = defaultText
        self.allowed = allowed
        self.summary = summary
        self.read = read
    }

    public static var all: [SettingDefinition] { Group.allCases.flatMap(definitions) }

    public static func definitions(in group: Group) -> [SettingDefinition] {
        switch group {
        case .watching: watching
        case .staging: staging
        case .change: change
        case .sockets: sockets
        case .life: life
        case .signals: signals
        case .privileges: privileges
        case .operating: operating
        }
    }

    /// Group by group, each of which is made when it is first looked at: this is on the way of every start.
    static func named(_ name: String) -> SettingDefinition? {
        for group in Group.allCases {
            if let found = definitions(in: group).first(where: { $0.name == name }) { return found }
        }
        return nil
    }

    private static let duration = "a duration such as 250ms, 5s or 2m"

    private static let watching: [SettingDefinition] = [
        .init(
            "BATON_WATCH", default: "none",
            allowed:
                "paths, [NAMESPACE/]configmap/NAME[/KEY][?optional], the same with secret/, [NAME=]https://…, separated by commas",
            "the app's configuration: files and directories, and what the agent fetches to BATON_STAGE"
        ) { (text, settings) throws(SettingError) in
            settings.watch = []
            for entry in SettingValue.list(text) { settings.watch.append(try SettingValue.source(entry)) }
        },
        .init(
            "BATON_ENV_FROM", default: "none", allowed: "sources, as in BATON_WATCH",
            "what becomes the environment of each new generation: a directory (a file, a variable), or a file in .env form"
        ) { (text, settings) throws(SettingError) in
            settings.environmentFrom = []
            for entry in SettingValue.list(text) { settings.environmentFrom.append(try SettingValue.source(entry)) }
        },
        .init(
            "BATON_STRATEGY", default: "auto", allowed: "auto, inotify or poll",
            "how they are watched; auto chooses for each source and says why"
        ) { (text, settings) throws(SettingError) in settings.strategy = try SettingValue.choice(text) },
        .init(
            "BATON_POLL_INTERVAL", default: "5s", allowed: duration, "time between two looks of a poll"
        ) { (text, settings) throws(SettingError) in
            settings.pollInterval = try SettingValue.interval(text, atLeast: .milliseconds(10))
        },
        .init(
            "BATON_SETTLE", default: "100ms", allowed: duration,
            "quiet time after a change that is not atomic, before it is read"
        ) { (text, settings) throws(SettingError) in settings.settle = try SettingValue.interval(text) },
        .init(
            "BATON_AUDIT_INTERVAL", default: "60s", allowed: duration + ", or 0s for none",
            "how often an inotify source is looked at all the same"
        ) { (text, settings) throws(SettingError) in settings.auditInterval = try SettingValue.interval(text) },
    ]

    private static let staging: [SettingDefinition] = [
        .init(
            "BATON_STAGE", default: "/run/baton", allowed: "an absolute path",
            "directory in which the app finds the snapshot in force: configmap/NAME, secret/NAME, url/NAME, files/PATH"
        ) { (text, settings) throws(SettingError) in settings.stage = try SettingValue.path(text) },
        .init(
            "BATON_STAGE_FILES", default: "off", allowed: "on or off",
            "files and directories are copied there, too, so that the app reads whole snapshots and keeps the last good one"
        ) { (text, settings) throws(SettingError) in settings.stageFiles = try SettingValue.onOff(text) },
        .init(
            "BATON_SERVICE_ACCOUNT", default: "/var/run/secrets/kubernetes.io/serviceaccount",
            allowed: "an absolute path", "directory with token, ca.crt and namespace for the Kubernetes API"
        ) { (text, settings) throws(SettingError) in settings.serviceAccount = try SettingValue.path(text) },
        .init(
            "BATON_API_SILENCE", default: "90s", allowed: duration + ", at least 1s",
            "a watch of the Kubernetes API on which nothing has come for so long is made anew (a sign of life comes about once a minute)"
        ) { (text, settings) throws(SettingError) in
            settings.apiSilence = try SettingValue.interval(text, atLeast: .seconds(1))
        },
        .init(
            "BATON_URL_INTERVAL", default: "30s", allowed: duration, "time between two looks at a URL"
        ) { (text, settings) throws(SettingError) in
            settings.url.interval = try SettingValue.interval(text, atLeast: .milliseconds(100))
        },
        .init(
            "BATON_URL_TIMEOUT", default: "10s", allowed: duration,
            "a URL that has not answered by then has failed"
        ) { (text, settings) throws(SettingError) in
            settings.url.timeout = try SettingValue.interval(text, atLeast: .milliseconds(100))
        },
        .init(
            "BATON_URL_SIZE_LIMIT", default: "1M", allowed: "a number of bytes, also as 64k or 2M, up to 64M",
            "larger answers of a URL are refused"
        ) { (text, settings) throws(SettingError) in
            settings.url.sizeLimit = try SettingValue.size(text, upTo: 64 << 20)
        },
        .init(
            "BATON_URL_CA_FILE", default: "none", allowed: "an absolute path",
            "PEM file with the authorities that https:// URLs are trusted by; none: the system's"
        ) { (text, settings) throws(SettingError) in settings.url.caFile = try SettingValue.path(text) },
        .init(
            "BATON_URL_TOKEN_FILE", default: "none", allowed: "an absolute path",
            "file whose content is sent to URLs as a bearer token; read again for each request"
        ) { (text, settings) throws(SettingError) in settings.url.tokenFile = try SettingValue.path(text) },
    ]

    private static let change: [SettingDefinition] = [
        .init(
            "BATON_ON_CHANGE", default: "auto", allowed: "auto, reload, handover, restart, exit or none",
            "what is done; auto: reload if the app has a handler of its own for the signal (a runtime's handler, as Go's, a JVM's, Ruby's, "
                + "PHP's or a shell's, is none), else handover if a listener is held, else restart"
        ) { (text, settings) throws(SettingError) in settings.onChange = try SettingValue.choice(text) },
        .init(
            "BATON_RELOAD_SIGNAL", default: "HUP", allowed: "a signal, by name or number",
            "tells the app to read its configuration again"
        ) { (text, settings) throws(SettingError) in settings.reloadSignal = try SettingValue.catchableSignal(text) },
        .init(
            "BATON_RELOAD_COMMAND", default: "none", allowed: "a command",
            "makes the app read its configuration again, in the place of the signal: run as the app's user, with BATON_PID and "
                + "BATON_GENERATION; it has BATON_READY_TIMEOUT, and ends with code 0 where that has worked"
        ) { (text, settings) throws(SettingError) in settings.reloadCommand = try SettingValue.command(text) },
        .init(
            "BATON_VALIDATE", default: "none", allowed: "json, yaml or both, or a command",
            "asked before a change is applied: whether the files called .json, .yaml and .yml (all, where none is) can be read, or a command, as the app's user and with the snapshot's directory in BATON_SNAPSHOT; where it "
                + "does not end with code 0 the app goes on with what it has"
        ) { (text, settings) throws(SettingError) in settings.validate = try SettingValue.validator(text) },
        .init(
            "BATON_VALIDATE_TIMEOUT", default: "10s", allowed: duration,
            "a validator that has not ended by then has refused"
        ) { (text, settings) throws(SettingError) in
            settings.validateTimeout = try SettingValue.interval(text, atLeast: .milliseconds(10))
        },
        .init(
            "BATON_PROBATION", default: "0s", allowed: duration,
            "so long after a handover the old generation is kept; if the new one dies or its probe fails, all goes back to the old"
        ) { (text, settings) throws(SettingError) in settings.probation = try SettingValue.interval(text) },
        .init(
            "BATON_SPLAY", default: "0s", allowed: duration,
            "random delay up to this before a change is applied, so that a fleet does not move at once"
        ) { (text, settings) throws(SettingError) in settings.splay = try SettingValue.interval(text) },
        .init(
            "BATON_SUBPATH", default: "warn", allowed: "warn, exit or stage",
            "when a subPath or single-file mount has been replaced: warn, or drain and exit so that it is mounted anew; stage: the app reads a copy instead, which follows the object by the API"
        ) { (text, settings) throws(SettingError) in settings.subpath = try SettingValue.choice(text) },
    ]

    private static let sockets: [SettingDefinition] = [
        .init(
            "BATON_LISTEN", default: "none",
            allowed:
                "[name=]tcp://host:port[?defer_accept&nonblock], unix:///path or udp://host:port, separated by commas",
            "sockets that Baton opens and hands to every generation, from descriptor 3 on"
        ) { (text, settings) throws(SettingError) in
            settings.listen = []
            for entry in SettingValue.list(text) { settings.listen.append(try ListenAddress.parse(entry)) }
            try checkNames(settings.listen)
        },
        .init(
            "BATON_ADOPT", default: "auto", allowed: "auto, on or off",
            "take the place of TCP sockets that the app opens itself, so that they can be handed over (sets no_new_privs); auto: "
                + "where a handover is possible, there is no BATON_LISTEN, and the container allows it"
        ) { (text, settings) throws(SettingError) in settings.adopt = try SettingValue.choice(text) },
        .init(
            "BATON_ADOPT_EXCEPT", default: "none", allowed: "[host:]port, separated by commas",
            "TCP addresses that stay the app's own"
        ) { (text, settings) throws(SettingError) in
            settings.adoptExcept = []
            for entry in SettingValue.list(text) {
                settings.adoptExcept.append(try ListenAddress.parseException(entry))
            }
        },
        .init(
            "BATON_STEER", default: "auto", allowed: "auto, on or off",
            "each generation has its own socket on a TCP address, and Baton moves new connections from one to the other at one "
                + "instant; auto: where a handover is possible"
        ) { (text, settings) throws(SettingError) in settings.steer = try SettingValue.choice(text) },
        .init(
            "BATON_SLOW_START", default: "0s", allowed: duration,
            "over this time a steered new generation gets a growing share of the new connections, and the old one the others; for "
                + "programs that are slow at first (JVM, node, cold caches)"
        ) { (text, settings) throws(SettingError) in settings.slowStart = try SettingValue.interval(text) },
        .init(
            "BATON_READY", default: "auto",
            allowed: "auto, notify, http:/PATH, tcp, fd:N, exec:COMMAND or delay:DURATION",
            "how a new generation is known to be ready; auto: READY=1, or seen to wait for connections; else one second alive"
        ) { (text, settings) throws(SettingError) in settings.ready = try SettingValue.ready(text) },
        .init(
            "BATON_READY_TIMEOUT", default: "30s", allowed: duration,
            "a generation not ready by then has failed"
        ) { (text, settings) throws(SettingError) in
            settings.readyTimeout = try SettingValue.interval(text, atLeast: .milliseconds(10))
        },
        .init(
            "BATON_DRAIN_SIGNAL", default: "TERM", allowed: "a signal, by name or number",
            "tells an old generation to finish and exit; where connections are steered, once it has none open any more"
        ) { (text, settings) throws(SettingError) in settings.drainSignal = try SettingValue.signal(text) },
        .init(
            "BATON_DRAIN_TIMEOUT", default: "30s", allowed: duration,
            "what is left of an old generation then is killed"
        ) { (text, settings) throws(SettingError) in settings.drainTimeout = try SettingValue.interval(text) },
        .init(
            "BATON_MAX_DRAINING", default: "4", allowed: "a number from 1 to 100",
            "above this many the oldest draining generation is ended at once"
        ) { (text, settings) throws(SettingError) in settings.maxDraining = try SettingValue.count(text, in: 1...100) },
    ]

    private static let life: [SettingDefinition] = [
        .init(
            "BATON_STOP_DELAY", default: "0s", allowed: duration, "keep serving this long after SIGTERM"
        ) { (text, settings) throws(SettingError) in settings.stopDelay = try SettingValue.interval(text) },
        .init(
            "BATON_STOP_TIMEOUT", default: "25s", allowed: duration,
            "what is left this long after the stop signal is killed (Kubernetes kills at 30s)"
        ) { (text, settings) throws(SettingError) in settings.stopTimeout = try SettingValue.interval(text) },
        .init(
            "BATON_RESTART", default: "never", allowed: "never, on-failure or always",
            "whether an app that ends by itself is started again, with backoff; never: Baton exits with its code"
        ) { (text, settings) throws(SettingError) in settings.restart = try SettingValue.choice(text) },
        .init(
            "BATON_EXIT_OK", default: "none", allowed: "exit codes from 0 to 255, separated by commas",
            "exit codes of the app that count as 0"
        ) { (text, settings) throws(SettingError) in settings.exitOK = try SettingValue.exitCodes(text) },
        .init(
            "BATON_PARENT_DEATH_SIGNAL", default: "none", allowed: "a signal, by name or number",
            "signal that Baton gets when its own parent dies"
        ) { (text, settings) throws(SettingError) in settings.parentDeathSignal = try SettingValue.signal(text) },
    ]

    private static let signals: [SettingDefinition] = [
        .init(
            "BATON_SIGNAL_MAP", default: "none",
            allowed: "received=forwarded, separated by commas; nothing after = swallows",
            "rewrites signals before they are forwarded: TERM=QUIT,HUP=,10=HUP"
        ) { (text, settings) throws(SettingError) in settings.signalMap = try SettingValue.signalMap(text) },
        .init(
            "BATON_SIGNAL_TARGET", default: "group", allowed: "group or child",
            "whether signals go to the app's process group or to the app alone"
        ) { (text, settings) throws(SettingError) in settings.signalTarget = try SettingValue.choice(text) },
    ]

    private static let privileges: [SettingDefinition] = [
        .init(
            "BATON_USER", default: "unchanged", allowed: "user[:group[,group…]], names or numbers",
            "whom the app runs as"
        ) { (text, settings) throws(SettingError) in settings.user = try SettingValue.user(text) },
        .init(
            "BATON_CAPS", default: "unchanged",
            allowed: "capabilities in libcap's text form: ^ ambient, % inheritable, ! dropped from the bounding set",
            "the app's capabilities: ^cap_net_bind_service,!cap_net_raw"
        ) { (text, settings) throws(SettingError) in settings.capabilities = text },
        .init(
            "BATON_NO_NEW_PRIVS", default: "unchanged", allowed: "on or off",
            "the app can gain no privileges by running other programs"
        ) { (text, settings) throws(SettingError) in settings.noNewPrivileges = try SettingValue.onOff(text) },
    ]

    private static let operating: [SettingDefinition] = [
        .init(
            "BATON_CONTROL", default: "auto", allowed: "an absolute path, auto or off",
            "unix socket for baton status, history and reload, for root and Baton's own user; auto: /run/baton.sock where that can "
                + "be made"
        ) { (text, settings) throws(SettingError) in
            settings.control = try SettingValue.control(text)
        },
        .init(
            "BATON_ADMIN", default: "off", allowed: "[host:]port, or off",
            "address at which the agent serves /metrics, /healthz, /readyz, /status and a page for people; without a host the "
                + "loopback address"
        ) { (text, settings) throws(SettingError) in
            settings.admin = text == "off" ? nil : try ListenAddress.parseAdmin(text)
        },
        .init("BATON_LOG", default: "text", allowed: "text or json", "form of the log on stderr") {
            (text, settings) throws(SettingError) in settings.logFormat = try SettingValue.choice(text)
        },
        .init(
            "BATON_LOG_LEVEL", default: "info", allowed: "error, warn, info or debug",
            "least that is logged"
        ) { (text, settings) throws(SettingError) in settings.logLevel = try SettingValue.choice(text) },
    ]

    private static func checkNames(_ addresses: [ListenAddress]) throws(SettingError) {
        var seen: Set<ListenAddress.Endpoint> = []
        for address in addresses where !isPortZero(address.endpoint) {
            guard seen.insert(address.endpoint).inserted else {
                throw SettingError("\(address.endpoint) is there twice")
            }
        }
    }

    private static func isPortZero(_ endpoint: ListenAddress.Endpoint) -> Bool {
        switch endpoint {
        case .tcp(_, port: 0), .udp(_, port: 0): true
        default: false
        }
    }
}
