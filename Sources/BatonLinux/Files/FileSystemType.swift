import CBatonShims

/// Which file systems hide the other side's writes from inotify.
public enum FileSystemType {
    /// Types in mountinfo's spelling; `fuse` also stands for every `fuse.…`.
    private static let blindNames: Set<String> = [
        "nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "virtiofs", "fuse", "fuseblk", "ceph", "glusterfs", "lustre",
        "afs",
        "gpfs", "ocfs2", "gfs2", "orangefs", "coda", "vboxsf", "prl_fs", "acfs", "beegfs", "hgfs",
    ]

    /// statfs(2)'s magic numbers of the same, for what mountinfo does not name.
    private static let blindMagic: [Int64: String] = [
        0x6969: "nfs", 0xFF53_4D42: "cifs", 0xFE53_4D42: "smb3", 0x6573_5546: "fuse", 0x0102_1997: "9p",
        0x00C3_6400: "ceph", 0x0BD0_0BD0: "lustre", 0x5346_414F: "afs",
    ]

    public static func isBlind(_ name: String) -> Bool {
        blindNames.contains(name) || name.utf8.starts(with: "fuse.".utf8)
    }

    /// tmpfs or ramfs: nothing of it reaches a disk but by swapping.
    public static func isInMemory(_ path: String) -> Bool {
        var type: Int64 = 0
        return baton_statfs_type(path, &type) == 0 && (type == 0x0102_1994 || type == 0x8584_58F6)
    }

    /// The name of the blind file system that this path is on; nil where inotify sees all. Touches the path: ask only
    /// after mountinfo has found nothing against it.
    public static func blindName(ofPath path: String) -> String? {
        var type: Int64 = 0
        guard baton_statfs_type(path, &type) == 0 else { return nil }
        return blindMagic[type]
    }
}
