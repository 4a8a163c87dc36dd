import BatonCore

/// The texts of `baton --help`, made from the list of settings.
enum Help {
    static let usage = """
        usage: baton -- COMMAND [ARGUMENT…]     run the app
               baton explain [PATH…]            how each source would be watched, and why
               baton status [--json]            how the Baton of this container is, and its app
               baton history [--json]           the last changes: outcome, and how long each step took
               baton reload [--json|--no-wait]  read the configuration again and apply it; tells the outcome
               baton --help | --version
        """

    static func text(width: Int = 100) -> String {
        var text = """
            baton \(Baton.version): runs your app as PID 1, watches its configuration, and when that changes makes the app
            use it without losing a request.

            \(usage)

            Everything else is set by environment variables.

            """
        for group in SettingDefinition.Group.allCases {
            text += "\n\(group.rawValue)\n"
            for setting in SettingDefinition.definitions(in: group) {
                text += "  \(setting.name) (\(setting.defaultText))\n"
                for line in wrap(setting.summary, width: width - 6) { text += "      \(line)\n" }
                for line in wrap("Allowed: \(setting.allowed).", width: width - 6) { text += "      \(line)\n" }
            }
        }
        return text + """

            Signals: TERM stops (delay, drain, kill); HUP applies the configuration again where Baton has something to
            do on a change; every other signal is forwarded.
            Exit codes: the app's own; 128+n when signal n ended it; 127 command not found; 126 not executable;
            78 bad settings; 71 a socket or another thing of the system could not be had; 64 bad usage.

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
