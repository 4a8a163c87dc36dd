public import BatonCore
import BatonLinux

// Sources on file systems that may hang, which helpers poll.
extension Sightings {
    /// How long a helper may take before it is killed.
    private static let helperTimeout: Interval = .seconds(15)

    func startHelper(_ source: WatchedSource, _ now: Instant) {
        do {
            let helper = try PollHelper(
                source.path, known: source.content.identity, deadline: now + Sightings.helperTimeout)
            source.watch.helper = helper
            see(.opened(.helper(index: source.index, descriptor: helper.process.descriptor)))
        } catch {
            log(source.complain(error.description))
        }
    }

    func killLateHelper(_ source: WatchedSource, _ now: Instant) {
        guard let process = source.watch.helper?.process, !process.isKilled, process.deadline <= now else { return }
        process.kill()
        log(
            source.complain(
                "a poll did not finish within \(Sightings.helperTimeout); the last good snapshot stays in force"))
    }

    /// The helper has read the source as well: what it brings is taken at once, and told where it is another content.
    /// - Returns: nil while the answer is not complete.
    public func helperAnswered(_ index: Int, at now: Instant) -> [Sighting]? {
        guard sources.indices.contains(index) else { return [] }
        let source = sources[index]
        guard let helper = source.watch.helper, let answer = helper.receive() else { return nil }
        source.watch.helper = nil
        if case .reading(let reading) = answer, !helper.process.isKilled {
            let before = source.content.digest
            source.watch.polledAt = now
            log(source.take(reading, at: now))
            if source.content.digest != before { see(.touched(atomic: true)) }
        }
        return takeSeen()
    }

    /// Of a helper that has not answered yet; nil where there is none.
    public func helperDescriptor(_ index: Int) -> Int32? {
        sources.indices.contains(index) ? sources[index].watch.helper?.process.descriptor : nil
    }

    /// Its answer cannot be waited for: the source is polled again in its time.
    public func dropHelper(_ index: Int) {
        guard sources.indices.contains(index) else { return }
        sources[index].watch.helper?.process.kill()
        sources[index].watch.helper = nil
    }

    public var helperProcesses: [ProcessID] { sources.compactMap { $0.watch.helper?.process.pid } }

    /// Nobody waits for them any more.
    public func endHelpers() { for source in sources { source.watch.helper?.process.kill() } }
}
