public import BatonCore
public import BatonLinux
import Glibc

/// A copy of all sources that is being made.
public final class SnapshotCopyProcess {
    public let number: SnapshotNumber
    public let pid: ProcessID
    private let pipe: FileDescriptor

    public enum Outcome: Int32, Sendable {
        case whole = 0
        case failed = 1
        case torn = 2
    }

    fileprivate init(number: SnapshotNumber, pid: ProcessID, pipe: consuming FileDescriptor) {
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

extension SnapshotReader {
    /// Begins to copy what has been read last to the stage, each source under its name there. A source that cannot be read at the
    /// moment is taken from what is in force.
    /// - Parameter names: one for each source, in their order.
    public func copy(
        _ number: SnapshotNumber, to stage: SnapshotStage, names: [String], writer: ForeignAccess
    ) throws(LinuxError) -> SnapshotCopyProcess {
        let pipe = try Pipe()
        try setNonBlocking(true, pipe.read.number)
        let end = pipe.write.number
        let parts = zip(sources, names).map { source, name in
            SnapshotPart(path: source.path, digest: source.content.digest, name: name)
        }
        // What lies within another comes after it, and in its place.
        let job = SnapshotJob(
            parts: parts.sorted { Path($0.name) < Path($1.name) }, stage: stage,
            directory: Path(stage.directory(of: number)))
        let pid = try forkHelper(keeping: end) {
            let (outcome, reason) = job.run(writer)
            writeAll(end, Array(reason.utf8.prefix(1000)))
            _exit(outcome.rawValue)
        }
        return SnapshotCopyProcess(number: number, pid: pid, pipe: pipe.readEnd())
    }
}

/// One source, as it was read.
private struct SnapshotPart {
    let path: Path
    let digest: Digest?
    let name: String

    var hasContent: Bool { digest != nil && digest != WatchedSource.ContentState.absence }
}

/// The child's side.
private struct SnapshotJob {
    let parts: [SnapshotPart]
    let stage: SnapshotStage
    let directory: Path

    func run(_ writer: ForeignAccess) -> (SnapshotCopyProcess.Outcome, String) {
        let parts = parts.filter(\.hasContent)
        var copy = SnapshotCopy(writer: writer)
        do throws(LinuxError) {
            // Here and not when it is put in force: now the change can still be rejected.
            try copy.checkFree(parts.map(\.name), on: stage)
            try copy.prepare(directory)
            for part in parts {
                guard try isWhole(part, &copy) else { return (.torn, "\(part.path) changed") }
            }
            return (.whole, "")
        } catch {
            return (.failed, error.description)
        }
    }

    /// - Returns: false where it is not, or no longer, what was read.
    private func isWhole(_ part: SnapshotPart, _ copy: inout SnapshotCopy) throws(LinuxError) -> Bool {
        let destination = directory.appending(part.name)
        let scanner = SourceScanner(path: part.path, mounts: MountTable(mounts: []))
        switch scanner.read() {
        case .content(_, part.digest):
            try copy.copy(part.path, to: destination)
            if case .content(_, part.digest) = scanner.read() { return true }
            return false
        case .content, .torn: return false
        // Its last good content.
        case .absent, .failed:
            try copy.copy(Path(stage.current).appending(part.name), to: destination)
            return true
        }
    }
}
