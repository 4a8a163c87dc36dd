import BatonCore

// What a running Baton and `baton check` share of a validator.
extension Validator {
    /// By its words.
    var commandLine: [String] {
        switch self {
        case .command(let words): words
        case .syntax(let syntaxes): [AgentSetup.program, "check"] + syntaxes.map(\.rawValue)
        }
    }
}

extension Supervisor.Verdict {
    /// 126 and 127, and a signal, say nothing of the content.
    /// - Parameter reason: of the status, in words.
    init(_ status: ExitStatus, reason: String) {
        switch status {
        case .exited(0): self = .accepted
        case .exited(126), .exited(127), .signalled: self = .none(reason)
        case .exited: self = .rejected(reason)
        }
    }
}
