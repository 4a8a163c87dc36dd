public import BatonCore
import BatonLinux

extension Sightings {
    /// From now on what lay on this mount is read where the agent lays it.
    /// - Parameter directory: laid out as kubelet does it.
    public func takeOver(_ mount: SubpathMount, from directory: String, at now: Instant) -> [Sighting] {
        let point = Path(mount.point)
        let pinned = sources.filter { $0.classification.pinningMount == point }
        if !pinned.isEmpty { mounts.refresh() }
        for source in pinned {
            let below: String?
            switch PathTrace(source.path, mounts.table).end {
            case .directory(let real): below = real.relative(to: point)
            case .file(let real) where real != point: below = real.relative(to: point)
            case .file, .other, .missing, .blind, .unreadable: below = mount.fileName
            }
            move(source, to: Path(directory).appending(below ?? ""), now)
        }
        return takeSeen()
    }

    private func move(_ source: WatchedSource, to path: Path, _ now: Instant) {
        let before = source.path
        disarm(source)
        source.move(to: path, configuration, mounts.table)
        if source.watch.strategy.current == .inotify { arm(source, now) }
        source.watch.strategy.begin(at: now)
        log(
            LogRecord(
                .sourceSwitchedToAPI, "reading \(before) from the API from now on, at \(path)",
                [.text("source", before.text), .text("strategy", "api")]))
        touch(source, atomic: true, now)
    }
}
