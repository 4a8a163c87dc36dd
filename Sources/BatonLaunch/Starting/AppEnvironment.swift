import BatonCore
import BatonLinux

/// What programs find in their environment. Pure.
struct AppEnvironment {
    /// What Baton itself was given.
    private let inherited: [EnvironmentVariable]
    /// Whom the app runs as, where that is not Baton's own user.
    private let user: UserDatabase.User?

    init(_ inherited: [EnvironmentVariable], user: UserDatabase.User?) {
        self.inherited = inherited
        self.user = user
    }

    /// Of a generation, and of commands that are about it.
    /// - Parameter extra: these win over everything.
    /// - Parameter files: these win over what Baton was given.
    func adding(_ extra: [EnvironmentVariable], files: [EnvironmentVariable] = [], generation: GenerationNumber)
        -> [EnvironmentVariable]
    {
        var own = extra
        func add(_ name: String, _ value: String) { own.append(EnvironmentVariable(name: name, value: value)) }
        add("BATON_GENERATION", "\(generation)")
        if let user {
            add("HOME", user.home)
            add("USER", user.name)
            add("LOGNAME", user.name)
        }
        var all: [EnvironmentVariable] = []
        let others = with(files)
        all.reserveCapacity(others.count + own.count)
        for variable in others
        where !SocketConventions.isInherited(variable) && !own.contains(where: { variable.hasName(of: $0) }) {
            all.append(variable)
        }
        return all + own
    }

    /// Of files that name one variable the last one wins.
    private func with(_ files: [EnvironmentVariable]) -> [EnvironmentVariable] {
        guard !files.isEmpty else { return inherited }
        var last: [String: EnvironmentVariable] = [:]
        for variable in files { last[variable.name] = variable }
        return inherited.filter { last[$0.name] == nil } + last.values.sorted { $0.name < $1.name }
    }

    func ofValidator(_ snapshot: String) -> [EnvironmentVariable] {
        inherited.filter { !$0.isNamed("BATON_SNAPSHOT") && !SocketConventions.isInherited($0) }
            + [EnvironmentVariable(name: "BATON_SNAPSHOT", value: snapshot)]
    }

    /// Only what the agent needs: secrets of the app's are none of its business.
    /// - Parameter link: the descriptor of its end of the link to Baton.
    func ofAgent(link: Int32) -> [EnvironmentVariable] {
        let names = ["HOSTNAME", "POD_NAME", "PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "TZ"]
        return inherited.filter {
            $0.hasName(withPrefix: "BATON_") || $0.hasName(withPrefix: "KUBERNETES_") || names.contains($0.name)
        } + [EnvironmentVariable(name: "BATON_AGENT_FD", value: "\(link)")]
    }
}
