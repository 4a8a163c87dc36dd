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
        var settings = Settings()
        var problems: [SettingsProblem] = []
        let definitions = Dictionary(
            SettingDefinition.all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for (name, value) in environment.sorted(by: { $0.name < $1.name })
        where name.hasPrefix("BATON_") && !isNotASetting(name) {
            guard let definition = definitions[name] else {
                problems.append(unknown(name, known: definitions.keys))
                continue
            }
            // An empty variable is what an unset one looks like in most templates.
            guard !value.isEmpty else { continue }
            do {
                try definition.read(value, &settings)
            } catch {
                problems.append(SettingsProblem(variable: name, reason: error.reason, allowed: definition.allowed))
            }
        }
        problems += contradictions(settings)
        return (settings, problems)
    }

    private static func unknown(_ name: String, known: some Sequence<String>) -> SettingsProblem {
        let hint = nearest(to: name, among: known).map { "did you mean \($0)?" } ?? "see baton --help for all of them"
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
        var staged: Set<String> = []
        for source in settings.sources {
            guard settings.stages, case let path = source.stagePath, !staged.insert(path).inserted else { continue }
            problems.append(
                SettingsProblem(
                    variable: "BATON_WATCH",
                    reason: "two sources are staged at \(path): name one of them otherwise (NAME=URL)",
                    allowed: nil))
        }
        let hasTCP = settings.listen.contains { if case .tcp = $0.endpoint { true } else { false } }
        if settings.ready.asksTheSocket, !hasTCP, !settings.adopts() {
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
        if name == "BATON_PORT" || name.hasSuffix("_PORT") || name.hasSuffix("_SERVICE_HOST") { return true }
        if name.hasSuffix("_SERVICE_PORT") || name.contains("_SERVICE_PORT_") { return true }
        return isServiceLink(name)
    }

    /// `…_PORT_8080_TCP`, with `_ADDR`, `_PORT` or `_PROTO` after it.
    private static func isServiceLink(_ name: String) -> Bool {
        let words = name.split(separator: "_")
        for (index, word) in words.enumerated().dropLast(2) where word == "PORT" {
            let isNumber = UInt16(words[index + 1]) != nil
            if isNumber, ["TCP", "UDP", "SCTP"].contains(String(words[index + 2])) { return true }
        }
        return false
    }
}
