import CBatonShims
import Glibc

/// What Baton does for a moment to be let at the app's files in /proc: those who look must have the app's user and group and
/// at least its capabilities (ptrace(2), access mode checking, PTRACE_MODE_FSCREDS). Baton has one thread, so nothing else
/// happens in that moment.
public enum ForeignAccess: Sendable, Hashable {
    /// Baton and the app are alike: nothing to do.
    case asItself
    /// The app is root and has all that Baton has permitted; Baton itself goes about with less in effect.
    case withAllCapabilities
    /// The app has another user.
    case asUser(uid: UInt32, gid: UInt32, parentDeathSignal: Int32?)

    public func run<T, Failure: Error>(_ body: () throws(Failure) -> T) throws(Failure) -> T {
        switch self {
        case .asItself: return try body()
        case .withAllCapabilities:
            guard let state = Capabilities.raise() else { return try body() }
            defer { state.restore() }
            return try body()
        case .asUser(let uid, let gid, let signal):
            // Away from root the group goes first, back to root the user does: each step needs what the other gives.
            baton_setfsgid(gid)
            baton_setfsuid(uid)
            defer {
                baton_setfsuid(0)
                baton_setfsgid(0)
                // The kernel forgets it with every change of identity (prctl(2)).
                if let signal { _ = baton_set_parent_death_signal(signal) }
            }
            return try body()
        }
    }
}
