import BatonCore
import BatonLinux

/// Lays one source's content on the stage. Content that comes while it writes waits in one place: the latest wins.
actor Stage {
    private let directory: StageDirectory
    private let sources: [String]
    private var name: String { sources.first ?? directory.path }
    private let link: Link
    private let statistics: Statistics
    private var waiting: (files: [String: [UInt8]], revision: String?)?
    private var isWriting = false
    private var count = 0
    private var staged: [String: [UInt8]]?
    /// Contents that newer ones have replaced before they were written, since it was last told.
    private var coalesced = 0
    private var isFailureTold = false
    private var reporter = StageReporter()

    init(_ path: String, isSecret: Bool, _ sources: [String], _ link: Link, _ statistics: Statistics) {
        directory = StageDirectory(path, isSecret: isSecret)
        self.sources = sources
        self.link = link
        self.statistics = statistics
    }

    /// Returns at once.
    func offer(_ files: [String: [UInt8]], revision: String?) {
        if waiting != nil { coalesced += 1 }
        waiting = (files, revision)
        guard !isWriting else { return }
        isWriting = true
        Task { await write() }
    }

    func tellAbsent() async { for source in sources { await link.send(.absent(source: source)) } }

    private func tellCoalesced() async {
        guard coalesced > 0 else { return }
        let count = coalesced
        coalesced = 0
        statistics.update(name) { $0.coalesced += Int64(count) }
        await link.log(
            LogRecord(
                .sourceCoalesced, "skipped \(plural(count, "change")) of \(name): newer ones had arrived",
                [.text("source", name), .number("count", Int64(count))]))
    }

    private func tellFailure(_ error: any Error) async {
        guard !isFailureTold else { return }
        isFailureTold = true
        await link.log(
            LogRecord(
                .sourceStagingFailed,
                "cannot write \(name) to the stage: \(error); trying again every second",
                [.text("source", name)]))
    }

    private func write() async {
        while let (files, revision) = waiting {
            waiting = nil
            // Back to what is there already.
            guard files != staged else { continue }
            do {
                count += 1
                let findings = try directory.write(
                    files.sorted { $0.key < $1.key }.map { StageDirectory.File(name: $0.key, content: $0.value) },
                    stamp: "\(Clock.stamp()).\(count)")
                staged = files
                isFailureTold = false
                for source in sources { await link.send(.staged(source: source, revision: revision)) }
                await tellCoalesced()
                for record in reporter.records(findings) { await link.log(record) }
            } catch {
                await tellFailure(error)
                if waiting == nil { waiting = (files, revision) }
                try? await Task.sleep(for: .seconds(1))
            }
            await Task.yield()
        }
        isWriting = false
    }
}
