/// What Baton recognises a process of the app as: a pure function of what /proc shows of it.
public struct Program: Sendable, Hashable {
    /// What can be seen of a process from outside.
    public struct Facts: Sendable, Hashable {
        /// The path of the file that it runs; nil where that cannot be told.
        public var executable: String?
        /// Its command line. Programs may have written something else there (setproctitle).
        public var words: [String]
        /// The file has a build note of the Go linker.
        public var isGo: Bool
        /// A Java virtual machine is mapped into it.
        public var hasJVM: Bool

        public init(executable: String?, words: [String], isGo: Bool = false, hasJVM: Bool = false) {
            self.executable = executable
            self.words = words
            self.isGo = isGo
            self.hasJVM = hasJVM
        }
    }

    /// What executes the app's code.
    public enum Runtime: Sendable, Hashable {
        /// Machine code, or an interpreter that catches no signal by itself: node, Python, Perl.
        case native
        case go, jvm, ruby, php, shell
        /// It starts the real program and passes signals on.
        case wrapper
        /// It runs the machine code of another processor.
        case emulator
    }

    /// For people: `etcd`, `java`, `npm`.
    public let name: String
    public let runtime: Runtime
    /// It is known, by its name, to read its configuration again at SIGHUP.
    public let reloadsAtHangUp: Bool

    /// Why a handler for SIGHUP says nothing about whether this program reloads by it; nil where the handler is the program's own.
    public var foreignHandler: String? {
        guard !reloadsAtHangUp else { return nil }
        switch runtime {
        case .native: return nil
        case .go: return "\(name) is a Go program, and the Go runtime catches every signal"
        case .jvm: return "\(name) runs in a JVM, which catches HUP to exit"
        case .ruby: return "\(name) is a Ruby program, and Ruby catches HUP to exit"
        case .php: return "\(name) runs in the PHP command line, which may catch HUP to exit"
        case .shell: return "\(name) is a shell, and its trap may not reload"
        case .wrapper: return "\(name) runs another program, and passes signals on to it"
        case .emulator: return "\(name) is an emulator, which catches every signal"
        }
    }
}
