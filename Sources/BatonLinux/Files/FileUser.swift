import Glibc

/// Who opens files: what a user may do is decided by owner and mode, as path_resolution(7) has it. Access control lists are not read.
public struct FileUser: Sendable, Hashable {
    public let uid: UInt32
    public let groups: Set<UInt32>

    public init(uid: UInt32, groups: Set<UInt32>) {
        self.uid = uid
        self.groups = groups
    }

    /// Baton's own user, with all of its groups.
    public static var own: FileUser {
        var groups = [gid_t](repeating: 0, count: max(0, Int(getgroups(0, nil))))
        let count = getgroups(Int32(clamping: groups.count), &groups)
        return FileUser(uid: geteuid(), groups: Set(groups.prefix(max(0, Int(count))) + [getegid()]))
    }

    /// By its mode; a file system that is mounted read-only counts elsewhere.
    public func mayWrite(_ status: FileStatus) -> Bool {
        if uid == 0 { return true }
        if status.owner == uid { return status.mode & UInt32(S_IWUSR) != 0 }
        if groups.contains(status.group) { return status.mode & UInt32(S_IWGRP) != 0 }
        return status.mode & UInt32(S_IWOTH) != 0
    }

    /// The file itself, or another one in its place.
    public func mayReplace(_ path: String) -> Bool {
        var system = statvfs()
        guard statvfs(path, &system) == 0, system.f_flag & UInt(ST_RDONLY) == 0 else { return false }
        let parts = path.split(separator: "/").dropLast()
        let parent = "/" + parts.joined(separator: "/")
        return [path, parent].contains { name in
            (try? FileStatus.following(name)).map(mayWrite) ?? false
        }
    }
}
