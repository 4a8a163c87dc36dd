/// Everything that the environment says, read and checked. The names are a contract: see `SettingDefinition.all`.
public struct Settings: Sendable, Hashable {
    /// The names of the variables that were set: some decisions are Baton's own only where nobody has taken them.
    public var given: Set<String> = []

    public var watch: [SourceName] = []
    /// Whose content becomes the environment of each new generation; watched like the others.
    public var environmentFrom: [SourceName] = []
    public var strategy: StrategyChoice = .auto
    public var pollInterval: Interval = .seconds(5)
    public var settle: Interval = .milliseconds(100)
    public var auditInterval: Interval = .seconds(60)

    /// Where the agent lays what it fetches, and Baton's own copies.
    public var stage = "/run/baton"
    /// Token, CA and namespace for the Kubernetes API, as kubelet mounts them.
    public var serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount"
    /// A watch without a sign of life for so long is taken for dead.
    public var apiSilence: Interval = .seconds(90)
    public var url = URLSettings()
    /// Files and directories are copied to the stage, too.
    public var stageFiles = false
    public var validate: Validator?
    public var validateTimeout: Interval = .seconds(10)
    /// The first snapshot is validated, too, before the app starts with it.
    public var validatesStart = true
    /// Nil: none after a handover, `Supervisor.Times.leastProbation` after a reload or a restart.
    public var probation: Interval?

    public var onChange: ChangeMode = .auto
    public var reloadSignal: Signal = .hangUp
    /// By its words; nil: the signal.
    public var reloadCommand: [String]?
    public var splay: Interval = .zero
    public var subpath: SubpathMode = .warn

    public var listen: [ListenAddress] = []
    public var adopt: AdoptMode = .auto
    /// What goes through untouched all the same.
    public var adoptExcept: [AdoptException] = []
    public var steer: SteerMode = .auto
    public var slowStart: Interval = .zero
    public var ready: ReadyMethod = .auto
    public var readyTimeout: Interval = .seconds(30)
    public var drainSignal: Signal = .terminate
    public var drainTimeout: Interval = .seconds(30)
    public var maxDraining = 4

    public var stopDelay: Interval = .zero
    public var stopTimeout: Interval = .seconds(25)
    public var restart: RestartMode = .never
    /// Exit codes of the app that Baton passes on as 0.
    public var exitOK: ExitCodes = []
    public var parentDeathSignal: Signal?
    public var signalMap: SignalMap = [:]
    public var signalTarget: SignalTarget = .group

    public var user: UserName?
    /// An IAB tuple in libcap's text form (cap_iab(3)).
    public var capabilities: String?
    public var noNewPrivileges = false

    /// Where the agent serves what people and Prometheus want to know; nil: nowhere.
    public var admin: AdminAddress?
    public var control: ControlAddress = .whereWritable
    public var logFormat: LogFormat = .text
    public var logLevel: LogLevel = .info

    public init() {}
}

extension Settings {
    /// The sockets as this program wants them. nginx takes over sockets as its own binary upgrade hands them on, non-blocking,
    /// and never looks: given a blocking one, a worker that loses the race for a connection waits in accept(2), and with it
    /// every client that it serves.
    public func listening(for program: String) -> Settings {
        guard !listen.isEmpty, program.split(separator: "/").last == "nginx" else { return self }
        var settings = self
        settings.listen = listen.map { address in
            if case .udp = address.endpoint { return address }
            return ListenAddress(
                name: address.name, endpoint: address.endpoint, options: address.options.union([.nonBlocking]))
        }
        return settings
    }
}

extension Settings {
    public var hasListener: Bool { !listen.isEmpty }
    public var hasSources: Bool { !watch.isEmpty || !environmentFrom.isEmpty }
    /// Some of them become the environment, which only a new generation can be given.
    public var hasEnvironmentSources: Bool { !environmentFrom.isEmpty }
    /// A command makes the app read its configuration again, instead of a signal.
    public var reloadsByCommand: Bool { reloadCommand != nil }
    /// Somebody has said that this signal makes the app reload: its handler need not prove it.
    public var namesReloadSignal: Bool { given.contains("BATON_RELOAD_SIGNAL") }
    /// A command is asked whether a snapshot is any good before it is applied.
    public var validates: Bool { validate != nil }

    /// SIGHUP asks for a reload only where Baton has been given something to do with one. An app wrapped with no settings at all
    /// gets its SIGHUP as from any other init.
    var hangUpTriggersChange: Bool {
        !signalMap.names(.hangUp) && onChange != .none && (hasSources || hasListener || onChange != .auto)
    }

