import BatonCore

/// The texts of `baton --help`, made from the list of settings.
enum Help {
    static let usage = """
        usage: baton -- COMMAND [ARGUMENT…]     run the app
               baton explain [PATH…]            show how each source is watched, and why
               baton check [--json]             check the settings and validate the present content; starts nothing
               baton status [--json]            show the state of the running Baton and its app
               baton history [--json]           show the last changes: outcome, and the time of each step
               baton reload [--json|--no-wait]  read the configuration again, apply it and show the outcome
               baton rollback [--json|--no-wait]
                                                go back to the good configuration before, until the source changes
               baton pause                      hold changes: Baton reads and validates them, and does not apply them
               baton resume                     apply changes again
               baton --help | --version
        """

    static func text(width: Int = 100) -> String {
        var text = """
            baton \(Baton.version): the PID 1 of your container. It runs your app and watches its configuration. When the
            configuration changes, Baton makes the app use it: by the app's own reload, or by a handover to a new
            copy of the app, which loses no request.

            \(usage)

            All settings are environment variables.

            """
        for group in SettingDefinition.Group.allCases {
            text += "\n\(group.rawValue)\n"
            for setting in SettingDefinition.definitions(in: group) {
                text += "  \(setting.name) (\(setting.defaultText))\n"
                for line in wrap("\(setting.summary).", width: width - 6) { text += "      \(line)\n" }
                for line in wrap("Allowed: \(setting.allowed).", width: width - 6) { text += "      \(line)\n" }
            }
        }
        return text + """

            Signals: TERM stops Baton and the app (delay, drain, kill). HUP applies the configuration again, unless
            there is nothing to apply (see BATON_WATCH, BATON_ON_CHANGE); then it is forwarded. Every other signal is
            forwarded.
            Steps in history: settle (from the first sign of a change until it was read), stage, validate, pause, splay,
            apply (until the app has it), slow_start, probation, drain (until the old generation has ended).
            Exit codes: that of the app; 128+n if signal n killed the app; 127 command not found; 126 command not
            executable; 78 invalid settings; 71 a system resource (socket, stage, agent) is not available; 64 wrong
            usage; 69 no running Baton answers (status, history, reload).

            """
    }

    private static func wrap(_ text: String, width: Int) -> [String] {
        var lines: [String] = [""]
        for word in text.split(separator: " ") {
            let line = lines[lines.count - 1]
            if line.isEmpty {
                lines[lines.count - 1] = String(word)
            } else if line.count + 1 + word.count <= width {
                lines[lines.count - 1] = line + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}
