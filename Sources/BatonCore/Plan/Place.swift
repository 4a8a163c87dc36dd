/// What the environment allows, as one value. Each fact is probed once, when it is first needed, and by its effect rather than by a
/// return code: without sources and listeners nothing is probed.
public struct Place: Sendable, Hashable {
    public enum Ability: Sendable, Hashable {
        /// Nobody has needed to know.
        case notTried
        /// It was tried, and it did what it is for.
        case works
        /// Why it does not work here, in words.
        case refused(String)
    }

    /// What can be told of the app's file before it runs.
    public struct ProgramFile: Sendable, Hashable {
        /// A shell, or a script for one: what it starts is another process than the one that LISTEN_PID names.
        public var isShell: Bool
        /// Its file is set-user-id or set-group-id for somebody else, or has capabilities.
        public var gainsPrivileges: Bool

        public init(isShell: Bool, gainsPrivileges: Bool) {
            self.isShell = isShell
            self.gainsPrivileges = gainsPrivileges
        }
    }

    public var isPID1 = true
    public var isRoot = true
    /// No exec below Baton can gain privileges (no_new_privs, prctl(2)).
    public var hasNoNewPrivileges = false
    /// Stdin is a terminal.
    public var hasTerminal = false
    /// Nil: not looked at.
    public var program: ProgramFile?
    /// To answer the app's bind(2) and listen(2) (seccomp_unotify(2)).
    public var adoption = Ability.notTried
    /// To move new connections from one socket of an address to another (SO_ATTACH_REUSEPORT_CBPF, socket(7)).
    public var steering = Ability.notTried

    public init() {}

    /// Nothing is known of it but that the app is no script.
    static var ofBinary: Place {
        var place = Place()
        place.program = ProgramFile(isShell: false, gainsPrivileges: false)
        return place
    }
}
