public import BatonCore
import CBatonShims
import Glibc

extension ProcessID {
    /// Baton's own.
    public static var own: ProcessID { ProcessID(getpid()) }
}

/// Sending signals, and the few prctl(2) calls about processes.
public enum Processes {
    /// ESRCH on the group falls back to the process: right after a fork the group may not be there yet.
    public static func signal(group: ProcessID, _ signal: Signal) {
        guard group > 1 else { return }
        if kill(-group.value, signal.number) != 0, errno == ESRCH { kill(group.value, signal.number) }
    }

    public static func signal(process: ProcessID, _ signal: Signal) {
        guard process > 1 else { return }
        kill(process.value, signal.number)
    }

    /// Whether any process is left in the group, zombies not yet reaped by others included.
    public static func groupExists(_ group: ProcessID) -> Bool {
        guard group > 1 else { return false }
        return kill(-group.value, 0) == 0 || errno == EPERM
    }

    /// Orphans below this process come to it (PR_SET_CHILD_SUBREAPER), as they come to PID 1 by themselves.
    public static func becomeSubreaper() throws(LinuxError) {
        guard baton_set_subreaper() == 0 else { throw .last("become", "a subreaper") }
    }

    /// Woken at once, however busy the processors are (Linux 6.12 and later); its children are not concerned.
    public static func askForShortSlices() { baton_shorten_slice() }

    public static func setParentDeathSignal(_ signal: Signal) throws(LinuxError) {
        guard baton_set_parent_death_signal(signal.number) == 0 else { throw .last("set", "the parent death signal") }
    }

    public static var parent: ProcessID { ProcessID(getppid()) }

    public static var hasNoNewPrivileges: Bool { baton_get_no_new_privs() == 1 }

    /// kill(2) with no signal.
    public static func exists(_ process: ProcessID) -> Bool { kill(process.value, 0) == 0 || errno != ESRCH }

    public static func stopSelf() { kill(getpid(), SIGSTOP) }
}

/// The terminal on stdin and its foreground process group (tcsetpgrp(3)).
public enum Terminal {
    /// Stdin is a terminal and Baton's own group is in its foreground.
    public static var isInForeground: Bool { baton_terminal_foreground(0) == getpgrp() }

    public static var foregroundGroup: ProcessID? {
        let group = baton_terminal_foreground(0)
        return group > 0 ? ProcessID(group) : nil
    }

    public static func setForeground(_ group: ProcessID) { _ = baton_set_terminal_foreground(0, group.value) }
}
