/// One thing that is wrong with the environment.
public struct SettingsProblem: Error, Hashable, Sendable, CustomStringConvertible {
    public let variable: String
    public let reason: String
    /// What would be right; nil where the reason says it.
    public let allowed: String?

    public var description: String {
        var text = "\(variable): \(LogRecord.oneLine(reason))"
        if let allowed { text += " (allowed: \(allowed))" }
        return text
    }
}

extension Settings {
    /// The exit code for a bad setting: EX_CONFIG of sysexits(3).
    public static let exitCode: Int32 = 78

    /// Reads every BATON_ variable; all problems together, in the order of the variables' names.
    public static func parse(_ environment: [(name: String, value: String)]) -> (Settings, [SettingsProblem]) {
        var parser = SettingsParser()
        for (name, value) in environment where name.hasPrefix("BATON_") { parser.read(name, value) }
        return parser.finish()
    }
}

/// Reads one variable after the other.
public struct SettingsParser: ~Copyable {
    private var settings = Settings()
    private var problems: [SettingsProblem] = []

    public init() {}

    /// - Parameter name: one that begins with `BATON_`.
    /// - Parameter value: nil where it is not UTF-8, and would not be what was meant if it were read as such.
    public mutating func read(_ name: String, _ value: String?) {
        guard let definition = SettingDefinition.named(name) else {
            if !SettingsParser.isNotASetting(name) { problems.append(SettingsParser.unknown(name)) }
            return
        }
        guard let value else {
            return problems.append(SettingsProblem(variable: name, reason: "its value is not UTF-8", allowed: nil))
        }
        // An empty variable is what an unset one looks like in most templates.
        guard !value.isEmpty else { return }
        do {
            try definition.read(value, &settings)
            settings.given.insert(name)
        } catch {
            problems.append(SettingsProblem(variable: name, reason: error.reason, allowed: definition.allowed))
        }
    }

    /// All problems together, in the order of the variables' names.
    public consuming func finish() -> (Settings, [SettingsProblem]) {
        let ordered = problems.sorted { $0.variable < $1.variable }
        return (settings, ordered + SettingsParser.contradictions(settings))
    }

    private static func unknown(_ name: String) -> SettingsProblem {
        let hint =
            nearest(to: name, among: SettingDefinition.all.map(\.name)).map { "did you mean \($0)?" }
            ?? "see baton --help for all of them"
        return SettingsProblem(variable: name, reason: "is no setting of Baton; \(hint)", allowed: nil)
    }

    private static func contradictions(_ settings: Settings) -> [SettingsProblem] {
        var problems: [SettingsProblem] = []
        if case .descriptor(let number) = settings.ready, number < 3 + Int32(settings.listen.count) {
            problems.append(
                SettingsProblem(
                    variable: "BATON_READY",
                    reason: "fd:\(number) is where a socket of BATON_LISTEN goes; "
                        + "the first free one is fd:\(3 + settings.listen.count)", allowed: nil))
        }
        if settings.onChange == .reload, !settings.environmentFrom.isEmpty {
            problems.append(
                SettingsProblem(
                    variable: "BATON_ON_CHANGE",
                    reason:
                        "reload cannot give a running process the new environment of BATON_ENV_FROM: handover and restart can",
                    allowed: nil))
        }
        if settings.adopt == .on, settings.steer == .off {
            problems.append(
                SettingsProblem(
                    variable: "BATON_STEER", reason: "off does not go with BATON_ADOPT=on: what is adopted is steered",
                    allowed: nil))
        }
        if settings.slowStart > .zero, settings.steer == .off {
            problems.append(
                SettingsProblem(
                    variable: "BATON_SLOW_START",
                    reason: "who gets how many of the new connections is steered, and BATON_STEER is off", allowed: nil)
            )
        }
        var staged = Set<Path>()
        for source in settings.stages ? settings.sources : [] {
            guard case let path = source.stagePath, !staged.insert(Path(path)).inserted else { continue }
            problems.append(
                SettingsProblem(
                    variable: "BATON_WATCH",
                    reason: "two sources are staged at \(path): name one of them otherwise (NAME=URL)",
                    allowed: nil))
        }
        let hasTCP = settings.listen.contains { if case .tcp = $0.endpoint { true } else { false } }
        if settings.ready.asksTheSocket, !hasTCP, Plan.adoption(settings, .ofBinary).choice == .no {
            problems.append(
                SettingsProblem(
                    variable: "BATON_READY",
                    reason:
                        "http: and tcp ask the app's first TCP socket, and Baton has none: BATON_LISTEN names none, and "
                        + "none is adopted (BATON_ADOPT)",
                    allowed: nil))
        }
        return problems
    }

    /// Variables that begin with BATON_ but are not meant for Baton: what Baton itself gives to the app (and so to a
    /// Baton within), and what Kubernetes and Docker put into every container because some service is called `baton`
    /// or `baton-…`.
    static func isNotASetting(_ name: String) -> Bool {
        if name == "BATON_GENERATION" || name.hasPrefix("BATON_FD_") { return true }
        if name.hasSuffix("_PORT") || name.hasSuffix("_SERVICE_HOST") { return true }
        return isServiceLink(name)
    }

    /// `…_SERVICE_PORT_HTTP`, and `…_PORT_8080_TCP` with `_ADDR`, `_PORT` or `_PROTO` after it.
    private static func isServiceLink(_ name: String) -> Bool {
        var before: (Substring, Substring) = ("", "")
        for word in name.split(separator: "_") {
            if before == ("SERVICE", "PORT") { return true }
            let isPort = before.0 == "PORT" && UInt16(before.1) != nil
            if isPort, word == "TCP" || word == "UDP" || word == "SCTP" { return true }
            before = (before.1, word)
        }
        return false
    }
}
