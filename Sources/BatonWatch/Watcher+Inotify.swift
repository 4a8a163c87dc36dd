import BatonCore
import BatonLinux
import Glibc

extension Watcher {
    /// In a kubelet volume only the swap of `..data` matters, and the link of a key that is new. And what kubelet makes before a swap:
    /// it says nothing yet, but Baton is awake by then.
    private static let volumeMask: Inotify.Mask = [.movedTo, .create, .deleteSelf, .moveSelf, .onlyDirectory]
    private static let directoryMask: Inotify.Mask = [
        .modify, .closeWrite, .attrib, .movedFrom, .movedTo, .create, .delete, .deleteSelf, .moveSelf, .onlyDirectory,
    ]
    private static let fileMask: Inotify.Mask = [.modify, .closeWrite, .attrib, .deleteSelf, .moveSelf]
    /// Adds to a watch that another source has on the same inode.
    private static let addToMask = Inotify.Mask(rawValue: 0x2000_0000)
    private static let directoryLimit = 8192

    // MARK: arming

    /// Puts watches on everything on the source's way. On failure the source is polled.
    func arm(_ source: WatchedSource, _ now: Instant) {
        if source.classification.kind == .missing {
            source.classification = Classification.of(source.path, configuration.strategy, mounts)
            if source.isRemote { return degrade(source, now, source.classification.reason) }
        }
        source.straightWay = nil
        do {
            // The path may change between the trace and the watch: trace again until both agree.
            for _ in 0..<4 {
                let trace = PathTrace(source.path, mounts)
                try place(try watchPlan(trace), for: source)
                guard PathTrace(source.path, mounts) == trace else { continue }
                source.straightWay = trace.isStraight ? trace : nil
                return
            }
        } catch {
            disarm(source)
            if source.strategy == .inotify { degrade(source, now, advice(error)) }
        }
    }

    private struct Watch {
        let path: Path
        let mask: Inotify.Mask
        let names: [Path]?
    }

    private func watchPlan(_ trace: PathTrace) throws(LinuxError) -> [Watch] {
        var plan: [Watch] = []
        for point in trace.points {
            let isVolume = point.directory == trace.volume
            plan.append(
                Watch(
                    path: point.directory, mask: isVolume ? Watcher.volumeMask : Watcher.directoryMask,
                    names: [point.name]))
            // What lies behind ..data never changes where it lies.
            if point.name == "..data" { return plan }
        }
        switch trace.end {
        case .file(let path), .other(let path): plan.append(Watch(path: path, mask: Watcher.fileMask, names: nil))
        case .directory(let path): try addTree(path, to: &plan, depth: 0)
        case .missing, .blind: break
        case .unreadable(let error): throw error
        }
        return plan
    }

    private func addTree(_ directory: Path, to plan: inout [Watch], depth: Int) throws(LinuxError) {
        guard plan.count < Watcher.directoryLimit, depth < SourceScanner.Limits.depth else {
            throw LinuxError("watch every directory below", directory.text, errno: E2BIG)
        }
        if SourceScanner.dataLink(in: directory) != nil {
            return plan.append(Watch(path: directory, mask: Watcher.volumeMask, names: ["..data"]))
        }
        plan.append(Watch(path: directory, mask: Watcher.directoryMask, names: nil))
        for name in try directoryEntries(directory.text, limit: SourceScanner.Limits.files) {
            let full = directory.appending(name)
            switch try? FileStatus.ofLink(full.text).kind {
            case .directory: try addTree(full, to: &plan, depth: depth + 1)
            case .link:
                // A file that a link in the directory leads to may be written where it lies.
                if (try? FileStatus.following(full.text).kind) == .file {
                    plan.append(Watch(path: full, mask: Watcher.fileMask, names: nil))
                }
            case .file, .other, nil: break
            }
        }
    }

