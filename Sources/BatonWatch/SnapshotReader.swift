public import BatonCore
import BatonLinux

/// Reads what the sources contain.
public final class SnapshotReader {
    let sources: [WatchedSource]
    private let mounts: Mounts
    /// Mixed into every digest.
    private let salt: UInt64?

    init(_ sources: [WatchedSource], _ mounts: Mounts, salt: UInt64?) {
        self.sources = sources
        self.mounts = mounts
        self.salt = salt
    }

    /// The digest of everything as it is now; nil where some remote source has not been read for the first time.
    public func read(at now: Instant) -> (result: Supervisor.SnapshotResult?, [LogRecord]) {
        var records: [LogRecord] = []
        var torn: String?
        // What is remote has been read by its helper.
        for source in sources where !source.isRemote { torn = read(source, at: now, &records) ?? torn }
        if let torn = torn ?? movedMeanwhile() { return (.torn(torn), records) }
        return (digest().map { .whole($0) }, records)
    }

    /// - Returns: what has moved meanwhile.
    private func read(_ source: WatchedSource, at now: Instant, _ records: inout [LogRecord]) -> String? {
        let scanner = SourceScanner(path: source.path, mounts: mounts.table)
        let reading = scanner.read(by: source.knownTrace, unless: source.content.identity)
        if let record = source.take(reading, at: now) { records.append(record) }
        switch reading {
        case nil, .content: return nil
        case .absent, .failed: source.knownTrace = nil
        case .torn(let detail):
            source.knownTrace = nil
            return detail
        }
        return nil
    }

    /// Several sources are one snapshot: none may have moved while the others were read.
    private func movedMeanwhile() -> String? {
        guard sources.count > 1 else { return nil }
        for source in sources where !source.isRemote {
            guard let identity = source.content.identity else { continue }
            let poll = SourceScanner(path: source.path, mounts: mounts.table).poll()
            if case .there(let current) = poll, current != identity { return "\(source.path) changed" }
        }
        return nil
    }

    private func digest() -> Digest? {
        var hash = SHA256()
        if let salt { hash.update(salt) }
        for source in sources {
            guard let digest = source.content.digest else { return nil }
            digest.parts.forEach { hash.update($0) }
        }
        return hash.finish()
    }
}
