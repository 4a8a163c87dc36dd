import BatonCore
import BatonLinux

/// How the app is told which descriptors are sockets. Every convention is given at once, from the same descriptors: each
/// program reads its own and ignores the rest.
enum SocketConventions {
    /// systemd's first descriptor (sd_listen_fds(3)); the others follow it here.
    static let firstDescriptor: Int32 = 3

    /// Variables of these conventions that Baton itself was given are not meant for the app.
    static func isInherited(_ variable: EnvironmentVariable) -> Bool {
        ownNames.contains { variable.isNamed($0) } || variable.hasName(withPrefix: "EINHORN_FD_")
    }

    private static let ownNames: [StaticString] = [
        "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID", "NOTIFY_SOCKET", "NGINX", "FPM_SOCKETS",
        "SERVER_STARTER_PORT", "SERVER_STARTER_GENERATION",
    ]

    /// LISTEN_PID is not among them: only the child knows its pid.
    static func variables(_ sockets: [ListenSockets.Description], generation: GenerationNumber) -> [EnvironmentVariable]
    {
        guard !sockets.isEmpty else { return [] }
        let numbered = zip(firstDescriptor..., sockets)
        var variables: [EnvironmentVariable] = []
        func add(_ name: String, _ value: String) { variables.append(EnvironmentVariable(name: name, value: value)) }
        add("LISTEN_FDS", "\(sockets.count)")
        add("LISTEN_FDNAMES", sockets.map(\.name).joined(separator: ":"))
        // nginx: each number ended by a semicolon.
        add("NGINX", numbered.map { "\($0.0);" }.joined())
        add("SERVER_STARTER_GENERATION", "\(generation)")
        add("EINHORN_FD_COUNT", "\(sockets.count)")
        for (index, (number, _)) in numbered.enumerated() { add("EINHORN_FD_\(index)", "\(number)") }
        for (number, socket) in numbered { add("BATON_FD_\(variableName(socket.name))", "\(number)") }
        let streams = numbered.filter { $0.1.isStream }
        let starter = streams.map { "\(starterKey($0.1))=\($0.0)" }
        if !starter.isEmpty { add("SERVER_STARTER_PORT", starter.joined(separator: ";")) }
        let fpm = streams.flatMap { number, socket in fpmKeys(socket).map { "\($0)=\(number)" } }
        if !fpm.isEmpty { add("FPM_SOCKETS", fpm.joined(separator: ",")) }
        return variables
    }

    /// Server::Starter: `host:port`, the port alone for every address, or the path.
    private static func starterKey(_ socket: ListenSockets.Description) -> String {
        switch socket.actualEndpoint {
        case .tcp(.any, let port), .udp(.any, let port), .tcp(.ipv4("0.0.0.0"), let port): "\(port)"
        case .tcp(let host, let port), .udp(let host, let port): "\(host):\(port)"
        case .unix(let path): path
        case .abstract(let name): "@\(name)"
        }
    }

    /// php-fpm compares the text with what it makes of its own `listen` line, so the ways to write it are all given.
    private static func fpmKeys(_ socket: ListenSockets.Description) -> [String] {
        switch socket.actualEndpoint {
        case .tcp(.any, let port), .udp(.any, let port): ["[::]:\(port)", "0.0.0.0:\(port)"]
        case .tcp(let host, let port), .udp(let host, let port): ["\(host):\(port)"]
        case .unix(let path): [path]
        case .abstract: []
        }
    }

    /// `http` becomes `HTTP`, `0.0.0.0_8080` becomes `0_0_0_0_8080`.
    private static func variableName(_ name: String) -> String {
        String(name.uppercased().map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
    }
}
