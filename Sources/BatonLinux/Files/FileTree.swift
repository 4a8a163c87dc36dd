public import BatonCore
import Glibc

/// Makes a directory and what is missing above it; what is there already stays as it is.
/// - Parameter mode: of the last one.
/// - Parameter parentMode: of those above it.
/// - Parameter isExact: whatever the umask says.
public func makeDirectories(
    _ path: Path, mode: UInt32 = 0o755, parentMode: UInt32 = 0o755, isExact: Bool = false
) throws(LinuxError) {
    var built: Path = "/"
    let names = path.components
    for (index, name) in names.enumerated() {
        built = built.appending(name.text)
        let mode = index == names.count - 1 ? mode : parentMode
        if mkdir(built.text, mode) == 0 {
            guard !isExact || chmod(built.text, mode) == 0 else { throw .last("set the mode of", built.text) }
        } else if errno != EEXIST {
            throw .last("make", built.text)
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
    guard chown(path, uid, gid) == 0 else { throw .last("change the owner of", path) }
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
