import BatonCore
import BatonLinux
import Glibc
import TestSupport

@testable import BatonWatch

/// A watcher, and the little loop that Baton's own is for it.
final class WatchStand {
    let watcher: Watcher
    private(set) var touches = 0
    private(set) var superseded: [String] = []
    private(set) var records: [LogRecord] = []
    private(set) var digest: Digest?
    private(set) var tornReadings = 0
    private var inotify: Int32?
    private var helpers: [Int: Int32] = [:]

    init(
        _ paths: [String], _ strategy: StrategyChoice, poll: Interval = .milliseconds(20), audit: Interval = .zero
    ) throws {
        watcher = Watcher(
            paths: paths, mounts: Mounts(),
            configuration: .init(strategy: strategy, pollInterval: poll, auditInterval: audit, phaseSeed: 1))
        take(watcher.sightings.start(at: Clock.now()))
        try waitUntil("the first snapshot") {
            pump()
            read()
            return digest != nil
        }
    }

    private func take(_ sightings: [Sighting]) {
        for sighting in sightings {
            switch sighting {
            case .touched: touches += 1
            case .mountSuperseded(let path): superseded.append(path)
            case .log(let record): records.append(record)
            case .opened(.inotify(let descriptor)): inotify = descriptor
            case .opened(.helper(let index, let descriptor)): helpers[index] = descriptor
            }
        }
    }

    /// One round of the loop.
    func pump() {
        var pollers = ([inotify].compactMap(\.self) + helpers.values).map {
            pollfd(fd: $0, events: Int16(POLLIN), revents: 0)
        }
        poll(&pollers, nfds_t(pollers.count), 2)
        take(watcher.sightings.inotifyReadable(at: Clock.now()))
        for index in helpers.keys {
            guard let sightings = watcher.sightings.helperAnswered(index, at: Clock.now()) else { continue }
            helpers[index] = nil
            take(sightings)
        }
        take(watcher.sightings.tick(at: Clock.now()))
        while case .ended = Reaper.next() {}
    }

    func read() {
        let (result, read) = watcher.reader.read(at: Clock.now())
        records += read
        switch result {
        case .whole(let digest): self.digest = digest
        case .torn: tornReadings += 1
        case nil: break
        }
    }

    func takeOver(_ mount: SubpathMount, from directory: String) {
        take(watcher.sightings.takeOver(mount, from: directory, at: Clock.now()))
    }

    /// Pumps until a touch has led to another digest.
    func waitForChange(_ what: String) throws {
        let before = digest
        try waitUntil("a change by \(what)") {
            let touched = touches
            pump()
            if touches > touched { read() }
            return digest != before
        }
    }

    func strategy(_ index: Int) -> StrategyInUse { watcher.sources[index].watch.strategy }

    func logged(_ event: LogEvent) -> Bool { records.contains { $0.event == event } }
}
