import Simulation
import Testing

@testable import BatonCore

/// What the supervisor remembers and tells of itself.
@Suite struct StatusTests {
    private func serving(_ change: (inout Setup) -> Void = { _ in }) -> Story {
        var story = Story.steered(change)
        story.getReady(1)
        return story
    }

    private func status(_ story: Story) -> [StatusRecord] {
        let wall = { (instant: Instant) in instant.nanoseconds / 1_000_000 }
        return [story.supervisor.overview(wall: wall)] + story.supervisor.status(at: story.now, wall: wall)
    }

    private func counter(_ name: String, _ outcome: String? = nil, _ story: Story) -> Int64? {
        status(story).first { $0.text("name") == name && $0.text("outcome") == outcome }?.number("value")
    }

    @Test func everyStepOfAChangeHasItsTime() {
        var story = serving {
            $0.stages = true
            $0.validates = true
            $0.splay = .seconds(4)
            $0.steers = true
            $0.slowStart = .seconds(10)
            $0.probation = .seconds(30)
        }
        story.tell(.snapshotStaged(1, .whole), .validated(1, .accepted))
        story.getReady(1)
        story.tell(.pauseAsked, .touched(atomic: false))
        story.pass(.milliseconds(100))
        story.tell(.snapshot(.whole(Story.digest(2))))
        story.pass(.milliseconds(30))
        story.tell(.snapshotStaged(2, .whole))
        story.pass(.milliseconds(500))
        story.tell(.validated(2, .accepted))
        #expect(story.supervisor.overview { $0.nanoseconds }.text("step") == "pause")
        story.pass(.milliseconds(200))
        story.tell(.resumeAsked)
        while story.starts.isEmpty { story.pass(.milliseconds(1)) }
        story.pass(.milliseconds(70))
        story.getReady(2)
        story.pass(.seconds(5))
        #expect(story.supervisor.overview { $0.nanoseconds }.text("step") == "slow_start")
        let roles = status(story).filter { $0.kind == .generation }.map { $0.text("role") }
        #expect(roles == ["48 % of new connections", "in slow start, 52 % of new connections"])
        let bar = story.supervisor.progress(at: story.now)
        #expect(bar?.hasSuffix("generation 2 in slow start, 52 % of new connections, 25s left") == true)
        story.pass(.seconds(25))
        story.tell(.connections(1, .init(queued: 0, open: 0, idle: 0)))
        story.pass(.seconds(2))
        story.tell(.exited(1, .exited(0), leftovers: false))
        let entry = story.supervisor.history.entries[0]
        #expect(entry.outcome == .applied(.handover, .alive) && entry.generation == 2)
        #expect(entry.steps[.settle] == .milliseconds(100))
        #expect(entry.steps[.stage] == .milliseconds(30))
        #expect(entry.steps[.validate] == .milliseconds(500) && entry.steps[.pause] == .milliseconds(200))
        // It had begun within the last millisecond before.
        let apply = entry.steps[.apply] ?? .zero
        #expect(apply >= .milliseconds(70) && apply <= .milliseconds(71))
        #expect(entry.steps[.slowStart] == .seconds(10) && entry.steps[.probation] == .seconds(20))
        #expect(entry.steps[.drain] == .seconds(2))
        #expect((entry.steps[.splay] ?? .zero) <= .seconds(4))
        #expect(History.Step.allCases.allSatisfy { story.supervisor.history.durations[$0]?.count == 1 })
    }

