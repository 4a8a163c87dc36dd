public import BatonCore
import BatonLinux

/// The subPath mounts of kubelet's among what is watched.
public struct SubpathSources: Sendable {
    /// On which some source lies.
    public let pinning: [SubpathMount]
    /// In directories that are watched. What happens to such a mount is not seen from the directory around it: each wants to
    /// be watched for itself.
    public let hidden: [SubpathMount]
    /// The paths that lie on such a mount or have one below them, those of the hidden ones among them.
    public let paths: [String]

    public init(_ paths: [String]) {
        let table = paths.isEmpty ? MountTable(mounts: []) : (try? MountTable.current()) ?? MountTable(mounts: [])
        self.init(paths, table)
    }

    init(_ paths: [String], _ table: MountTable) {
        var pinning: [SubpathMount] = []
        var hidden: [SubpathMount] = []
        var affected: [String] = []
        let points = table.kubeletSubpathPoints
        for path in points.isEmpty ? [] : paths {
            let trace = PathTrace(Path(path), table)
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
        self.paths = affected + self.hidden.map(\.point)
    }

    public var all: [SubpathMount] { pinning + hidden }
}

extension Watcher {
    /// From now on what lay on this mount is read where the agent lays it.
    /// - Parameter directory: laid out as kubelet does it.
    public func takeOver(_ mount: SubpathMount, from directory: String, at now: Instant) -> [Report] {
        let point = Path(mount.point)
        let pinned = sources.filter { $0.classification.pinningMount == point }
        if !pinned.isEmpty { mounts = (try? MountTable.current()) ?? mounts }
        for source in pinned {
            let below: String?
            switch PathTrace(source.path, mounts).end {
            case .directory(let real): below = real.relative(to: point)
            case .file(let real) where real != point: below = real.relative(to: point)
            case .file, .other, .missing, .blind, .unreadable: below = mount.fileName
            }
            let directory = Path(directory)
            move(source, to: below.map { $0.isEmpty ? directory : directory.appending($0) } ?? directory, now)
        }
        return takeReports()
    }

    private func move(_ source: WatchedSource, to path: Path, _ now: Instant) {
        let before = source.path
        disarm(source)
        source.path = path
        source.classification = Classification.of(path, configuration.strategy, mounts)
        source.strategy = source.classification.strategy
        source.isSuperseded = false
        source.inotifyRetryAt = nil
        source.complaint = nil
        if source.strategy == .inotify { arm(source, now) }
        source.nextLook = firstLook(source, now)
        report(
            LogRecord(
                .info, "source_taken_over", "\(before) is followed by the API from now on, at \(path)",
                [.text("source", before.text), .text("strategy", "api")]))
        touch(source, atomic: true)
    }
}
