import BatonCore
import BatonLinux
import TestSupport
import Testing

@testable import BatonWatch

/// What is decided about a source's strategy, without inotify and without a file.

@Suite(.serialized) struct RecoveryTests {
    @Test func whatIsPolledForWantOfInotifyIsWatchedAgainOnceItCanBe() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("app.yaml")
        writeFile(path, "one")
        let watcher = Watcher(
            paths: [path], mounts: Mounts(),
            configuration: .init(strategy: .auto, pollInterval: .milliseconds(20), auditInterval: .zero, phaseSeed: 1))
        let source = watcher.sources[0]
        watcher.sightings.degrade(source, Clock.now(), "cannot create an inotify instance: (EMFILE)")
        #expect(source.watch.strategy.current == .poll)
        let retryAt = try #require(source.watch.strategy.retryAt)
        let seen = watcher.sightings.tick(at: retryAt)
        #expect(source.watch.strategy.current == .inotify && !source.watch.watches.isEmpty)
        #expect(Self.events(seen).contains(.sourceRecovered))
    }

    private static func events(_ sightings: [Sighting]) -> [LogEvent] {
        sightings.compactMap { if case .log(let record) = $0 { record.event } else { nil } }
    }
}
