/// How a process ended (wait(2)).
public enum ExitStatus: Hashable, Sendable {
    case exited(Int32)
    case signalled(Int32)

    /// The number that a shell would show: the exit code, or 128 + the signal.
    public var code: Int32 {
        switch self {
        case .exited(let code): code
        case .signalled(let signal): 128 + signal
        }
    }
}

extension ExitStatus: CustomStringConvertible {
    public var description: String {
        switch self {
        case .exited(let code): "exited with code \(code)"
        case .signalled(let number): "was killed by signal \(Signal(number: number)?.description ?? String(number))"
        }
    }
}
