public import BatonCore
import BatonLinux

/// The subPath mounts of kubelet's, and other mounts of single files, among what is watched.
public struct SubpathSources: Sendable {
    /// On which some source lies.
    public let pinning: [SubpathMount]
    /// In directories that are watched. What happens to such a mount is not seen from the directory around it: each wants to
    /// be watched for itself.
    public let hidden: [SubpathMount]
    /// Other files in directories that are watched, each of which is a mount: for the same reason.
    public let hiddenFiles: [Path]
    /// The paths that lie on such a mount or have one below them, those of the hidden ones among them.
    public let paths: [Path]

    public init(_ paths: [Path], _ mounts: Mounts) {
        if !paths.isEmpty { mounts.readOnce() }
        self.init(paths, mounts.table)
    }

    init(_ paths: [Path], _ table: MountTable) {
        var pinning: [SubpathMount] = []
        var hidden: [SubpathMount] = []
        var files: [Path] = []
        var affected: [Path] = []
        let points = table.kubeletSubpathPoints
        for path in paths {
            let trace = PathTrace(path, table)
            if case .directory(let real) = trace.end { files += Self.files(below: real, table) }
            switch trace.end {
            case .file(let real), .directory(let real):
                let around = table.mount(of: real)?.kubeletSubpath
                let below = points.filter { $0 != real && $0.relative(to: real) != nil }.sorted()
                    .compactMap { table.mount(at: $0)?.kubeletSubpath }
                if let around { pinning.append(around) }
                hidden += below
                if around != nil || !below.isEmpty { affected.append(path) }
            case .other, .missing, .blind, .unreadable: break
            }
        }
        var known: Set<Path> = []
        self.pinning = pinning.filter { known.insert(Path($0.point)).inserted }
        self.hidden = hidden.filter { known.insert(Path($0.point)).inserted }
        hiddenFiles = files.filter { known.insert($0).inserted }.sorted()
        self.paths = affected + self.hidden.map { Path($0.point) }
    }

    /// What lies on a file system that may hang is not touched.
    private static func files(below directory: Path, _ table: MountTable) -> [Path] {
        table.points.filter { point in
            guard point != directory, point.relative(to: directory) != nil, let mount = table.mount(at: point),
                mount.kubeletSubpath == nil, !FileSystemType.isBlind(mount.fileSystem)
            else { return false }
            return (try? FileStatus.ofLink(point.text))?.kind == .file
        }
    }

    /// What the agent can trace to an object of the API.
    public var all: [SubpathMount] { pinning + hidden }
}
