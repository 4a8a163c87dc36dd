import Glibc

/// Makes a directory and what is missing above it (0755); one that is there already is well.
/// - Parameter mode: of the last one.
func makeDirectories(_ path: String, mode: mode_t = 0o755) throws(LinuxError) {
    var built = ""
    let parts = Path(path).components
    for (index, part) in parts.enumerated() {
        built += "/" + part.text
        guard mkdir(built, index == parts.count - 1 ? mode : 0o755) == 0 || errno == EEXIST else {
            throw .last("make", built)
        }
    }
}

/// Removes a file, or a directory with all that is in it, as far as it goes.
public func removeTree(_ path: String, depth: Int = 0) {
    guard depth < 64, unlink(path) != 0, errno == EISDIR || errno == EPERM else { return }
    for entry in (try? directoryEntries(path, limit: 1_000_000)) ?? [] {
        removeTree(path + "/" + entry, depth: depth + 1)
    }
    rmdir(path)
}

/// chown(2).
public func changeOwner(of path: String, uid: UInt32, gid: UInt32) throws(LinuxError) {
    guard chown(path, uid, gid) == 0 else { throw .last("give away", path) }
}

/// write(2) until all is written.
/// - Parameter thing: what the error calls it.
public func writeAll(_ fd: Int32, _ bytes: [UInt8], _ thing: String) throws(LinuxError) {
    var rest = bytes[...]
    while !rest.isEmpty {
        let count = rest.withUnsafeBytes { write(fd, $0.baseAddress, $0.count) }
        if count < 0, errno == EINTR { continue }
        guard count > 0 else { throw .last("write", thing) }
        rest = rest.dropFirst(count)
    }
}
