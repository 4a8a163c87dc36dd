import BatonCore
import BatonLinux
import Glibc

/// Copies what the sources hold to the stage. Runs in a child of its own, where reading and writing may take their time.
struct SnapshotCopy {
    /// To be written as: the app's user, who is to read it.
    let writer: ForeignAccess
    private var bytes = SourceScanner.Limits.bytes
    private var files = SourceScanner.Limits.files

    init(writer: ForeignAccess) { self.writer = writer }

    /// A file, or a directory and the files in it, links followed as the app would follow them.
    mutating func copy(_ source: Path, to destination: Path) throws(LinuxError) {
        let status = try FileStatus.following(source.text)
        writer.run { removeTree(destination.text) }
        switch status.kind {
        case .file:
            try makeParents(of: destination)
            try copyFile(source, to: destination)
        case .directory:
            try makeParents(of: destination)
            try copyDirectory(source, to: destination, depth: 0)
        case .link, .other: break
        }
    }

    private mutating func copyDirectory(_ source: Path, to destination: Path, depth: Int) throws(LinuxError) {
        guard depth < SourceScanner.Limits.depth else { throw LinuxError("copy", source.text, errno: ELOOP) }
        try make(destination, mode: 0o755)
        let source = SourceScanner.dataLink(in: source).map { source.appending($0) } ?? source
        let names = try directoryEntries(source.text, limit: files)
        files -= names.count
        for name in names where !EditorFiles.isTemporary(Path(name)) {
            try copyEntry(source.appending(name), to: destination.appending(name), depth: depth)
        }
    }

    private mutating func copyEntry(_ source: Path, to destination: Path, depth: Int) throws(LinuxError) {
        switch try? FileStatus.following(source.text).kind {
        case .file: try copyFile(source, to: destination)
        case .directory where (try? FileStatus.ofLink(source.text).kind) == .directory:
            try copyDirectory(source, to: destination, depth: depth + 1)
        case .directory, .link, .other, nil: break
        }
    }

    private mutating func copyFile(_ source: Path, to destination: Path) throws(LinuxError) {
        let from = try openForReading(source.text)
        var info = stat()
        guard fstat(from.number, &info) == 0 else { throw LinuxError("stat", source.text, errno: errno) }
        let mode = info.st_mode & 0o777
        let created = writer.run { open(destination.text, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode) }
        guard created >= 0 else { throw LinuxError("create", destination.text, errno: errno) }
        let to = FileDescriptor(owning: created)
        // Whatever the umask says.
        guard writer.run({ fchmod(to.number, mode) }) == 0 else {
            throw LinuxError("create", destination.text, errno: errno)
        }
        while let part = try readAvailable(from.number, limit: 64 * 1024), !part.isEmpty {
            bytes -= part.count
            guard bytes >= 0 else { throw LinuxError("copy all of", source.text, errno: EFBIG) }
            try writeAll(to.number, part, destination.text)
        }
    }

    private func makeParents(of path: Path) throws(LinuxError) {
        try writer.run { () throws(LinuxError) in try makeDirectories(path.parent, isExact: true) }
    }

    private func make(_ directory: Path, mode: mode_t) throws(LinuxError) {
        guard writer.run({ mkdir(directory.text, mode) }) == 0 || errno == EEXIST else {
            throw LinuxError("make", directory.text, errno: errno)
        }
        _ = writer.run { chmod(directory.text, mode) }
    }
}

extension SnapshotCopy {
    /// An empty directory, whatever was there.
    func prepare(_ directory: Path) throws(LinuxError) { try make(directory, mode: 0o755) }

    func checkFree(_ names: [String], on stage: SnapshotStage) throws(LinuxError) {
        try writer.run { () throws(LinuxError) in try stage.checkFree(names) }
    }
}
