/// One entry of BATON_LISTEN: `[name=]tcp://host:port`, `unix:///path` (or `unix://@abstract`), `udp://host:port`.
public struct ListenAddress: Hashable, Sendable {
    /// What LISTEN_FDNAMES calls it.
    public let name: String
    public let endpoint: Endpoint
    public let options: Set<Option>

    /// What may stand behind the address, as in `tcp://0.0.0.0:80?defer_accept&nonblock`.
    public enum Option: String, Hashable, Sendable, CaseIterable {
        /// TCP: the app is told of a connection only when its first data is there.
        case deferAccept = "defer_accept"
        /// Streams: the app gets the socket with O_NONBLOCK set.
        case nonBlocking = "nonblock"
    }

    public enum Endpoint: Hashable, Sendable {
        case tcp(Host, port: UInt16)
        case udp(Host, port: UInt16)
        case unix(path: String)
        /// A name in the abstract namespace (unix(7)), without the leading NUL.
        case abstract(name: String)
    }

    /// Numeric only: PID 1 asks no name server.
    public enum Host: Hashable, Sendable {
        /// Both families on one socket; IPv4 alone where the machine has no IPv6.
        case any
        case ipv4(String)
        case ipv6(String)
    }
}

extension ListenAddress.Endpoint: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tcp(let host, let port): "tcp://\(host):\(port)"
        case .udp(let host, let port): "udp://\(host):\(port)"
        case .unix(let path): "unix://\(path)"
        case .abstract(let name): "unix://@\(name)"
        }
    }
}

extension ListenAddress.Endpoint {
    /// The same address with the port that the kernel chose where 0 was asked for.
    public func withPort(_ port: UInt16?) -> ListenAddress.Endpoint {
        switch self {
        case .tcp(let host, let asked): .tcp(host, port: port ?? asked)
        case .udp(let host, let asked): .udp(host, port: port ?? asked)
        case .unix, .abstract: self
        }
    }
}

extension ListenAddress.Host: CustomStringConvertible {
    public var description: String {
        switch self {
        case .any: "*"
        case .ipv4(let address): address
        case .ipv6(let address): "[\(address)]"
        }
    }
}

extension ListenAddress {
    /// systemd's limits for LISTEN_FDNAMES: no colon, no control character, at most 255 bytes (sd_listen_fds(3)).
    static func isName(_ text: some StringProtocol) -> Bool {
        !text.isEmpty && text.utf8.count <= 255
            && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: ":") }
    }

    /// - Throws: what is wrong, in words.
    static func parse(_ text: String) throws(SettingError) -> ListenAddress {
        var rest = Substring(text)
        var name: String?
        if let equals = rest.firstIndex(of: "="), !rest[..<equals].contains(":") {
            guard isName(rest[..<equals]) else {
                throw SettingError("\"\(rest[..<equals])\" is not a valid socket name")
            }
            name = String(rest[..<equals])
            rest = rest[rest.index(after: equals)...]
        }
        let options = try takeOptions(&rest)
        let endpoint: Endpoint
        if let path = rest.dropping("unix://") {
            endpoint = try unixEndpoint(path)
        } else if let address = rest.dropping("tcp://") {
            let (host, port) = try hostAndPort(address)
            endpoint = .tcp(host, port: port)
        } else if let address = rest.dropping("udp://") {
            let (host, port) = try hostAndPort(address)
            endpoint = .udp(host, port: port)
        } else {
            throw SettingError("\"\(text)\" does not begin with tcp://, unix:// or udp://")
        }
        return ListenAddress(name: name ?? defaultName(endpoint), endpoint: endpoint, options: options)
    }

    /// Cuts `?option&option` off.
    private static func takeOptions(_ rest: inout Substring) throws(SettingError) -> Set<Option> {
        guard let mark = rest.firstIndex(of: "?") else { return [] }
        var options: Set<Option> = []
        for word in rest[rest.index(after: mark)...].split(separator: "&") {
            guard let option = Option(rawValue: String(word)) else {
                throw SettingError("\"\(word)\" is not a socket option (defer_accept or nonblock)")
            }
            guard rest.hasPrefix("tcp://") || (option == .nonBlocking && rest.hasPrefix("unix://")) else {
                throw SettingError("\(word) cannot be used with \(rest[..<mark])")
            }
            options.insert(option)
        }
        rest = rest[..<mark]
        return options
    }

    private static func unixEndpoint(_ path: Substring) throws(SettingError) -> Endpoint {
        // sockaddr_un's path has 108 bytes, one of them for the closing NUL (unix(7)).
        guard path.utf8.count <= 107 else { throw SettingError("the path of a unix socket has at most 107 bytes") }
        if path.hasPrefix("@"), path.count > 1 { return .abstract(name: String(path.dropFirst())) }
        guard path.hasPrefix("/") else {
            throw SettingError("the path of a unix socket begins with /, as in unix:///run/app.sock")
        }
        return .unix(path: String(path))
    }

    private static func hostAndPort(_ text: Substring) throws(SettingError) -> (Host, UInt16) {
        guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else {
            throw SettingError("\"\(text)\" does not end with a port from 0 to 65535, as in 0.0.0.0:8080")
        }
        let host = text[..<colon]
        if host.isEmpty || host == "*" { return (.any, port) }
        if host == "localhost" { return (.ipv4("127.0.0.1"), port) }
        if host.hasPrefix("["), host.hasSuffix("]") {
            let inner = host.dropFirst().dropLast()
            guard isIPv6(inner) else { throw SettingError("\"\(host)\" is not an IPv6 address") }
            return (inner == "::" ? .any : .ipv6(String(inner)), port)
        }
        guard isIPv4(host) else {
            throw SettingError(
                "\"\(host)\" is not a numeric address: use an IPv4 address, an IPv6 address in [brackets], localhost or *"
            )
        }
        return (.ipv4(String(host)), port)
    }

    /// `8081`, `127.0.0.1:8081`, `[::1]:8081`, with or without `tcp://` before it.
    static func parseException(_ text: String) throws(SettingError) -> AdoptException {
        let address = Substring(text).dropping("tcp://") ?? Substring(text)
        if let port = UInt16(address) { return AdoptException(host: nil, port: port) }
        let (host, port) = try hostAndPort(address)
        return AdoptException(host: host, port: port)
    }

    /// `9090`, `0.0.0.0:9090`, `[::1]:9090`.
    static func parseAdmin(_ text: String) throws(SettingError) -> AdminAddress {
        if let port = UInt16(text) { return AdminAddress(host: "127.0.0.1", port: port) }
        let (host, port) = try hostAndPort(Substring(text))
        switch host {
        case .any: return AdminAddress(host: "::", port: port)
        case .ipv4(let address), .ipv6(let address): return AdminAddress(host: address, port: port)
        }
    }

    private static func isIPv4(_ text: Substring) -> Bool {
        let parts = text.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.allSatisfy { !$0.isEmpty && $0.count <= 3 && UInt8($0) != nil }
    }

    /// Only the letters are checked here; inet_pton(3) has the last word when the socket is made.
    private static func isIPv6(_ text: Substring) -> Bool {
        text.contains(":") && text.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
    }

    private static func defaultName(_ endpoint: Endpoint) -> String {
        let text = endpoint.description
        // LISTEN_FDNAMES is separated by colons, which no name may hold.
        let name = String(text.drop { $0 != "/" }.drop { $0 == "/" }.map { $0 == ":" ? "_" : $0 })
        return isName(name) ? name : "socket"
    }
}

extension Substring {
    func dropping(_ prefix: String) -> Substring? { hasPrefix(prefix) ? dropFirst(prefix.count) : nil }
}
