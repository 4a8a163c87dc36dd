import BatonCore
import BatonLinux
import Glibc

// What a source says, as a digest.
extension SourceScanner {
    /// A digest in the making, and what there is room for.
    private struct Hashing {
        var hash = SHA256()
        var entries = Limits.files
        var bytes = Limits.bytes
        /// One for all files.
        let buffer: UnsafeMutableRawBufferPointer
    }

    private static let bufferSize = 64 * 1024

    /// - Parameter data: where the `..data` link leads, if this is a kubelet volume.
    func content(of trace: PathTrace, _ data: String?) throws(Failure) -> Digest {
        try withUnsafeTemporaryAllocation(byteCount: SourceScanner.bufferSize, alignment: 16) { buffer in
            Result { () throws(Failure) in
                var hashing = Hashing(buffer: buffer)
                try add(trace, data, to: &hashing)
                return hashing.hash.finish()
            }
        }.get()
    }

    private func add(_ trace: PathTrace, _ data: String?, to hashing: inout Hashing) throws(Failure) {
        switch trace.end {
        case .file(let real): try addFile(real, to: &hashing)
        case .directory(let real): try addDirectory(real, data, to: &hashing, depth: 0)
        case .missing: throw missing(trace)
        case .other: hashing.hash.update("not a regular file")
        case .blind(let fileSystem):
            throw Failure(reason: "\(path) is on \(fileSystem), which Baton does not read in its main process")
        case .unreadable(let error): throw Failure(reason: error.description)
        }
    }

    private func addDirectory(_ directory: Path, _ data: String?, to hashing: inout Hashing, depth: Int)
        throws(Failure)
    {
        guard depth < Limits.depth else { throw Failure(reason: "\(directory) is nested deeper than \(Limits.depth)") }
        // Read through the directory that ..data names now: its content is never half old, half new.
        let directory = data.map { directory.appending($0) } ?? directory
        let entries = try entries(of: directory, &hashing.entries)
        hashing.hash.update(UInt64(entries.count))
        for entry in entries { try addEntry(entry, of: directory, to: &hashing, depth: depth) }
    }

    private func addEntry(_ entry: DirectoryEntry, of directory: Path, to hashing: inout Hashing, depth: Int)
        throws(Failure)
    {
        let full = directory.appending(entry.name)
        var kind = FileStatus.Kind.file
        if !entry.isRegularFile {
            guard let own = try statusIfThere(full, followingLinks: true) else { return }
            kind = own.kind
        }
        hashing.hash.update(UInt64(entry.name.utf8.count))
        hashing.hash.update(entry.name)
        switch kind {
        case .file:
            hashing.hash.update("file")
            try addFile(full, to: &hashing)
        case .directory where (try? FileStatus.ofLink(full.text).kind) == .directory:
            hashing.hash.update("directory")
            try addDirectory(full, Self.dataLink(in: full), to: &hashing, depth: depth + 1)
        case .directory, .link, .other:
            // Not descended into: a link to a directory may lead round in a circle.
            hashing.hash.update((try? readLink(full.text)) ?? "other")
        }
    }

    private func addFile(_ file: Path, to hashing: inout Hashing) throws(Failure) {
        do throws(LinuxError) {
            let fd = try openForReading(file.text)
            let size = try FileStatus.of(fd, file.text).size
            // Refused before it is read: hashing what is too much would hold PID 1 up for nothing.
            guard size <= hashing.bytes else { throw LinuxError("read all of", path.text, errno: EFBIG) }
            hashing.hash.update(UInt64(clamping: size))
            var left = size
            // Beyond the size only where there is none, as in /proc: a file that grows meanwhile shows in its identity.
            repeat {
                guard let count = try readAvailable(fd.number, into: hashing.buffer), count > 0 else { break }
                hashing.bytes -= count
                left -= Int64(count)
                guard hashing.bytes >= 0 else { throw LinuxError("read all of", path.text, errno: EFBIG) }
                hashing.hash.update(UnsafeRawBufferPointer(rebasing: hashing.buffer[..<count]))
            } while left != 0
        } catch {
            throw Failure(within: error)
        }
    }
}
