// Settings that are right each, and do not go together.
extension Settings {
    var contradictions: [SettingsProblem] {
        readinessContradictions + changeContradictions + steeringContradictions + stageContradictions
    }

    private static func problem(_ variable: String, _ reason: String) -> SettingsProblem {
        SettingsProblem(variable: variable, reason: reason, allowed: nil)
    }

    private var readinessContradictions: [SettingsProblem] {
        var problems: [SettingsProblem] = []
        if case .descriptor(let number) = ready, number < 3 + Int32(listen.count) {
            problems.append(
                Settings.problem(
                    "BATON_READY",
                    "fd:\(number) is used by a socket of BATON_LISTEN; the first free descriptor is fd:\(3 + listen.count)"
                )
            )
        }
        let hasTCP = listen.contains { if case .tcp = $0.endpoint { true } else { false } }
        if ready.asksTheSocket, !hasTCP, Plan.adoption(self, .ofBinary).choice == .no {
            problems.append(
                Settings.problem(
                    "BATON_READY",
                    "http: and tcp probe the app's first TCP socket, but Baton holds none: set a TCP address in BATON_LISTEN, or "
                        + "allow adoption (BATON_ADOPT)"))
        }
        return problems
    }

    private var changeContradictions: [SettingsProblem] {
        guard onChange == .reload, !environmentFrom.isEmpty else { return [] }
        return [
            Settings.problem(
                "BATON_ON_CHANGE",
                "reload cannot change the environment of a running process (BATON_ENV_FROM): use handover or restart")
        ]
    }

    private var steeringContradictions: [SettingsProblem] {
        guard steer == .off else { return [] }
        var problems: [SettingsProblem] = []
        if adopt == .on {
            problems.append(
                Settings.problem("BATON_STEER", "off cannot be combined with BATON_ADOPT=on, which needs steering"))
        }
        if slowStart > .zero {
            problems.append(
                Settings.problem(
                    "BATON_SLOW_START",
                    "a slow start needs steering, but BATON_STEER is off"))
        }
        return problems
    }

    private var stageContradictions: [SettingsProblem] {
        var staged = Set<Path>()
        return (stages ? sources : []).map(\.stagePath).filter { !staged.insert(Path($0)).inserted }.map {
            Settings.problem(
                "BATON_WATCH", "two sources would be staged at \($0): give one of them another name (NAME=URL)")
        }
    }
}
