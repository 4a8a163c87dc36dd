import BatonLinux
import Glibc

/// Follows a path component by component, link by link, and notes every place where a change of name would change what
/// the path leads to. Stops before it touches a file system that might hang.
struct PathTrace: Hashable, Sendable {
    /// A name in a directory. Both are real: no link leads to them.
    struct Point: Hashable, Sendable {
        let directory: String
        let name: String
    }

    enum End: Hashable, Sendable {
        case file(String)
        case directory(String)
        case other(String)
        /// There is nothing at the last of `points`.
        case missing
        /// A network or user-space file system, by its name in mountinfo.
        case blind(fileSystem: String)
        case unreadable(LinuxError)
    }

    private(set) var points: [Point] = []
    private(set) var linkTargets: [String] = []
    private(set) var end: End = .missing
    /// The kubelet volume that the path runs through: the directory that holds the `..data` link.
    private(set) var volume: String?

    /// A directory or a file, and no link on the way to it.
    var isStraight: Bool {
        switch end {
        case .directory, .file: linkTargets.isEmpty
        case .other, .missing, .blind, .unreadable: false
        }
    }

    /// The kernel's own limit (path_resolution(7)).
    private static let linkLimit = 40

    init(_ path: String, _ mounts: MountTable) {
        var rest = PathTrace.names(in: path)
        var current = "/"
        while let name = rest.popFirst() {
            if name == "." { continue }
            if name == ".." {
                current = PathTrace.parent(of: current)
                continue
            }
            let full = PathTrace.join(current, name)
            if mounts.hasBlind, let mount = mounts.mount(of: full), FileSystemType.isBlind(mount.fileSystem) {
                end = .blind(fileSystem: mount.fileSystem)
                return
            }
            guard let status = look(full, Point(directory: current, name: name)) else { return }
            switch status.kind {
            case .directory:
                current = full
            case .link:
                guard let target = follow(full, Point(directory: current, name: name)) else { return }
                rest = PathTrace.names(in: target) + rest
                if target.utf8.first == UInt8(ascii: "/") { current = "/" }
            case .file, .other:
                points.append(Point(directory: current, name: name))
                guard rest.isEmpty else {
                    end = .unreadable(LinuxError("look below", full, errno: ENOTDIR))
                    return
                }
                end = status.kind == .file ? .file(full) : .other(full)
                return
            }
        }
        end = .directory(current)
    }

    private mutating func look(_ full: String, _ point: Point) -> FileStatus? {
        do {
            return try FileStatus.ofLink(full)
        } catch {
            points.append(point)
            end = error.errno == ENOENT ? .missing : .unreadable(error)
            return nil
        }
    }

    private mutating func follow(_ full: String, _ point: Point) -> String? {
        points.append(point)
        if point.name == "..data" { volume = point.directory }
        guard linkTargets.count < PathTrace.linkLimit else {
            end = .unreadable(LinuxError("follow the links of", full, errno: ELOOP))
            return nil
        }
        do {
            let target = try readLink(full)
            linkTargets.append(target)
            return target
        } catch {
            end = error.errno == ENOENT ? .missing : .unreadable(error)
            return nil
        }
    }

    private static func names(in path: String) -> ArraySlice<String> {
        path.utf8.split(separator: UInt8(ascii: "/")).map { String(Substring($0)) }[...]
    }

    static func join(_ directory: String, _ name: String) -> String {
        directory == "/" ? "/" + name : directory + "/" + name
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }
}
