import BatonCore
public import BatonLinux
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
            let full = source.appending(name)
            guard let status = try? FileStatus.following(full.text) else { continue }
            if status.kind == .file {
                try copyFile(full, to: destination.appending(name))
            } else if status.kind == .directory, (try? FileStatus.ofLink(full.text).kind) == .directory {
                try copyDirectory(full, to: destination.appending(name), depth: depth + 1)
            }
        }
    }

    private mutating func copyFile(_ source: Path, to destination: Path) throws(LinuxError) {
        let from = try openForReading(source.text)
        var info = stat()
        guard fstat(from.number, &info) == 0 else { throw LinuxError("look at", source.text, errno: errno) }
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
        var built: Path = "/"
        for part in path.components.dropLast() {
            built = built.appending(part.text)
            if (try? FileStatus.following(built.text)) == nil { try make(built, mode: 0o755) }
        }
    }

    private func make(_ directory: Path, mode: mode_t) throws(LinuxError) {
        guard writer.run({ mkdir(directory.text, mode) }) == 0 || errno == EEXIST else {
            throw LinuxError("make", directory.text, errno: errno)
        }
        _ = writer.run { chmod(directory.text, mode) }
    }
}

/// A copy of all sources that is being made.
public final class SnapshotCopyProcess {
    public let number: Int
    public let pid: ProcessID
    private let pipe: FileDescriptor

    public enum Outcome: Int32, Sendable {
        case whole = 0
        case failed = 1
        case torn = 2
    }

    init(number: Int, pid: ProcessID, pipe: consuming FileDescriptor) {
        self.number = number
        self.pid = pid
        self.pipe = pipe
    }

    /// Why it is not whole, in words; to be asked once the process has ended.
    public var reason: String {
        let bytes = (try? readAvailable(pipe.number, limit: 2048)) ?? nil
        return bytes.map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}

extension Watcher {
    /// Begins to copy what `readSnapshot` has read last to the stage, each source under its name there. A source that cannot be
    /// read at the moment is taken from what is in force.
    /// - Parameter names: one for each source, in their order.
    public func copySnapshot(
        _ number: Int, to stage: SnapshotStage, names: [String], writer: ForeignAccess
    ) throws(LinuxError) -> SnapshotCopyProcess {
        let pipe = try Pipe()
        try setNonBlocking(true, pipe.read.number)
        let end = pipe.write.number
        // What lies within another comes after it, and in its place.
        let work = zip(sources, names).map { ($0.0.path, $0.0.digest, $0.1) }.sorted { Path($0.2) < Path($1.2) }
        let pid = try forkHelper(keeping: end) {
            let (outcome, reason) = Watcher.copy(work, number, to: stage, writer)
            writeAll(end, Array(reason.utf8.prefix(1000)))
            _exit(outcome.rawValue)
        }
        return SnapshotCopyProcess(number: number, pid: pid, pipe: pipe.readEnd())
    }

    /// The child's side.
    private static func copy(
        _ work: [(path: Path, digest: Digest?, name: String)], _ number: Int, to stage: SnapshotStage,
        _ writer: ForeignAccess
    ) -> (SnapshotCopyProcess.Outcome, String) {
        let directory = Path(stage.directory(of: number))
        let work = work.filter { $0.digest != nil && $0.digest != absence }
        var copy = SnapshotCopy(writer: writer)
        do throws(LinuxError) {
            // Here and not when it is put in force: now the change can still be rejected.
            try copy.checkFree(work.map(\.name), on: stage)
            try copy.prepare(directory)
            for (path, digest, name) in work {
                let reading = SourceScanner(path: path, mounts: MountTable(mounts: [])).read()
                switch reading {
                case .content(_, let found) where found == digest:
                    try copy.copy(path, to: directory.appending(name))
                    guard case .content(_, digest) = SourceScanner(path: path, mounts: MountTable(mounts: [])).read()
                    else {
                        return (.torn, "\(path) moved")
                    }
                case .content, .torn: return (.torn, "\(path) moved")
                // Its last good content.
                case .absent, .failed: try copy.copy(Path(stage.current).appending(name), to: directory.appending(name))
                }
            }
            return (.whole, "")
        } catch {
            return (.failed, error.description)
        }
    }
}

extension SnapshotCopy {
    /// An empty directory, whatever was there.
    func prepare(_ directory: Path) throws(LinuxError) { try make(directory, mode: 0o755) }

    func checkFree(_ names: [String], on stage: SnapshotStage) throws(LinuxError) {
        try writer.run { () -> Result<Void, LinuxError> in
            Result { () throws(LinuxError) in try stage.checkFree(names) }
        }.get()
    }
}
