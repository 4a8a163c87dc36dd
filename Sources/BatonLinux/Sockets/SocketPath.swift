import Glibc

/// Keeps the file of a unix socket in place. A program that ends often removes the path that it was handed, and a path that
/// is gone can be brought back only from a hard link that was made before (link(2)).
public struct SocketPath: Sendable {
    public let path: String
    private let spare: String
    private let inode: UInt64

    /// - Throws: where the directory takes no second name; the path is then not kept.
    public init(_ path: String) throws(LinuxError) {
        self.path = path
        spare = path + ".baton-" + String(Random.number(), radix: 36)
        guard let inode = SocketPath.inode(path) else { throw .last("stat", path) }
        guard link(path, spare) == 0 else { throw .last("create a second link to", path) }
        self.inode = inode
    }

    /// Puts the path back if it is gone or leads to another file.
    /// - Returns: whether there was anything to do.
    public func repair() throws(LinuxError) -> Bool {
        if SocketPath.inode(path) == inode { return false }
        // By way of a third name and a rename, so that a path that is there is never gone for a moment.
        let fresh = spare + "-new"
        unlink(fresh)
        guard link(spare, fresh) == 0, rename(fresh, path) == 0 else { throw .last("restore", path) }
        return true
    }

    public func remove() {
        unlink(spare)
        if SocketPath.inode(path) == inode { unlink(path) }
    }

    private static func inode(_ path: String) -> UInt64? { try? FileStatus.ofLink(path).inode }
}
