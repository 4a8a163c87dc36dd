public import BatonCore
import BatonLinux

extension Watcher {
    /// What is told of each source.
    /// - Parameter names: one for each, in their order.
    /// - Parameter wall: a moment on the wall clock, in milliseconds since 1970.
    public func status(names: [String], wall: (Instant) -> Int64) -> [StatusRecord] {
        zip(sources, names).map { source, name in
            var record = StatusRecord(
                .source,
                [
                    .text("source", name), .text("kind", source.classification.kind.rawValue),
                    .text("strategy", source.watch.strategy.current.rawValue),
                    .text("reason", source.watch.degradation ?? source.classification.reason),
                ])
            if source.path != Path(name) { record.add(.text("path", source.path.text)) }
            if let changedAt = source.content.changedAt { record.add(.number("changed_at", wall(changedAt))) }
            if let touchedAt = source.touchedInVainAt { record.add(.number("touched_at", wall(touchedAt))) }
            if let degradation = source.watch.degradation { record.add(.text("degraded", degradation)) }
            if let checkedAt = source.checkedAt { record.add(.number("checked_at", wall(checkedAt))) }
            if let problem = source.problem { record.add(.text("problem", problem)) }
            if source.watch.isSuperseded {
                record.add(.text("problem", "its mount still shows a file that was replaced"))
            }
            return record
        }
    }
}
