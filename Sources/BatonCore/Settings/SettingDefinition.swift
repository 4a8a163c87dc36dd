/// One BATON_ variable: its name, the values that it allows, and where its value goes. The parser and the help text come
/// from this list, and the table on the page <doc:Settings> is compared with it. A class, as its instances are only read.
public final class SettingDefinition: Sendable {
    public let name: String
    public let defaultText: String
    /// What is allowed, as the help and the errors show it.
    public let allowed: String
    public let summary: String
    let read: @Sendable (String, inout Settings) throws(SettingError) -> Void

    public enum Group: String, Sendable, CaseIterable {
        case watching = "Watching"
        case staging = "Stage and remote sources"
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
            "Files, directories and remote sources that Baton watches. Remote sources are written to BATON_STAGE"
        ) { (text, settings) throws(SettingError) in
            settings.watch = []
            for entry in SettingValue.list(text) { settings.watch.append(try SettingValue.source(entry)) }
        },
        .init(
            "BATON_ENV_FROM", default: "none", allowed: "sources, as in BATON_WATCH",
            "Sources of the environment of each new generation: a directory with one file per variable, or a "
                + "file in .env form"
        ) { (text, settings) throws(SettingError) in
            settings.environmentFrom = []
            for entry in SettingValue.list(text) { settings.environmentFrom.append(try SettingValue.source(entry)) }
        },
        .init(
            "BATON_STRATEGY", default: "auto", allowed: "auto, inotify or poll",
            "How files and directories are watched. auto chooses for each source"
        ) { (text, settings) throws(SettingError) in settings.strategy = try SettingValue.choice(text) },
        .init(
            "BATON_POLL_INTERVAL", default: "5s", allowed: duration,
            "Interval between two polls of a source"
        ) { (text, settings) throws(SettingError) in
            settings.pollInterval = try SettingValue.interval(text, atLeast: .milliseconds(10))
        },
        .init(
            "BATON_SETTLE", default: "100ms", allowed: duration,
            "Time without further changes before Baton reads a source. Atomic changes are read at once"
        ) { (text, settings) throws(SettingError) in settings.settle = try SettingValue.interval(text) },
        .init(
            "BATON_AUDIT_INTERVAL", default: "60s", allowed: duration + ", or 0s for none",
            "Interval of an additional poll of sources that inotify watches"
        ) { (text, settings) throws(SettingError) in settings.auditInterval = try SettingValue.interval(text) },
    ]

    private static let staging: [SettingDefinition] = [
        .init(
            "BATON_STAGE", default: "/run/baton", allowed: "an absolute path",
            "Directory in which the app finds the snapshot in force: configmap/NAME, secret/NAME, url/NAME, "
                + "files/PATH"
        ) { (text, settings) throws(SettingError) in settings.stage = try SettingValue.path(text) },
        .init(
            "BATON_STAGE_FILES", default: "off", allowed: "on or off",
            "Copies files and directories to the stage, too. The app then reads complete snapshots only, and "
                + "keeps the last good one"
        ) { (text, settings) throws(SettingError) in settings.stageFiles = try SettingValue.onOff(text) },
        .init(
            "BATON_SERVICE_ACCOUNT", default: "/var/run/secrets/kubernetes.io/serviceaccount",
            allowed: "an absolute path",
            "Directory with token, ca.crt and namespace for the Kubernetes API"
        ) { (text, settings) throws(SettingError) in settings.serviceAccount = try SettingValue.path(text) },
        .init(
            "BATON_API_SILENCE", default: "90s", allowed: duration + ", at least 1s",
            "A watch of the Kubernetes API that receives nothing for this time is opened again. The server "
                + "sends a bookmark about once a minute"
        ) { (text, settings) throws(SettingError) in
            settings.apiSilence = try SettingValue.interval(text, atLeast: .seconds(1))
        },
        .init(
            "BATON_URL_INTERVAL", default: "30s", allowed: duration,
            "Interval between two requests to a URL"
        ) { (text, settings) throws(SettingError) in
            settings.url.interval = try SettingValue.interval(text, atLeast: .milliseconds(100))
        },
        .init(
            "BATON_URL_TIMEOUT", default: "10s", allowed: duration,
            "Timeout of a request to a URL"
        ) { (text, settings) throws(SettingError) in
            settings.url.timeout = try SettingValue.interval(text, atLeast: .milliseconds(100))
        },
        .init(
            "BATON_URL_SIZE_LIMIT", default: "1M", allowed: "a number of bytes, also as 64k or 2M, up to 64M",
            "Maximum size of the content of a URL. Larger content is refused"
        ) { (text, settings) throws(SettingError) in
            settings.url.sizeLimit = try SettingValue.size(text, upTo: 64 << 20)
        },
        .init(
            "BATON_URL_CA_FILE", default: "none", allowed: "an absolute path",
            "PEM file with the certificate authorities for https:// URLs. none: those of the system"
        ) { (text, settings) throws(SettingError) in settings.url.caFile = try SettingValue.path(text) },
        .init(
            "BATON_URL_TOKEN_FILE", default: "none", allowed: "an absolute path",
            "File with the bearer token that is sent to URLs. It is read again for each request"
        ) { (text, settings) throws(SettingError) in settings.url.tokenFile = try SettingValue.path(text) },
    ]

    private static let change: [SettingDefinition] = [
        .init(
            "BATON_ON_CHANGE", default: "auto", allowed: "auto, reload, handover, restart, exit or none",
            "What Baton does on a change. auto: reload if the app itself handles the reload signal (a handler "
                + "of Go, a JVM, Ruby, PHP or a shell does not count), else handover if Baton holds a listening "
                + "socket, else restart"
        ) { (text, settings) throws(SettingError) in settings.onChange = try SettingValue.choice(text) },
        .init(
            "BATON_RELOAD_SIGNAL", default: "HUP", allowed: "a signal, by name or number",
            "Signal that makes the app read its configuration again"
        ) { (text, settings) throws(SettingError) in settings.reloadSignal = try SettingValue.catchableSignal(text) },
        .init(
            "BATON_RELOAD_COMMAND", default: "none", allowed: "a command",
            "Command that makes the app read its configuration again, in place of the signal. It runs as the "
                + "app's user with BATON_PID and BATON_GENERATION, and must exit with code 0 within "
                + "BATON_READY_TIMEOUT"
        ) { (text, settings) throws(SettingError) in settings.reloadCommand = try SettingValue.command(text) },
        .init(
            "BATON_VALIDATE", default: "none", allowed: "json, yaml or both, or a command",
            "Check of each snapshot before it is applied: the syntax of all files named .json, .yaml and .yml "
                + "(of all files if no name ends so), or a command that runs as the app's user, with the snapshot's "
                + "directory in BATON_SNAPSHOT: the file /etc/a is $BATON_SNAPSHOT/files/etc/a there. "
                + "If it fails (exit code not 0), the app keeps its current configuration"
        ) { (text, settings) throws(SettingError) in settings.validate = try SettingValue.validator(text) },
        .init(
            "BATON_VALIDATE_TIMEOUT", default: "10s", allowed: duration,
            "Timeout of the validator. The change is then rejected; at the start the app starts without its verdict"
        ) { (text, settings) throws(SettingError) in
            settings.validateTimeout = try SettingValue.interval(text, atLeast: .milliseconds(10))
        },
        .init(
            "BATON_VALIDATE_START", default: "on", allowed: "on or off",
            "Whether BATON_VALIDATE also checks the configuration that the app starts with. If it is rejected, the app "
                + "starts with the last good one from the stage, or, if there is none, with the rejected one and a "
                + "warning"
        ) { (text, settings) throws(SettingError) in settings.validatesStart = try SettingValue.onOff(text) },
        .init(
            "BATON_PROBATION", default: "auto", allowed: "auto, \(duration), or 0s for none",
            "Time in which a change must prove itself. If the app exits or fails its readiness probe within it, Baton "
                + "rolls back to the last good configuration. After a handover the old generation is kept for this time. "
                + "auto: 3s after a reload or restart (the minimum there), 0s after a handover"
        ) { (text, settings) throws(SettingError) in
            settings.probation = text == "auto" ? nil : try SettingValue.interval(text)
        },
        .init(
            "BATON_SPLAY", default: "0s", allowed: duration,
            "Maximum of a random delay before a change is applied, so that the Pods of a fleet do not change "
                + "at the same time"
        ) { (text, settings) throws(SettingError) in settings.splay = try SettingValue.interval(text) },
        .init(
            "BATON_SUBPATH", default: "warn", allowed: "warn, exit or stage",
            "What Baton does when a subPath or single-file mount was replaced. warn: log it; exit: drain and "
                + "exit, so that the restarted container mounts the new file; stage: let the app read a staged copy, "
                + "which the agent updates from the API"
        ) { (text, settings) throws(SettingError) in settings.subpath = try SettingValue.choice(text) },
    ]

    private static let sockets: [SettingDefinition] = [
        .init(
            "BATON_LISTEN", default: "none",
            allowed:
                "[name=]tcp://host:port[?defer_accept&nonblock], unix:///path or udp://host:port, separated by commas",
            "Sockets that Baton opens and passes to every generation, from descriptor 3 on"
        ) { (text, settings) throws(SettingError) in
            settings.listen = []
            for entry in SettingValue.list(text) { settings.listen.append(try ListenAddress.parse(entry)) }
            try checkNames(settings.listen)
        },
        .init(
            "BATON_ADOPT", default: "auto", allowed: "auto, on or off",
            "Replaces the TCP sockets that the app opens by sockets of Baton's, so that they can be handed "
                + "over (sets no_new_privs). auto: if a handover is possible, BATON_LISTEN is not set, and the "
                + "container allows it"
        ) { (text, settings) throws(SettingError) in settings.adopt = try SettingValue.choice(text) },
        .init(
            "BATON_ADOPT_EXCEPT", default: "none", allowed: "[host:]port, separated by commas",
            "TCP addresses that are not adopted"
        ) { (text, settings) throws(SettingError) in
            settings.adoptExcept = []
            for entry in SettingValue.list(text) {
                settings.adoptExcept.append(try ListenAddress.parseException(entry))
            }
        },
        .init(
            "BATON_STEER", default: "auto", allowed: "auto, on or off",
            "Gives each generation its own socket on a TCP address, and moves new connections to the new "
                + "generation at one instant. auto: if a handover is possible"
        ) { (text, settings) throws(SettingError) in settings.steer = try SettingValue.choice(text) },
        .init(
            "BATON_SLOW_START", default: "0s", allowed: duration,
            "Time in which the new generation's share of new connections grows to 100 %, with steering. For "
                + "programs that are slow at first (JVM, node, cold caches)"
        ) { (text, settings) throws(SettingError) in settings.slowStart = try SettingValue.interval(text) },
        .init(
            "BATON_READY", default: "auto",
            allowed: "auto, notify, http:/PATH, tcp, fd:N, exec:COMMAND or delay:DURATION",
            "How Baton knows that a new generation is ready. auto: READY=1, or it waits for connections; if "
                + "that cannot be checked, one second alive"
        ) { (text, settings) throws(SettingError) in settings.ready = try SettingValue.ready(text) },
        .init(
            "BATON_READY_TIMEOUT", default: "30s", allowed: duration,
            "A generation that is not ready within this time has failed"
        ) { (text, settings) throws(SettingError) in
            settings.readyTimeout = try SettingValue.interval(text, atLeast: .milliseconds(10))
        },
        .init(
            "BATON_DRAIN_SIGNAL", default: "TERM", allowed: "a signal, by name or number",
            "Signal that makes an old generation finish and exit. With steering it is sent once no connection is open"
        ) { (text, settings) throws(SettingError) in settings.drainSignal = try SettingValue.signal(text) },
        .init(
            "BATON_DRAIN_TIMEOUT", default: "30s", allowed: duration,
            "Time that an old generation has to finish and exit. Its processes are then killed"
        ) { (text, settings) throws(SettingError) in settings.drainTimeout = try SettingValue.interval(text) },
        .init(
            "BATON_MAX_DRAINING", default: "4", allowed: "a number from 1 to 100",
            "Maximum number of draining generations. Above it, the oldest one is ended at once"
        ) { (text, settings) throws(SettingError) in settings.maxDraining = try SettingValue.count(text, in: 1...100) },
    ]

    private static let life: [SettingDefinition] = [
        .init(
            "BATON_STOP_DELAY", default: "0s", allowed: duration,
            "Time after SIGTERM in which the app keeps serving"
        ) { (text, settings) throws(SettingError) in settings.stopDelay = try SettingValue.interval(text) },
        .init(
            "BATON_STOP_TIMEOUT", default: "25s", allowed: duration,
            "Time that the app has to exit after the stop signal. Its processes are then killed (Kubernetes "
                + "kills after 30s)"
        ) { (text, settings) throws(SettingError) in settings.stopTimeout = try SettingValue.interval(text) },
        .init(
            "BATON_RESTART", default: "never", allowed: "never, on-failure or always",
            "Whether Baton restarts an app that exits by itself, with backoff. never: Baton exits with the app's code"
        ) { (text, settings) throws(SettingError) in settings.restart = try SettingValue.choice(text) },
        .init(
            "BATON_EXIT_OK", default: "none", allowed: "exit codes from 0 to 255, separated by commas",
            "Exit codes of the app that Baton reports as 0"
        ) { (text, settings) throws(SettingError) in settings.exitOK = try SettingValue.exitCodes(text) },
        .init(
            "BATON_PARENT_DEATH_SIGNAL", default: "none", allowed: "a signal, by name or number",
            "Signal that Baton gets when its own parent process dies"
        ) { (text, settings) throws(SettingError) in settings.parentDeathSignal = try SettingValue.signal(text) },
    ]

    private static let signals: [SettingDefinition] = [
        .init(
            "BATON_SIGNAL_MAP", default: "none",
            allowed: "received=forwarded, separated by commas; nothing after = discards the signal",
            "Replaces signals before they are forwarded, as in TERM=QUIT,HUP=,10=HUP"
        ) { (text, settings) throws(SettingError) in settings.signalMap = try SettingValue.signalMap(text) },
        .init(
            "BATON_SIGNAL_TARGET", default: "group", allowed: "group or child",
            "Whether signals go to the app's process group or to its main process only"
        ) { (text, settings) throws(SettingError) in settings.signalTarget = try SettingValue.choice(text) },
    ]

    private static let privileges: [SettingDefinition] = [
        .init(
            "BATON_USER", default: "unchanged", allowed: "user[:group[,group…]], names or numbers",
            "User and groups that the app runs as"
        ) { (text, settings) throws(SettingError) in settings.user = try SettingValue.user(text) },
        .init(
            "BATON_CAPS", default: "unchanged",
            allowed: "capabilities in libcap's text form: ^ ambient, % inheritable, ! dropped from the bounding set",
            "Capabilities of the app, as in ^cap_net_bind_service,!cap_net_raw"
        ) { (text, settings) throws(SettingError) in settings.capabilities = text },
        .init(
            "BATON_NO_NEW_PRIVS", default: "unchanged", allowed: "on or off",
            "Sets no_new_privs: the app cannot gain privileges by running other programs"
        ) { (text, settings) throws(SettingError) in settings.noNewPrivileges = try SettingValue.onOff(text) },
    ]

    private static let operating: [SettingDefinition] = [
        .init(
            "BATON_CONTROL", default: "auto", allowed: "an absolute path, auto or off",
            "Unix socket for baton status, history and reload. Only root and Baton's own user may use it. "
                + "auto: /run/baton.sock if it can be created"
        ) { (text, settings) throws(SettingError) in
            settings.control = try SettingValue.control(text)
        },
        .init(
            "BATON_ADMIN", default: "off", allowed: "[host:]port, or off",
            "Address at which the agent serves /metrics, /healthz, /readyz, /status and the admin page. "
                + "Without a host: the loopback address"
        ) { (text, settings) throws(SettingError) in
            settings.admin = text == "off" ? nil : try ListenAddress.parseAdmin(text)
        },
        .init(
            "BATON_LOG", default: "text", allowed: "text or json",
            "Format of the log on stderr"
        ) {
            (text, settings) throws(SettingError) in settings.logFormat = try SettingValue.choice(text)
        },
        .init(
            "BATON_LOG_LEVEL", default: "info", allowed: "error, warn, info or debug",
            "Least important level that is logged"
        ) { (text, settings) throws(SettingError) in settings.logLevel = try SettingValue.choice(text) },
    ]

    private static func checkNames(_ addresses: [ListenAddress]) throws(SettingError) {
        var seen: Set<ListenAddress.Endpoint> = []
        for address in addresses where !isPortZero(address.endpoint) {
            guard seen.insert(address.endpoint).inserted else {
                throw SettingError("\(address.endpoint) is listed twice")
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
