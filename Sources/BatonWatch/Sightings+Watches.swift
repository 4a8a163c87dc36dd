import BatonCore
import BatonLinux
import Glibc

// Placing inotify's watches, and taking them away.
extension Sightings {
    /// Puts watches on everything on the source's way. On failure the source is polled.
    func arm(_ source: WatchedSource, _ now: Instant) {
        if source.classification.kind == .missing {
            source.classification = Classification.of(source.path, configuration.strategy, mounts.table)
            source.watch.strategy.learn(source.classification)
            if source.isRemote { return degrade(source, now, source.classification.reason) }
        }
        source.knownTrace = nil
        do {
            // The path may change between the trace and the watch: trace again until both agree.
            for _ in 0..<4 {
                let trace = PathTrace(source.path, mounts.table)
                try place(try WatchPlan(trace, mounts.table), for: source, now)
                guard PathTrace(source.path, mounts.table) == trace else { continue }
                source.knownTrace = trace.followsNoLink ? trace : nil
                return
            }
        } catch {
            disarm(source)
            if source.watch.strategy.current == .inotify { degrade(source, now, advice(error)) }
        }
    }

    /// What leads to a file without links needs no tracing as long as a file is at its end.
    /// - Returns: false where that is not so, or no longer.
    func armKnownTrace(_ source: WatchedSource, _ now: Instant) -> Bool {
        guard let trace = source.knownTrace, case .file(let file) = trace.end,
            (try? FileStatus.ofLink(file.text))?.kind == .file,
            let plan = try? WatchPlan(trace, mounts.table), (try? place(plan, for: source, now)) != nil
        else { return false }
        return source.watch.watches.count == plan.watches.count
    }

    func disarm(_ source: WatchedSource) {
        let old = source.watch.watches
        source.watch.watches = [:]
        source.knownTrace = nil
        source.watch.strategy.clearNotice()
        for number in old.keys { release(number, source) }
    }

    private func place(_ plan: WatchPlan, for source: WatchedSource, _ now: Instant) throws(LinuxError) {
        let inotify = try instance(now)
        var placed: [Int32: [Path]?] = [:]
        for watch in plan.watches {
            let number: Int32
            do {
                // Another source may have a watch on the same inode, which is to stay.
                number = try inotify.add(watch.path.text, watch.mask.union(.addToMask))
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
        let old = source.watch.watches
        source.watch.watches = placed
        for number in old.keys where placed.index(forKey: number) == nil { release(number, source) }
    }

    private func release(_ number: Int32, _ source: WatchedSource) {
        owners[number]?.remove(source.index)
        guard owners[number]?.isEmpty == true else { return }
        owners[number] = nil
        inotify?.remove(number)
    }

    private func instance(_ now: Instant) throws(LinuxError) -> Inotify {
        if let inotify { return inotify }
        if let inotifyFailure, inotifyFailure.at == now { throw inotifyFailure.error }
        do throws(LinuxError) {
            let created = try Inotify()
            inotify = created
            see(.opened(.inotify(descriptor: created.number)))
            return created
        } catch {
            inotifyFailure = (now, error)
            throw error
        }
    }

    private func advice(_ error: LinuxError) -> String {
        switch error.errno {
        case ENOSPC: "\(error); raise fs.inotify.max_user_watches"
        case EMFILE: "\(error); raise fs.inotify.max_user_instances"
        default: error.description
        }
    }
}
