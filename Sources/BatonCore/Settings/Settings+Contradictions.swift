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
                    "fd:\(number) is where a socket of BATON_LISTEN goes; the first free one is fd:\(3 + listen.count)")
            )
        }
        let hasTCP = listen.contains { if case .tcp = $0.endpoint { true } else { false } }
        if ready.asksTheSocket, !hasTCP, Plan.adoption(self, .ofBinary).choice == .no {
            problems.append(
                Settings.problem(
                    "BATON_READY",
                    "http: and tcp ask the app's first TCP socket, and Baton has none: BATON_LISTEN names none, and none is "
                        + "adopted (BATON_ADOPT)"))
        }
        return problems
    }

    private var changeContradictions: [SettingsProblem] {
        guard onChange == .reload, !environmentFrom.isEmpty else { return [] }
        return [
            Settings.problem(
                "BATON_ON_CHANGE",
                "reload cannot give a running process the new environment of BATON_ENV_FROM: handover and restart can")
        ]
    }

    private var steeringContradictions: [SettingsProblem] {
        guard steer == .off else { return [] }
        var problems: [SettingsProblem] = []
        if adopt == .on {
            problems.append(
                Settings.problem("BATON_STEER", "off does not go with BATON_ADOPT=on: what is adopted is steered"))
        }
        if slowStart > .zero {
            problems.append(
                Settings.problem(
                    "BATON_SLOW_START",
                    "who gets how many of the new connections is steered, and BATON_STEER is off"))
        }
        return problems
    }

    private var stageContradictions: [SettingsProblem] {
        var staged = Set<Path>()
        return (stages ? sources : []).map(\.stagePath).filter { !staged.insert(Path($0)).inserted }.map {
            Settings.problem(
                "BATON_WATCH", "two sources are staged at \($0): name one of them otherwise (NAME=URL)")
        }
    }
}
