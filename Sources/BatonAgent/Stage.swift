import BatonCore
import BatonLinux

/// Lays one source's content on the stage. Content that comes while it writes waits in one place: the latest wins.
actor Stage {
    private let directory: StageDirectory
    private let sources: [String]
    private let link: Link
    private var waiting: (files: [String: [UInt8]], revision: String?)?
    private var isWriting = false
    private var count = 0
    private var staged: [String: [UInt8]]?
    /// Contents that newer ones have replaced before they were written.
    private(set) var coalesced = 0

    init(_ path: String, isSecret: Bool, _ sources: [String], _ link: Link) {
        directory = StageDirectory(path, isSecret: isSecret)
        self.sources = sources
        self.link = link
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

    private func write() async {
        while let (files, revision) = waiting {
            waiting = nil
            // Back to what is there already.
            guard files != staged else { continue }
            do {
                count += 1
                try directory.write(
                    files.sorted { $0.key < $1.key }.map { StageDirectory.File(name: $0.key, content: $0.value) },
                    stamp: "\(Clock.stamp()).\(count)")
                staged = files
                for source in sources { await link.send(.staged(source: source, revision: revision)) }
            } catch {
                await link.log(
                    LogRecord(
                        .error, "stage_failed", "cannot lay \(sources.joined(separator: ", ")) on the stage: \(error)",
                        [.text("source", sources.first ?? "")]))
                if waiting == nil { waiting = (files, revision) }
                try? await Task.sleep(for: .seconds(1))
            }
            await Task.yield()
        }
        isWriting = false
    }
}