    @Test func theNewestContentThatIsNotInUseIsTold() {
        func unused(_ story: Story) -> [String?] {
            let overview = story.supervisor.overview { $0.nanoseconds }
            return [overview.text("newest_digest"), overview.text("newest_outcome")]
                + [overview.number("newest_change").map(String.init)]
        }
        let nothing: [String?] = [nil, nil, nil]
        var story = serving {
            $0.stages = true; $0.validates = true
        }
        story.tell(.snapshotStaged(1, .whole), .validated(1, .accepted))
        story.getReady(1)
        #expect(unused(story) == nothing)
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole))
        #expect(unused(story) == nothing)
        story.tell(.validated(2, .rejected("no")))
        #expect(unused(story) == [Story.digest(2).description, "rejected", "1"])
        // Mended on the disk, without a further change.
        story.change(to: 1)
        #expect(unused(story) == nothing)

        var bad = serving { $0.steers = true }
        bad.change(to: 2)
        bad.tell(.launched(2), .exited(2, .exited(1), leftovers: false))
        #expect(unused(bad) == [Story.digest(2).description, "rolled_back", "1"])
        bad.change(to: 3)
        #expect(unused(bad) == nothing)
        bad.getReady(2)
        #expect(unused(bad) == nothing)
    }

    @Test func onlyTheLastChangesAreKeptAndAllAreCounted() {
        var story = serving { $0.onChange = .none }
        for number in 1...UInt64(History.limit + 30) { story.change(to: number + 1) }
        let entries = story.supervisor.history.entries
        #expect(entries.count == History.limit && entries.last?.change.number.value == History.limit + 30)
        #expect(counter("config_changes_total", "applied", story) == Int64(History.limit + 30))
        #expect(story.supervisor.historyRecords { _ in 0 }.count == History.limit)
    }

    @Test func outcomesAndCrashesAreCounted() {
        var story = serving { $0.restart = .always }
        story.change(to: 2)
        story.change(to: 3)
        story.tell(.launched(2), .exited(2, .exited(1), leftovers: false), .exited(3, .exited(1), leftovers: false))
        #expect(counter("config_changes_total", "superseded", story) == 1)
        #expect(counter("config_changes_total", "rolled_back", story) == 1)
        story.tell(.exited(1, .signalled(11), leftovers: false))
        #expect(counter("app_crashes_total", nil, story) == 1)
        story.pass(.seconds(1))
        #expect(counter("generations_started_total", nil, story) == 4)
    }

    @Test func whatIsCutIsCounted() {
        var story = serving { $0.drainTimeout = .seconds(10) }
        story.change(to: 2)
        story.getReady(2)
        story.tell(.connections(1, .init(queued: 1, open: 4, idle: 3)))
        story.pass(.seconds(11))
        #expect(story.sent(.kill, to: 1) && counter("drain_cut_connections_total", nil, story) == 5)
    }

    @Test func readyIsForWhoeverSendsRequests() {
        var story = Story()
        #expect(!story.supervisor.isReady)
        story.getReady(1)
        #expect(story.supervisor.isReady && status(story)[0].number("ready") == 1)
        story.tell(.signal(.terminate))
        #expect(!story.supervisor.isReady && status(story)[0].text("phase") == "stopping")
    }

    @Test func aReloadThatIsAskedForIsAppliedThoughNothingHasChanged() {
        var story = serving()
        story.tell(.reloadAsked, .snapshot(.whole(Story.digest(1))))
        #expect(story.starts == [2])
        story.getReady(2)
        #expect(story.outcomes == [.applied(.handover, .alive)])
        #expect(story.supervisor.historyRecords { _ in 0 }.last?.number("manual") == 1)
    }

    @Test func recordsCrossASocketAsTheyWere() {
        var story = serving()
        story.change(to: 2)
        for record in status(story) + story.supervisor.historyRecords(wall: { _ in 7 }) {
            let line = Array(record.line.utf8.dropLast())
            #expect(!line.contains(UInt8(ascii: "\n")) && line.count < StatusRecord.lineLimit)
            let copy = StatusRecord(line: line)
            #expect(copy?.kind == record.kind && Set(copy?.fields ?? []) == Set(record.fields))
        }
        #expect(StatusRecord(line: Array("{\"type\":\"nothing\"}".utf8)) == nil)
        #expect(StatusRecord(line: Array("{}".utf8)) == nil)
    }
}
