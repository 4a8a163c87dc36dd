/// A subPath mount of a kubelet volume, as the container sees it: what the agent needs to trace it to its object.
public struct SubpathMount: Sendable, Hashable {
    /// Where it is mounted.
    public let point: String
    /// The volume's name in the Pod's spec; nil where the mount does not show it (Secrets lie on a tmpfs of their own).
    public let volume: String?
    /// Of the file or directory in the volume, relative.
    public let path: String

    public init(point: String, volume: String?, path: String) {
        self.point = point
        self.volume = volume
        self.path = path
    }
}

extension SubpathMount {
    /// Words of the agent's command.
    public var arguments: [String] { [point, volume ?? "", path] }

    /// Of the words of all; nil where they are none of Baton's.
    public static func all(arguments: [String]) -> [SubpathMount]? {
        guard arguments.count.isMultiple(of: 3) else { return nil }
        return stride(from: 0, to: arguments.count, by: 3).map { index in
            let volume = arguments[index + 1]
            return SubpathMount(
                point: arguments[index], volume: volume.isEmpty ? nil : volume, path: arguments[index + 2])
        }
    }

    /// What it is called as a file, below the directory that the agent writes.
    public var fileName: String { Path(path).components.last?.text ?? "file" }

    /// The directory that the agent writes, relative to its part of the stage. A mount point has more bytes than a name may
    /// have: a digest stands for it.
    public var stageDirectory: String {
        var hash = SHA256()
        hash.update(point)
        return "subpath/\(hash.finish())"
    }
}