    /// A change may end in a handover.
    public var mayHandOver: Bool {
        onChange == .handover || (onChange == .auto && (!sources.isEmpty || !listen.isEmpty))
    }

    /// The app reads snapshots that Baton lays on the stage.
    public var stages: Bool { stageFiles || validate != nil || sources.contains(where: \.isRemote) }

    /// All that is watched.
    public var sources: [SourceName] {
        environmentFrom.isEmpty ? watch : watch + environmentFrom.filter { !watch.contains($0) }
    }

    /// Those of them that are files and directories.
    public var paths: [Path] { sources.compactMap { if case .path(let path) = $0 { path } else { nil } } }
}

/// One entry of BATON_ADOPT_EXCEPT: `8081` or `127.0.0.1:8081`.
public struct AdoptException: Hashable, Sendable {
    /// Nil: whatever the address.
    public let host: ListenAddress.Host?
    public let port: UInt16
}

/// How URLs are fetched.
public struct URLSettings: Sendable, Hashable {
    public var interval: Interval = .seconds(30)
    public var timeout: Interval = .seconds(10)
    /// Bytes.
    public var sizeLimit = 1 << 20
    /// PEM; nil: the system's.
    public var caFile: String?
    /// Its content is sent as a bearer token.
    public var tokenFile: String?

    public init() {}
}

/// An address of the agent's.
public struct AdminAddress: Hashable, Sendable {
    /// As an IP address; `0.0.0.0` and `::` for all.
    public let host: String
    /// 0: one that the kernel chooses, which the log names.
    public let port: UInt16
}

/// Where Baton is asked how it is.
public enum ControlAddress: Hashable, Sendable {
    /// At the usual place, if it can be made there.
    case whereWritable
    case path(String)
    case none

    public static let usualPath = "/run/baton.sock"

    /// Nil where there is none.
    public var path: String? {
        switch self {
        case .whereWritable: Self.usualPath
        case .path(let path): path
        case .none: nil
        }
    }
}

public enum StrategyChoice: String, Sendable, CaseIterable { case auto, inotify, poll }
public enum ChangeMode: String, Sendable, CaseIterable { case auto, reload, handover, restart, exit, none }
public enum RestartMode: String, Sendable, CaseIterable { case never, onFailure = "on-failure", always }
public enum SignalTarget: String, Sendable, CaseIterable { case group, child }
public enum AdoptMode: String, Sendable, CaseIterable { case auto, on, off }
public enum SteerMode: String, Sendable, CaseIterable { case auto, on, off }
public enum SubpathMode: String, Sendable, CaseIterable { case warn, exit, stage }

/// What is asked about a snapshot before it is put in force.
public enum Validator: Hashable, Sendable {
    /// By its words.
    case command([String])
    /// Baton's own: whether the files can be read.
    case syntax([Syntax])

    public var isBuiltIn: Bool { if case .syntax = self { true } else { false } }
}

/// Of a file.
public enum Syntax: String, Sendable, CaseIterable {
    case json, yaml

    /// It is what a file of this name is expected to be in.
    public func names(_ file: String) -> Bool {
        switch self {
        case .json: file.hasSuffix(".json")
        case .yaml: file.hasSuffix(".yaml") || file.hasSuffix(".yml")
        }
    }
}

/// How a new generation is known to be ready.
public enum ReadyMethod: Hashable, Sendable {
    /// READY=1, or seen to wait for connections on its listening socket; without one, or where that cannot be seen, still
    /// alive one second after its start.
    case auto
    /// READY=1 (sd_notify(3)).
    case notify
    /// A newline on this descriptor (s6's protocol).
    case descriptor(Int32)
    /// A GET of this path on the first TCP socket answers with a status from 200 to 399, as Kubernetes' probes have it.
    case http(path: String)
    /// The app takes a connection from the first TCP socket.
    case tcp
    /// This command ends with code 0; it is tried again until it does.
    case command([String])
    case delay(Interval)
}

extension ReadyMethod {
    /// Asked again and again until the answer is yes.
    public var isProbed: Bool {
        switch self {
        case .command, .http, .tcp: true
        case .auto, .notify, .descriptor, .delay: false
        }
    }

    /// Answered by the generation itself, through its listening socket.
    public var asksTheSocket: Bool {
        switch self {
        case .http, .tcp: true
        case .auto, .notify, .descriptor, .delay, .command: false
        }
    }
}

/// Whom the app runs as: names or numbers, not yet looked up.
public struct UserName: Hashable, Sendable {
    public let user: String
    /// Nil: the user's own group and supplementary groups.
    public let group: String?
    public let supplementary: [String]
}
