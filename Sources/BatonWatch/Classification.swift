public import BatonCore
public import BatonLinux

/// How a source is watched.
public enum Strategy: String, Sendable, Hashable { case inotify, poll }

/// What a source is, how it will be watched, and why.
public struct Classification: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable {
        case kubeletVolume = "kubelet volume"
        case fileInKubeletVolume = "file in a kubelet volume"
        case subPathMount = "subPath mount"
        case fileMount = "single-file mount"
        case remote = "network or user-space file system"
        case directory = "directory"
        case file = "file"
        case missing = "not there yet"
    }

    public let kind: Kind
    public let strategy: Strategy
    public let reason: String
    /// The mount that pins this source's content, where there is one: once that is superseded nothing new is seen here.
    let pinningMount: Path?

    /// The facts that the choice is made from; gathered from mountinfo and a trace of the path.
    struct Facts: Sendable, Hashable {
        var end: PathTrace.End
        var volume: Path?
        /// A directory that itself holds a `..data` link.
        var holdsDataLink = false
        /// The mount that the end lies on.
        var mount: MountTable.Mount?
        /// statfs(2)'s word, where mountinfo had none against it.
        var blindByStatfs: String?
    }

    /// A pure choice: facts and the setting in, kind, strategy and reason out.
    static func choose(_ facts: Facts, _ setting: StrategyChoice) -> Classification {
        let natural = naturalChoice(facts)
        switch setting {
        case .auto: return natural
        case .inotify where natural.kind == .remote:
            // A look at it may hang, and inotify would see nothing.
            return natural.replacing(.poll, "\(natural.reason); BATON_STRATEGY=inotify has no effect here")
        case .inotify: return natural.replacing(.inotify, "BATON_STRATEGY=inotify")
        case .poll: return natural.replacing(.poll, "BATON_STRATEGY=poll")
        }
    }

    private static func naturalChoice(_ facts: Facts) -> Classification {
        if case .blind(let name) = facts.end { return remote(name) }
        if let name = facts.blindByStatfs { return remote(name) }
        if let pinned = pinned(facts) { return pinned }
        switch facts.end {
        case .directory where facts.holdsDataLink:
            return .init(
                .kubeletVolume, .inotify,
                "kubelet replaces the ..data link atomically; one watch on the directory is enough")
        case .file where facts.volume != nil, .directory where facts.volume != nil:
            return .init(
                .fileInKubeletVolume, .inotify,
                "it is below the ..data link of \(facts.volume?.text ?? ""), which kubelet replaces atomically")
        case .directory:
            return .init(.directory, .inotify, "a local directory; every directory in it is watched")
        case .file, .other:
            return .init(.file, .inotify, "a local file; every directory on its path is watched")
        case .missing, .blind:
            return .init(.missing, .inotify, "does not exist yet; the nearest existing directory is watched")
        case .unreadable(let error):
            return .init(.missing, .poll, "\(error); polled until it exists")
        }
    }

    private static func pinned(_ facts: Facts) -> Classification? {
        guard let mount = facts.mount else { return nil }
        if mount.kubeletSubpath != nil {
            return .init(
                .subPathMount, .poll,
                "\(mount.mountPoint) is a subPath mount, which kubelet never updates; Baton sees only that it was replaced",
                pinningMount: mount.mountPoint)
        }
        if case .file(let path) = facts.end, mount.mountPoint == path {
            return .init(
                .fileMount, .poll,
                "the file itself is a mount; Baton sees edits in place; of a replacement it sees that it happened, not the new content",
                pinningMount: path)
        }
        return nil
    }

    private static func remote(_ name: String) -> Classification {
        .init(.remote, .poll, "\(name): inotify does not report changes by other hosts or the server")
    }

    private init(_ kind: Kind, _ strategy: Strategy, _ reason: String, pinningMount: Path? = nil) {
        self.kind = kind
        self.strategy = strategy
        self.reason = reason
        self.pinningMount = pinningMount
    }

    private func replacing(_ strategy: Strategy, _ reason: String) -> Classification {
        .init(kind, strategy, reason, pinningMount: pinningMount)
    }
}

extension Classification {
    /// Gathers the facts about a path as it is now, and chooses.
    public static func of(_ path: Path, _ setting: StrategyChoice, _ mounts: MountTable) -> Classification {
        choose(facts(PathTrace(path, mounts), mounts), setting)
    }

    static func facts(_ trace: PathTrace, _ mounts: MountTable) -> Facts {
        var facts = Facts(end: trace.end, volume: trace.volume)
        switch trace.end {
        case .file(let path), .other(let path):
            facts.mount = mounts.mount(of: path)
            facts.blindByStatfs = FileSystemType.blindName(ofPath: path.text)
        case .directory(let path):
            facts.mount = mounts.mount(of: path)
            facts.blindByStatfs = FileSystemType.blindName(ofPath: path.text)
            facts.holdsDataLink = SourceScanner.dataLink(in: path) != nil
        case .missing, .blind, .unreadable: break
        }
        return facts
    }
}
