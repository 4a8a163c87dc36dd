import BatonCore
import BatonLinux
import Glibc

/// Follows a path component by component, link by link, and notes every place where a change of name would change what
/// the path leads to. Stops before it touches a file system that might hang.
struct PathTrace: Hashable, Sendable {
    /// A name in a directory. Both are real: no link leads to them.
    struct Point: Hashable, Sendable {
        let directory: Path
        let name: Path
    }

    enum End: Hashable, Sendable {
        case file(Path)
        case directory(Path)
        case other(Path)
        /// There is nothing at the last of `points`.
        case missing
        /// A network or user-space file system, by its name in mountinfo.
        case blind(fileSystem: String)
        case unreadable(LinuxError)
    }

    private(set) var points: [Point] = []
    private(set) var linkTargets: [Path] = []
    private(set) var end: End = .missing
    /// The kubelet volume that the path runs through: the directory that holds the `..data` link.
    private(set) var volume: Path?

    /// A directory or a file, and no link on the way to it.
    var followsNoLink: Bool {
        switch end {
        case .directory, .file: linkTargets.isEmpty
        case .other, .missing, .blind, .unreadable: false
        }
    }

    /// The kernel's own limit (path_resolution(7)).
    private static let linkLimit = 40

    init(_ path: Path, _ mounts: MountTable) {
        var rest = path.components[...]
        var current: Path = "/"
        while let name = rest.popFirst() {
            if name == "." { continue }
            if name == ".." {
                current = current.parent
                continue
            }
            let full = current.appending(name.text)
            if mounts.hasBlind, let mount = mounts.mount(of: full), FileSystemType.isBlind(mount.fileSystem) {
                end = .blind(fileSystem: mount.fileSystem)
                return
            }
            guard let status = status(full, Point(directory: current, name: name)) else { return }
            switch status.kind {
            case .directory:
                current = full
            case .link:
                guard let target = follow(full, Point(directory: current, name: name)) else { return }
                rest = target.components + rest
                if target.isAbsolute { current = "/" }
            case .file, .other:
                points.append(Point(directory: current, name: name))
                guard rest.isEmpty else {
                    end = .unreadable(LinuxError("search", full.text, errno: ENOTDIR))
                    return
                }
                end = status.kind == .file ? .file(full) : .other(full)
                return
            }
        }
        end = .directory(current)
    }

    private mutating func status(_ full: Path, _ point: Point) -> FileStatus? {
        do {
            return try FileStatus.ofLink(full.text)
        } catch {
            points.append(point)
            end = error.errno == ENOENT ? .missing : .unreadable(error)
            return nil
        }
    }

    private mutating func follow(_ full: Path, _ point: Point) -> Path? {
        points.append(point)
        if point.name == "..data" { volume = point.directory }
        guard linkTargets.count < PathTrace.linkLimit else {
            end = .unreadable(LinuxError("follow the links of", full.text, errno: ELOOP))
            return nil
        }
        do {
            let target = Path(try readLink(full.text))
            linkTargets.append(target)
            return target
        } catch {
            end = error.errno == ENOENT ? .missing : .unreadable(error)
            return nil
        }
    }
}
