/// One entry of BATON_WATCH.
public enum SourceName: Hashable, Sendable {
    /// A file or directory, by absolute path or one that begins with `./`.
    case path(Path)
    /// `[NAMESPACE/]configmap/NAME[/KEY][?optional]`, and the same with `secret`.
    case object(ObjectSource)
    /// `[NAME=]https://…`.
    case url(URLSource)
}

/// A ConfigMap or Secret, read from the Kubernetes API.
public struct ObjectSource: Hashable, Sendable {
    public enum Kind: String, Hashable, Sendable {
        case configMap = "configmap"
        case secret

        /// As a path of the API and a rule of a Role have it.
        public var resource: String { rawValue + "s" }
    }

    public let kind: Kind
    /// Nil: Baton's own, by its service account.
    public let namespace: String?
    public let name: String
    /// Nil: all of them.
    public let key: String?
    /// It may be missing when the app starts.
    public let isOptional: Bool

    public init(kind: Kind, namespace: String?, name: String, key: String?, isOptional: Bool) {
        self.kind = kind
        self.namespace = namespace
        self.name = name
        self.key = key
        self.isOptional = isOptional
    }
}

/// A file that is served over HTTP.
public struct URLSource: Hashable, Sendable {
    /// What its directory and its file below BATON_STAGE are called.
    public let name: String
    public let url: String

    public init(name: String, url: String) {
        self.name = name
        self.url = url
    }
}

extension SourceName: CustomStringConvertible {
    public var description: String {
        switch self {
        case .path(let path): path.text
        case .object(let object): object.description
        case .url(let source): source.description
        }
    }
}

extension ObjectSource: CustomStringConvertible {
    public var description: String {
        (namespace.map { "\($0)/" } ?? "") + "\(kind.rawValue)/\(name)" + (key.map { "/\($0)" } ?? "")
    }
}

extension URLSource: CustomStringConvertible {
    /// Without a user, a password or a query, in any of which secrets are found.
    public var description: String {
        let scheme = url.hasPrefix("https://") ? "https://" : "http://"
        let rest = url.dropFirst(scheme.count).prefix { $0 != "?" && $0 != "#" }
        let host = rest.prefix { $0 != "/" }
        let path = rest.dropFirst(host.count)
        return scheme + (host.split(separator: "@").last ?? "") + path
    }
}

// MARK: where it is staged

extension SourceName {
    /// It comes over the network, through the agent.
    public var isRemote: Bool { if case .path = self { false } else { true } }

    /// It is a Secret of the API.
    public var isSecret: Bool { if case .object(let object) = self { object.kind == .secret } else { false } }

    /// The directory below BATON_STAGE that the agent writes, relative to it; nil for a path.
    public var stageDirectory: String? {
        switch self {
        case .path: nil
        case .object(let object): object.stageDirectory
        case .url(let source): "url/\(source.name)"
        }
    }

    /// Where the app finds it below BATON_STAGE; and the agent lays it below its own part of that.
    public var stagePath: String {
        switch self {
        case .path(let path):
            path.components.filter { $0 != "." && $0 != ".." }.reduce(Path("files")) { $0.appending($1.text) }.text
        case .object(let object): object.stageDirectory + (object.key.map { "/\($0)" } ?? "")
        case .url(let source): "url/\(source.name)"
        }
    }
}

extension ObjectSource {
    public var stageDirectory: String { (namespace.map { "\($0)/" } ?? "") + "\(kind.rawValue)/\(name)" }
}

// MARK: reading

extension SettingValue {
    static func source(_ text: String) throws(SettingError) -> SourceName {
        guard text.utf8.count < 4096, !text.utf8.contains(0) else {
            throw SettingError("a source has at most 4095 bytes")
        }
        if Path(text).isAbsolute || Path(text).hasPrefix("./") { return .path(Path(text)) }
        if let url = try url(text) { return .url(url) }
        if let object = try object(text) { return .object(object) }
        throw SettingError(
            "\"\(text)\" is not a source: use a path that begins with / or ./, configmap/NAME, secret/NAME or a URL")
    }

    private static func url(_ text: String) throws(SettingError) -> URLSource? {
        var rest = Substring(text)
        var name: String?
        if let equals = rest.firstIndex(of: "="), !rest[..<equals].contains("/") {
            name = String(rest[..<equals])
            rest = rest[rest.index(after: equals)...]
        }
        guard let address = rest.dropping("https://") ?? rest.dropping("http://") else {
            guard name == nil else {
                throw SettingError("\"\(rest)\" is not a URL: a URL begins with https:// or http://")
            }
            return nil
        }
        let bare = address.prefix { $0 != "?" && $0 != "#" }
        let parts = bare.split(separator: "/")
        guard let host = parts.first, host.utf8.first != UInt8(ascii: ":") else {
            throw SettingError("\"\(rest)\" has no host")
        }
        guard !host.contains("@") else {
            throw SettingError("the URL contains a user or a password, which others can see: use BATON_URL_TOKEN_FILE")
        }
        let called = name ?? String(parts.dropFirst().last ?? host.prefix { $0 != ":" })
        guard isFileName(called) else {
            throw SettingError("\"\(called)\" cannot be a file name: put NAME= before the URL")
        }
        return URLSource(name: called, url: String(rest))
    }

    private static func object(_ text: String) throws(SettingError) -> ObjectSource? {
        let isOptional = text.hasSuffix("?optional")
        let parts = (isOptional ? text.dropLast("?optional".count) : text[...])
            .split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        let first = ObjectSource.Kind(rawValue: parts[0])
        guard let kind = first ?? (parts.count > 1 ? ObjectSource.Kind(rawValue: parts[1]) : nil) else { return nil }
        let rest = parts.dropFirst(first == nil ? 2 : 1)
        guard (1...2).contains(rest.count), let name = rest.first else {
            throw SettingError("\"\(text)\" is not of the form [NAMESPACE/]\(kind.rawValue)/NAME[/KEY][?optional]")
        }
        let namespace = first == nil ? parts[0] : nil
        let key = rest.count == 2 ? rest.last : nil
        for part in [namespace, name].compactMap({ $0 }) where !isObjectName(part) {
            throw SettingError(
                "\"\(part)\" is not the name of an object: it has lower-case letters, digits, - and . only")
        }
        if let key, !isKey(key) {
            throw SettingError("\"\(key)\" is not a key: it has letters, digits, -, _ and . only")
        }
        return ObjectSource(kind: kind, namespace: namespace, name: name, key: key, isOptional: isOptional)
    }

    /// A DNS subdomain (RFC 1123), as Kubernetes has it.
    private static func isObjectName(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count) && !text.hasPrefix(".") && !text.contains("..")
            && text.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 || $0 == 46 }
    }

    private static func isKey(_ text: String) -> Bool {
        isFileName(text)
            && text.utf8.allSatisfy { byte in
                (97...122).contains(byte) || (65...90).contains(byte) || (48...57).contains(byte)
                    || [45, 46, 95].contains(byte)
            }
    }

    private static func isFileName(_ text: String) -> Bool {
        (1...253).contains(text.utf8.count) && !text.hasPrefix("..") && text != "."
            && !text.utf8.contains(UInt8(ascii: "/"))
    }
}
