public import BatonCore
public import BatonLinux

extension Watcher {
    /// The file of the local sources whose content, or whose attributes, changed last (ctime, which no program can set), if that was
    /// after `since`; where only directories did, that of a directory. The search is bounded: it is asked for while the app starts.
    public func lastWritten(since: FileStatus.Time) -> (path: Path, at: FileStatus.Time)? {
        var search = Search(since: since)
        for source in sources where !source.isRemote { search.add(source.path, depth: 0) }
        return search.file ?? search.directory
    }

    private struct Search {
        /// More entries are not looked at.
        static let limit = 20_000

        let since: FileStatus.Time
        var left = Search.limit
        var file: (path: Path, at: FileStatus.Time)?
        var directory: (path: Path, at: FileStatus.Time)?

        mutating func add(_ path: Path, depth: Int) {
            guard left > 0, depth < SourceScanner.Limits.depth, let status = try? FileStatus.following(path.text) else {
                return
            }
            left -= 1
            let isDirectory = status.kind == .directory
            if status.changed >= since {
                let found = (path: path, at: status.changed)
                if isDirectory {
                    if directory.map({ $0.at < found.at }) ?? true { directory = found }
                } else if file.map({ $0.at < found.at }) ?? true {
                    file = found
                }
            }
            guard isDirectory, let entries = try? directoryListing(path.text, limit: left) else { return }
            for entry in entries where entry.hasUsableName && !EditorFiles.isTemporary(Path(entry.name)) {
                let full = path.appending(entry.name)
                // A link to a directory may lead round in a circle.
                if entry.kind == .link, (try? FileStatus.following(full.text))?.kind == .directory { continue }
                add(full, depth: depth + 1)
            }
        }
    }
}
