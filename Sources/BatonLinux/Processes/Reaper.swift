public import BatonCore
import CBatonShims
import Glibc

/// waitpid(2) on any child. The one place where children are reaped.
public enum Reaper {
    public enum Finding: Sendable {
        case ended(ProcessID, ExitStatus)
        case stopped(ProcessID, Signal)
        case continued(ProcessID)
        /// Children there are, but nothing has happened to them.
        case nothing
        case noChildren
    }

    public static func next() -> Finding {
        var status: Int32 = 0
        var value: Int32 = 0
        var (exited, stopped, continued, bySignal) = (false, false, false, false)
        let pid = baton_wait_any(&status, &exited, &stopped, &continued, &value, &bySignal)
        if pid == 0 { return .nothing }
        if pid < 0 { return errno == ECHILD ? .noChildren : .nothing }
        if exited { return .ended(ProcessID(pid), bySignal ? .signalled(value) : .exited(value)) }
        if stopped { return .stopped(ProcessID(pid), Signal(number: value) ?? .stop) }
        return .continued(ProcessID(pid))
    }

    /// Any child at all, ended or not.
    public static var hasChildren: Bool { baton_has_children() }
}
