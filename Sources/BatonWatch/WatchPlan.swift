import BatonCore
import BatonLinux
import Glibc

/// The inotify watches that a path needs: on each place where another name would lead it elsewhere, and on what it leads to.
struct WatchPlan {
    struct Watch {
        let path: Path
        let mask: Inotify.Mask
        /// Those that matter; nil: all.
        let names: [Path]?
    }

    private(set) var watches: [Watch] = []
    private let mounts: MountTable

    /// In a kubelet volume only the swap of `..data` matters, and the link of a key that is new. And what kubelet makes before a swap:
    /// it says nothing yet, but Baton is awake by then.
    private static let volumeMask: Inotify.Mask = [.movedTo, .create, .deleteSelf, .moveSelf, .onlyDirectory]
    private static let directoryMask: Inotify.Mask = [
        .modify, .closeWrite, .attrib, .movedFrom, .movedTo, .create, .delete, .deleteSelf, .moveSelf, .onlyDirectory,
    ]
    private static let fileMask: Inotify.Mask = [.modify, .closeWrite, .attrib, .deleteSelf, .moveSelf]
    private static let directoryLimit = 8192

    init(_ trace: PathTrace, _ mounts: MountTable) throws(LinuxError) {
        self.mounts = mounts
        for point in trace.points {
            let mask = point.directory == trace.volume ? WatchPlan.volumeMask : WatchPlan.directoryMask
            watches.append(Watch(path: point.directory, mask: mask, names: [point.name]))
            // What lies behind ..data never changes where it lies.
            if point.name == "..data" { return }
        }
        switch trace.end {
        case .file(let path), .other(let path): watches.append(Watch(path: path, mask: WatchPlan.fileMask, names: nil))
        case .directory(let path): try addTree(path, depth: 0)
        case .missing, .blind: break
        case .unreadable(let error): throw error
        }
    }

    private mutating func addTree(_ directory: Path, depth: Int) throws(LinuxError) {
        guard watches.count < WatchPlan.directoryLimit, depth < SourceScanner.Limits.depth else {
            throw LinuxError("watch every directory below", directory.text, errno: E2BIG)
        }
        if SourceScanner.dataLink(in: directory) != nil {
            return watches.append(Watch(path: directory, mask: WatchPlan.volumeMask, names: ["..data"]))
        }
        watches.append(Watch(path: directory, mask: WatchPlan.directoryMask, names: nil))
        for name in try directoryEntries(directory.text, limit: SourceScanner.Limits.files) {
            try addEntry(directory.appending(name), depth: depth)
        }
    }

    private mutating func addEntry(_ path: Path, depth: Int) throws(LinuxError) {
        switch try? FileStatus.ofLink(path.text).kind {
        case .directory: try addTree(path, depth: depth + 1)
        case .link:
            // A file that a link in the directory leads to may be written where it lies.
            guard (try? FileStatus.following(path.text).kind) == .file else { return }
            watches.append(Watch(path: path, mask: WatchPlan.fileMask, names: nil))
        case .file where mounts.points.contains(path):
            // What is written to a file that is mounted here is no event of this directory.
            watches.append(Watch(path: path, mask: WatchPlan.fileMask, names: nil))
        case .file, .other, nil: break
        }
    }
}
