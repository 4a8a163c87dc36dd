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
            return problems.append(SettingsProblem(variable: name, reason: "the value is not UTF-8", allowed: nil))
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
        return (settings, ordered + settings.contradictions)
    }

    private static func unknown(_ name: String) -> SettingsProblem {
        let hint =
            nearest(to: name, among: SettingDefinition.all.map(\.name)).map { "did you mean \($0)?" }
            ?? "baton --help lists all settings"
        return SettingsProblem(variable: name, reason: "unknown setting; \(hint)", allowed: nil)
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
