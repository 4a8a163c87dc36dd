import Glibc

/// Says that a running Baton has a stage: of two, each would remove what the other has in force, and lead its links elsewhere.
public enum StageLock {
    /// Takes the lock, flock(2) on the directory itself: it is seen from other containers, whose process ids mean nothing here,
    /// leaves nothing behind, and goes with the process, however that ends.
    /// - Returns: to be kept open as long as the stage is used; nil where the file system has no such locks (NFS wants a file
    ///   that is open for writing).
    /// - Throws: EAGAIN where another holds it.
    public static func take(_ path: String) throws(LinuxError) -> FileDescriptor? {
        let number = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard number >= 0 else { throw .last("open", path) }
        let directory = FileDescriptor(owning: number)
        guard flock(directory.number, LOCK_EX | LOCK_NB) != 0 else { return directory }
        guard errno == EWOULDBLOCK else { return nil }
        throw LinuxError(
            "lock", path, errno: EAGAIN,
            words: "cannot use the stage \(path): another running Baton uses it; "
                + "set a different BATON_STAGE for one of them")
    }
}