    private func place(_ plan: [Watch], for source: WatchedSource) throws(LinuxError) {
        let inotify = try instance()
        var placed: [Int32: [Path]?] = [:]
        for watch in plan {
            let number: Int32
            do {
                number = try inotify.add(watch.path.text, watch.mask.union(Watcher.addToMask))
            } catch  where error.errno == ENOENT || error.errno == ENOTDIR {
                // Gone since the trace; the next trace will differ.
                continue
            }
            if let names = watch.names, let known = placed[number] ?? [] {
                placed[number] = known + names.filter { !known.contains($0) }
            } else {
                placed[number] = .some(nil)
            }
            owners[number, default: []].insert(source.index)
        }
        let old = source.watches
        source.watches = placed
        for number in old.keys where placed.index(forKey: number) == nil { release(number, source) }
    }

    /// The way to a file without links needs no tracing as long as a file is at its end.
    /// - Returns: false where that is not so, or no longer.
    private func armKnownWay(_ source: WatchedSource) -> Bool {
        guard let way = source.straightWay, case .file(let file) = way.end,
            (try? FileStatus.ofLink(file.text))?.kind == .file,
            let plan = try? watchPlan(way), (try? place(plan, for: source)) != nil
        else { return false }
        return source.watches.count == plan.count
    }

    func disarm(_ source: WatchedSource) {
        let old = source.watches
        source.watches = [:]
        source.straightWay = nil
        source.noticeDue = nil
        for number in old.keys { release(number, source) }
    }

    private func release(_ number: Int32, _ source: WatchedSource) {
        owners[number]?.remove(source.index)
        guard owners[number]?.isEmpty == true else { return }
        owners[number] = nil
        inotify?.remove(number)
    }

    private func instance() throws(LinuxError) -> Inotify {
        if let inotify { return inotify }
        let created = try Inotify()
        inotify = created
        return created
    }

    private func advice(_ error: LinuxError) -> String {
        switch error.errno {
        case ENOSPC: "\(error); raise fs.inotify.max_user_watches"
        case EMFILE: "\(error); raise fs.inotify.max_user_instances"
        default: error.description
        }
    }

    // MARK: events

    /// What happened to a source.
    private struct Hit {
        /// Each of it was whole in one step.
        var isAtomic: Bool
        /// All of it was swaps of `..data`, which the watches that lead to them outlast.
        var isSwap: Bool
    }

    func drainInotify(_ now: Instant) {
        guard let inotify else { return }
        drainedAt = now
        var hits = [Hit?](repeating: nil, count: sources.count)
        var overflowed = false
        // Bounded, so that a writer who never rests cannot keep PID 1 here.
        for _ in 0..<16 {
            let hasMore = (try? inotify.read { event in note(event, &hits, &overflowed) }) ?? false
            if !hasMore { break }
        }
        if overflowed {
            report(LogRecord(.warn, "inotify_overflow", "inotify lost events: every source is looked at again"))
            for source in sources where !source.watches.isEmpty {
                hits[source.index] = Hit(isAtomic: false, isSwap: false)
            }
        }
        for (source, hit) in zip(sources, hits) {
            guard let hit else { continue }
            source.noticeDue = nil
            let staysArmed = hit.isSwap && !source.watches.isEmpty && source.classification.kind != .missing
            if !staysArmed, source.strategy == .inotify || besidePoll(source), !armKnownWay(source) { arm(source, now) }
            checkSuperseded(source)
            touch(source, atomic: hit.isAtomic)
        }
    }

    private func note(_ event: Inotify.Event, _ hits: inout [Hit?], _ overflowed: inout Bool) {
        if event.mask.contains(.overflow) {
            overflowed = true
            return
        }
        guard let interested = owners[event.watch] else { return }
        for index in interested where sources.indices.contains(index) {
            let source = sources[index]
            guard let names = source.watches[event.watch] else { continue }
            if !event.name.isEmpty {
                if let names, !names.contains(event.name) { continue }
                if names == nil, EditorFiles.isTemporary(event.name) { continue }
            }
            let before = hits[index] ?? Hit(isAtomic: true, isSwap: true)
            // In a directory where every name matters a first `..data` makes a volume of it, which is to be watched as one.
            let isSwap = names != nil && event.name == "..data" && event.mask.contains(.movedTo)
            hits[index] = Hit(
                isAtomic: before.isAtomic && isAtomic(event, source), isSwap: before.isSwap && isSwap)
        }
        if event.mask.contains(.ignored) {
            owners[event.watch] = nil
            for index in interested { sources[index].watches.removeValue(forKey: event.watch) }
        }
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
}
