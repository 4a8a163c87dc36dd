public import BatonCore
import BatonLinux

// What inotify tells.
extension Sightings {
    /// Of reads in one round, so that a writer who never rests cannot keep PID 1 here.
    private static let readLimit = 16

    /// To be called when inotify's descriptor can be read.
    public func inotifyReadable(at now: Instant) -> [Sighting] {
        readInotify(now)
        return takeSeen()
    }

    func readInotify(_ now: Instant) {
        guard let inotify else { return }
        var lostEvents = false
        for _ in 0..<Sightings.readLimit {
            let hasMore = (try? inotify.read { event in note(event, &lostEvents) }) ?? false
            if !hasMore { break }
        }
        if lostEvents { suspectAll() }
        refreshMountsIfPinned()
        for source in sources {
            guard let finding = source.watch.finding else { continue }
            source.watch.finding = nil
            conclude(source, finding, now)
        }
    }

    private func note(_ event: Inotify.Event, _ lostEvents: inout Bool) {
        if event.mask.contains(.overflow) {
            lostEvents = true
            return
        }
        guard let interested = owners[event.watch] else { return }
        for index in interested where sources.indices.contains(index) { note(event, sources[index]) }
        if event.mask.contains(.ignored) {
            owners[event.watch] = nil
            for index in interested { sources[index].watch.watches.removeValue(forKey: event.watch) }
        }
    }

    private func note(_ event: Inotify.Event, _ source: WatchedSource) {
        guard let names = source.watch.watches[event.watch] else { return }
        if !event.name.isEmpty {
            if let names, !names.contains(event.name) { return }
            if names == nil, EditorFiles.isTemporary(event.name) { return }
        }
        // In a directory where every name matters a first `..data` makes a volume of it, which is to be watched as one.
        let isSwap = names != nil && event.name == "..data" && event.mask.contains(.movedTo)
        var finding = source.watch.finding ?? WatchedSource.Finding()
        finding.isAtomic = finding.isAtomic && isAtomic(event, source)
        finding.isSwap = finding.isSwap && isSwap
        source.watch.finding = finding
    }

    /// Whole in one step: kubelet's swap, and a file or link that is moved over another. In a directory of files the
    /// one that was moved may be the first of many.
    private func isAtomic(_ event: Inotify.Event, _ source: WatchedSource) -> Bool {
        if event.name == "..data" { return event.mask.contains(.movedTo) }
        // What happens to the watched thing itself its directory's watch tells better, but for a write through another
        // name of the same file.
        if event.name.isEmpty {
            return source.classification.kind != .kubeletVolume && event.mask.isDisjoint(with: [.modify, .closeWrite])
        }
        guard source.classification.kind != .directory else { return false }
        return event.mask.contains(.movedTo)
    }

    private func suspectAll() {
        log(LogRecord(.inotifyOverflow, "inotify lost events: polling every source now"))
        for source in sources where !source.watch.watches.isEmpty {
            source.watch.finding = .init(isAtomic: false, isSwap: false)
        }
    }

    private func refreshMountsIfPinned() {
        let isPinned = sources.contains {
            $0.watch.finding != nil && $0.classification.pinningMount != nil && !$0.watch.isSuperseded
        }
        if isPinned { mounts.refresh() }
    }

    private func conclude(_ source: WatchedSource, _ finding: WatchedSource.Finding, _ now: Instant) {
        source.watch.strategy.clearNotice()
        let staysArmed =
            finding.isSwap && !source.watch.watches.isEmpty && source.classification.kind != .missing
        if !staysArmed, source.watch.strategy.usesInotify, !armKnownTrace(source, now) { arm(source, now) }
        checkSuperseded(source)
        touch(source, atomic: finding.isAtomic, now)
    }
}
