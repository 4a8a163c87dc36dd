import CBatonShims
import Glibc

/// What stat(2) says, as far as watching needs it.
public struct FileStatus: Hashable, Sendable {
    public enum Kind: Sendable, Hashable { case file, directory, link, other }

    public let kind: Kind
    public let device: UInt64
    public let inode: UInt64
    public let size: Int64
    public let links: UInt64
    public let modified: Time
    public let changed: Time

    /// As the kernel has it: some file systems keep times that do not fit into nanoseconds since 1970.
    public struct Time: Hashable, Sendable {
        /// Since 1970.
        public let seconds: Int64
        public let nanoseconds: Int64

        init(_ time: timespec) {
            seconds = Int64(time.tv_sec)
            nanoseconds = Int64(time.tv_nsec)
        }
    }

    private init(_ info: stat) {
        kind =
            switch info.st_mode & S_IFMT {
            case S_IFREG: .file
            case S_IFDIR: .directory
            case S_IFLNK: .link
            default: .other
            }
        device = UInt64(info.st_dev)
        inode = UInt64(info.st_ino)
        size = Int64(info.st_size)
        links = UInt64(info.st_nlink)
        modified = Time(info.st_mtim)
        changed = Time(info.st_ctim)
    }

    public static func following(_ path: String) throws(LinuxError) -> FileStatus {
        var info = stat()
        guard stat(path, &info) == 0 else { throw .last("stat", path) }
        return FileStatus(info)
    }

    public static func ofLink(_ path: String) throws(LinuxError) -> FileStatus {
        var info = stat()
        guard lstat(path, &info) == 0 else { throw .last("stat", path) }
        return FileStatus(info)
    }

    public static func of(_ fd: borrowing FileDescriptor, _ thing: String) throws(LinuxError) -> FileStatus {
        var info = stat()
        guard fstat(fd.number, &info) == 0 else { throw .last("stat", thing) }
        return FileStatus(info)
    }
}

extension FileStatus.Kind {
    /// d_type of readdir(3).
    fileprivate init?(directoryType: UInt8) {
        switch Int(directoryType) {
        case Int(DT_REG): self = .file
        case Int(DT_DIR): self = .directory
        case Int(DT_LNK): self = .link
        case Int(DT_UNKNOWN): return nil
        default: self = .other
        }
    }
}

/// readlink(2).
public func readLink(_ path: String) throws(LinuxError) -> String {
    var failure: Int32 = 0
    let target = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 4096) { buffer in
        let count = buffer.baseAddress.map { readlink(path, $0, buffer.count) } ?? 0
        if count < 0 { failure = errno }
        return String(decoding: UnsafeRawBufferPointer(buffer).prefix(max(0, count)), as: UTF8.self)
    }
    guard failure == 0 else { throw LinuxError("read the link", path, errno: failure) }
    return target
}

/// The names in a directory, without `.` and `..`, sorted by bytes.
/// - Parameter limit: E2BIG beyond it, so that memory stays bounded.
public func directoryEntries(_ path: String, limit: Int) throws(LinuxError) -> [String] {
    try directoryListing(path, limit: limit).map(\.name)
}

public struct DirectoryEntry: Sendable {
    /// With U+FFFD for what is not UTF-8.
    public let name: String
    /// The name is UTF-8. By one that is not, which Linux allows, the file cannot be opened.
    public let hasUsableName: Bool
    /// As the directory itself tells (d_type of readdir(3)); nil where it does not, as some file systems.
    public let kind: FileStatus.Kind?

    /// A look at the file may say more, and is never wrong.
    public var isRegularFile: Bool { kind == .file }
}

/// As `directoryEntries`, with what the directory tells of each.
public func directoryListing(_ path: String, limit: Int) throws(LinuxError) -> [DirectoryEntry] {
    guard let stream = opendir(path) else { throw .last("read the directory", path) }
    defer { closedir(stream) }
    var entries: [DirectoryEntry] = []
    while true {
        errno = 0
        guard let entry = readdir(stream) else {
            guard errno == 0 else { throw .last("read the directory", path) }
            return entries.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
        }
        let (valid, name) = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) {
                let valid = String(validatingCString: $0)
                return (valid, valid ?? String(cString: $0))
            }
        }
        guard name != ".", name != ".." else { continue }
        guard entries.count < limit else { throw LinuxError("read the directory", path, errno: E2BIG) }
        entries.append(
            DirectoryEntry(name: name, hasUsableName: valid != nil, kind: .init(directoryType: entry.pointee.d_type)))
    }
}

/// Opens for reading without ever waiting for a FIFO's writer or a terminal.
public func openForReading(_ path: String) throws(LinuxError) -> FileDescriptor {
    let number = baton_openat(AT_FDCWD, path, baton_open_flags_file())
    guard number >= 0 else { throw .last("open", path) }
    return FileDescriptor(owning: number)
}

/// Reads a small file of /proc or /etc whole; about `limit` bytes at most.
public func readSmallFile(_ path: String, limit: Int = 1 << 20) throws(LinuxError) -> String {
    String(decoding: try readBytes(path, limit: limit), as: UTF8.self)
}

/// Reads a small file whole; about `limit` bytes at most.
public func readBytes(_ path: String, limit: Int) throws(LinuxError) -> [UInt8] {
    let fd = try openForReading(path)
    var bytes: [UInt8] = []
    while bytes.count < limit, let part = try readAvailable(fd.number, limit: 16384), !part.isEmpty {
        bytes += part
    }
    return bytes
}

/// unlink(2); a file that is not there is as good as removed.
public func removeFile(_ path: String) { unlink(path) }
