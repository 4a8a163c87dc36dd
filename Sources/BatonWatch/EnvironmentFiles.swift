public import BatonCore
public import BatonLinux

/// The environment that a generation is given from files. Helpers read them, as each may lie on a file system that hangs, and what a
/// source said last stays where it cannot be read.
public final class EnvironmentFiles {
    private struct Source {
        let path: Path
        /// What it said last.
        var lastGood: [EnvironmentVariable]?
        /// Whose answer is awaited.
        var helper: HelperProcess?
        /// Killed, and not seen to have ended.
        var killed: [HelperProcess] = []
    }

    private var sources: [Source]

    /// How long a helper may take.
    public static let timeout: Interval = .seconds(5)
    /// Of helpers that hang in one source for good.
    private static let killedLimit = 4

    /// - Parameter paths: later ones win.
    public init(_ paths: [String]) { sources = paths.map { Source(path: Path($0)) } }

    public var isEmpty: Bool { sources.isEmpty }

    /// What all say, or said last.
    public var variables: [EnvironmentVariable] { sources.flatMap { $0.lastGood ?? [] } }

    /// By when the last answer has to be there; nil where none is awaited.
    public var deadline: Instant? {
        var latest: Instant?
        for source in sources {
            if let deadline = source.helper?.deadline { latest = max(latest ?? deadline, deadline) }
        }
        return latest
    }

    /// Those whose answers are awaited, by the index under which to hand them back.
    public var descriptors: [(index: Int, descriptor: Int32)] {
        sources.enumerated().compactMap { index, source in source.helper.map { (index, $0.descriptor) } }
    }

    /// Killed, and not seen to have ended: they may hang for as long as their file system does.
    public var helperProcesses: [ProcessID] {
        sources.flatMap { source in source.killed.filter { $0.answer() == nil }.map(\.pid) }
    }

    // MARK: reading

    /// Begins to read them all anew.
    public func begin(by deadline: Instant) -> [LogRecord] {
        cancel()
        var records: [LogRecord] = []
        for index in sources.indices {
            sources[index].killed.removeAll { $0.answer() != nil }
            let path = sources[index].path
            guard sources[index].killed.count < EnvironmentFiles.killedLimit else {
                records.append(failure(index, "earlier reads of it still hang"))
                continue
            }
            do throws(LinuxError) {
                sources[index].helper = try HelperProcess(deadline: deadline, limit: EnvironmentSource.answerLimit) {
                    EnvironmentSource.read(path).encoded
                }
            } catch {
                records.append(failure(index, error.description))
            }
        }
        return records
    }

    /// - Returns: nil while the answer is not complete.
    public func answered(_ index: Int) -> [LogRecord]? {
        guard sources.indices.contains(index), let helper = sources[index].helper else { return [] }
        guard let bytes = helper.answer() else { return nil }
        sources[index].helper = nil
        guard let source = EnvironmentSource(decoding: bytes) else {
            return [failure(index, "the helper process that read it ended without an answer")]
        }
        if let reason = source.failure { return [failure(index, reason)] }
        sources[index].lastGood = source.variables
        return source.problems.map { record(index, $0) }
    }

    /// Nobody waits any longer for those that have not answered.
    public func giveUp() -> [LogRecord] {
        let late = sources.indices.filter { sources[$0].helper != nil }
        cancel()
        return late.map { record($0, "reading it for the environment timed out; \(instead($0))") }
    }

    /// The answers are not wanted any more.
    public func cancel() {
        for index in sources.indices {
            guard let helper = sources[index].helper else { continue }
            helper.kill()
            sources[index].helper = nil
            sources[index].killed.append(helper)
        }
    }

    // MARK: words

    private func failure(_ index: Int, _ reason: String) -> LogRecord {
        record(index, "cannot read it for the environment: \(reason); \(instead(index))")
    }

    private func instead(_ index: Int) -> String {
        sources[index].lastGood == nil ? "the app starts without it" : "its last variables stay in force"
    }

    private func record(_ index: Int, _ reason: String) -> LogRecord {
        let path = sources[index].path
        return LogRecord(.environmentIncomplete, "\(path): \(reason)", [.text("source", path.text)])
    }
}
