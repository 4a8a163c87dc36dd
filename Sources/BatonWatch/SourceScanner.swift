import BatonCore
import BatonLinux
import Glibc

/// Polls one source (has it moved?) and reads it (what does it say?).
///
/// The identity is a hash over everything by which a change shows without reading content: device, inode, size, mtime and
/// ctime in nanoseconds, link targets. mtime alone misses a write within its tick, and kubelet's links.
struct SourceScanner {
    let path: Path
    let mounts: MountTable

    enum Poll: Hashable, Sendable {
        case there(identity: Int)
        case absent
        case failed(String)
    }

    enum Reading: Hashable, Sendable {
        case content(identity: Int, Digest)
        case absent
        case torn(String)
        case failed(String)
    }

    /// Bounds that keep PID 1 small and quick whatever it is pointed at.
    enum Limits {
        static let files = 100_000
        static let bytes = 64 << 20
        static let depth = 32
    }

    struct Failure: Error {
        enum Kind { case absent, torn, failed }
        let reason: String
        var kind = Kind.failed

        init(reason: String, kind: Kind = .failed) {
            self.reason = reason
            self.kind = kind
        }

        /// Something within a source that is not there (any more) is a reading that was torn, not a source that is gone:
        /// kubelet's swap can be seen before the content that it leads to.
        init(within error: LinuxError) {
            self.init(reason: error.description, kind: error.errno == ENOENT ? .torn : .failed)
        }
    }

    // MARK: polling

    func poll() -> Poll {
        let trace = PathTrace(path, mounts)
        do {
            return .there(identity: try identity(trace, dataLink(of: trace)))
        } catch {
            switch error.kind {
            case .absent: return .absent
            case .torn, .failed: return .failed(error.reason)
            }
        }
    }

    /// - Parameter data: where the `..data` link leads, if this is a kubelet volume.
    private func identity(_ trace: PathTrace, _ data: String?) throws(Failure) -> Int {
        var hasher = Hasher()
        var budget = Limits.files
        hasher.combine(trace.linkTargets)
        switch trace.end {
        case .file(let real), .other(let real): hasher.combine(try status(real))
        case .directory(let real): try addDirectory(real, data, to: &hasher, &budget, depth: 0)
        case .missing: throw missing(trace)
        // The helper, which may hang, comes here with an empty mount table and so never sees this.
        case .blind(let fileSystem):
            throw Failure(reason: "\(path) is on \(fileSystem), which Baton does not read in its main process")
        case .unreadable(let error): throw Failure(reason: error.description)
        }
        return hasher.finalize()
    }

    private func addDirectory(
        _ directory: Path, _ data: String?, to hasher: inout Hasher, _ budget: inout Int, depth: Int
    ) throws(Failure) {
        // What a kubelet volume holds is fixed between two swaps: one readlink tells it all.
        if let data { return hasher.combine(Path(data)) }
        guard depth < Limits.depth else { throw Failure(reason: "\(directory) is nested deeper than \(Limits.depth)") }
        for entry in try entries(of: directory, &budget) {
            let full = directory.appending(entry.name)
            hasher.combine(Path(entry.name))
            guard let own = try statusIfThere(full, followingLinks: false) else { continue }
            switch own.kind {
            case .directory:
                // A directory's own times move with every temporary file in it: its entries are what counts.
                hasher.combine(own.inode)
                try addDirectory(full, Self.dataLink(in: full), to: &hasher, &budget, depth: depth + 1)
            case .link:
                hasher.combine(Path((try? readLink(full.text)) ?? ""))
                if let target = try statusIfThere(full, followingLinks: true), target.kind == .file {
                    hasher.combine(target)
                }
            case .file, .other:
                // That kubelet removes the file behind a subPath mount shows in its ctime, and changes nothing here.
                if !mounts.kubeletSubpathPoints.contains(full) { hasher.combine(own) }
            }
        }
    }

    // MARK: reading

    func read() -> Reading {
        let trace = PathTrace(path, mounts)
        let data = dataLink(of: trace)
        do { return try read(trace, data, identity(trace, data)) } catch { return Self.reading(error) }
    }

    /// - Parameter trace: where the path leads, if that is known.
    /// - Returns: nil where the identity is the known one.
    func read(by trace: PathTrace? = nil, unless known: Int?) -> Reading? {
        let trace = trace ?? PathTrace(path, mounts)
        let data = dataLink(of: trace)
        do {
            let identity = try identity(trace, data)
            return identity == known ? nil : try read(trace, data, identity)
        } catch {
            return Self.reading(error)
        }
    }

    /// It counts that what was read did not move meanwhile; whether the path leads elsewhere by now is for the next poll.
    private func read(_ trace: PathTrace, _ data: String?, _ before: Int) throws(Failure) -> Reading {
        let digest = try content(of: trace, data)
        guard before == (try identity(trace, dataLink(of: trace))) else { return .torn("\(path) changed") }
        return .content(identity: before, digest)
    }

    private static func reading(_ failure: Failure) -> Reading {
        switch failure.kind {
        case .absent: .absent
        case .torn: .torn(failure.reason)
        case .failed: .failed(failure.reason)
        }
    }

    // MARK: parts

    /// A `..data` link that leads nowhere is half of a swap.
    func missing(_ trace: PathTrace) -> Failure {
        let reason = "\(path) does not exist"
        guard let volume = trace.volume, let target = SourceScanner.dataLink(in: volume),
            (try? FileStatus.ofLink(volume.appending(target).text)) == nil
        else { return Failure(reason: reason, kind: .absent) }
        return Failure(reason: "the ..data link of \(volume) is dangling", kind: .torn)
    }

    func entries(of directory: Path, _ budget: inout Int) throws(Failure) -> [DirectoryEntry] {
        var entries: [DirectoryEntry]
        do { entries = try directoryListing(directory.text, limit: budget) } catch {
            throw Failure(within: error)
        }
        budget -= entries.count
        entries.removeAll { EditorFiles.isTemporary(Path($0.name)) }
        if let unusable = entries.first(where: { !$0.hasUsableName }) {
            throw Failure(reason: "the name of \(unusable.name) in \(directory) is not UTF-8: rename it")
        }
        return entries
    }

    private func status(_ path: Path) throws(Failure) -> FileStatus {
        do { return try FileStatus.ofLink(path.text) } catch {
            throw Failure(within: error)
        }
    }

    /// Nil when it has gone since its directory was read, or is a link to nothing.
    func statusIfThere(_ path: Path, followingLinks: Bool) throws(Failure) -> FileStatus? {
        do {
            return followingLinks ? try FileStatus.following(path.text) : try FileStatus.ofLink(path.text)
        } catch {
            if error.errno == ENOENT || error.errno == ELOOP { return nil }
            throw Failure(reason: error.description)
        }
    }

    private func dataLink(of trace: PathTrace) -> String? {
        guard case .directory(let real) = trace.end else { return nil }
        return Self.dataLink(in: real)
    }

    /// Where kubelet's `..data` link in this directory leads, if it is one: a name beginning with `..`, beside it.
    static func dataLink(in directory: Path) -> String? {
        guard let target = try? readLink(directory.appending("..data").text) else { return nil }
        let name = target.utf8
        return name.starts(with: "..".utf8) && !name.contains(UInt8(ascii: "/")) && name.count > 2 ? target : nil
    }
}
