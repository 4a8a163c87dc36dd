import Simulation
import Testing

@testable import BatonCore

/// What the app starts with, where a run before has left something on the stage.
@Suite struct FirstSnapshotStoryTests {
    /// A run before has proven content 1 as its snapshot, and perhaps one before it.
    private func story(
        _ content: UInt64 = 2, before: UInt64? = nil, held: UInt64? = nil, _ change: (inout Setup) -> Void = { _ in }
    ) -> Story {
        var setup = Setup()
        (setup.hasSources, setup.stages, setup.validates, setup.onChange) = (true, true, true, .restart)
        setup.record.good = .init(name: "good", digest: Story.digest(1))
        setup.record.before = before.map { .init(name: "before", digest: Story.digest($0)) }
        setup.record.held = held.map { Story.digest($0) }
        change(&setup)
        var story = Story()
        story.supervisor = setup.supervisor(seed: 1)
        story.tell(.begin(Story.digest(content)))
        return story
    }

    private func alone() -> Story {
        story { $0.record = StageRecord() }
    }

    @Test func whatTheAppStartsWithIsValidated() {
        var story = story()
        story.tell(.snapshotStaged(2, .whole))
        #expect(story.effects == [.validate(2)] && story.supervisor.phase == .waiting)
        story.tell(.validated(2, .accepted))
        #expect(story.starts == [1] && story.effects.contains(.promote(2)))
        // What a run before had proven is not given away before the new one is.
        #expect(!story.effects.contains(.dropSnapshot(1)))
    }

    @Test func whereItIsRejectedTheLastGoodOneIsStartedWith() {
        var story = story()
        story.tell(.snapshotStaged(2, .whole), .validated(2, .rejected("line 3")))
        #expect(story.outcomes == [.rejected(reason: "line 3")] && story.starts == [1])
        #expect(story.effects.contains(.promote(1)) && story.effects.contains(.dropSnapshot(2)))
        #expect(story.supervisor.digestInForce == Story.digest(1))
        #expect(story.supervisor.history.entries.last?.outcome == .rejected(reason: "line 3"))
        // The same is not tried again; what mends it is.
        story.getReady(1)
        story.change(to: 2)
        #expect(story.supervisor.move == nil)
        story.change(to: 3)
        #expect(story.effects.contains(.stageSnapshot(3)))
    }

    @Test func withoutALastGoodOneItIsStartedWithAWarning() {
        var story = alone()
        story.tell(.snapshotStaged(1, .whole), .validated(1, .rejected("line 3")))
        #expect(story.starts == [1] && story.effects.contains(.promote(1)))
        #expect(story.messages.contains { $0.contains("line 3") })
    }

    /// A validator may need the running app: that it cannot be run says nothing of the content.
    @Test func noVerdictIsNoRejection() {
        var killed = story()
        killed.tell(.snapshotStaged(2, .whole), .validated(2, .none("the validator exited with code 127")))
        #expect(killed.starts == [1] && killed.effects.contains(.promote(2)))
        var late = story()
        late.tell(.snapshotStaged(2, .whole))
        late.pass(.seconds(10))
        #expect(late.starts == [1] && late.messages.contains { $0.contains("within 10s") })
        late.tell(.validated(2, .rejected("too late")))
        #expect(late.outcomes.isEmpty)
    }

    @Test func itCanBeSwitchedOff() {
        var story = story { $0.validatesStart = false }
        story.tell(.snapshotStaged(2, .whole))
        #expect(story.starts == [1])
    }

    @Test func itIsToldThatTheAppWaitsForIt() {
        var story = story { $0.validateTimeout = .seconds(60) }
        story.tell(.snapshotStaged(2, .whole))
        story.pass(.seconds(11))
        #expect(
            story.messages.contains { $0.hasPrefix("not starting the app yet: its configuration is being validated") })
        #expect(!story.messages.contains { $0.contains("could not be read") })
    }

    @Test func aStopDuringItEndsBaton() {
        var story = story()
        story.tell(.snapshotStaged(2, .whole), .signal(.terminate))
        #expect(story.supervisor.phase == .stopping)
        story.tell(.validated(2, .accepted))
        #expect(story.starts.isEmpty)
    }

    @Test func whatChangesDuringItIsCopiedAnew() {
        var story = story()
        story.tell(.snapshotStaged(2, .whole), .touched(atomic: true), .snapshot(.whole(Story.digest(3))))
        #expect(story.effects.contains(.dropSnapshot(2)) && story.effects.contains(.stageSnapshot(3)))
        story.tell(.validated(2, .rejected("too late")), .snapshotStaged(3, .whole), .validated(3, .accepted))
        #expect(story.starts == [1] && story.supervisor.digestInForce == Story.digest(3))
    }

    // MARK: what is left for the next run

    @Test func whatTheAppLivesWithIsRecorded() {
        var story = story(before: 7)
        story.tell(.snapshotStaged(3, .whole), .validated(3, .accepted))
        story.getReady(1)
        #expect(story.records.isEmpty)
        story.pass(.seconds(3))
        #expect(story.records == [[3, 2, nil]] && story.effects.last == .dropSnapshot(1))
    }

    /// The container is restarted again and again: the last good one is still there.
    @Test func whatTheAppDiesOfIsNot() {
        var story = story()
        story.tell(.snapshotStaged(2, .whole), .validated(2, .accepted))
        story.getReady(1)
        story.pass(.seconds(1))
        story.tell(.exited(1, .exited(3), leftovers: false))
        story.pass(.seconds(5))
        #expect(story.records.isEmpty)
        #expect(!story.effects.contains(.dropSnapshot(1)))
    }

    /// A crash loop: each lives for less than the time of a proof.
    @Test func whoWasReadyForAMomentOnlyDoesNotMakeItGood() {
        var story = story { $0.restart = .always }
        story.tell(.snapshotStaged(2, .whole), .validated(2, .accepted))
        story.getReady(1)
        story.pass(.milliseconds(1500))
        story.tell(.exited(1, .exited(3), leftovers: false))
        while story.starts.isEmpty { story.pass(.milliseconds(10)) }
        story.getReady(2)
        story.pass(.milliseconds(500))
        #expect(story.records.isEmpty)
        story.pass(.seconds(3))
        #expect(story.records == [[2, 1, nil]])
    }

    /// It ends Baton, and nobody has run with it.
    @Test func whatEndsBatonIsNotGoodYet() {
        var story = story(1) { $0.onChange = .exit }
        story.tell(.snapshotStaged(2, .whole), .validated(2, .accepted))
        story.getReady(1)
        story.pass(.seconds(3))
        story.change(to: 5)
        story.tell(.snapshotStaged(3, .whole), .validated(3, .accepted))
        #expect(story.outcomes == [.applied(.exit, .none)] && story.records.isEmpty)
    }

    @Test func theSameContentLeavesWhatCanBeGoneBackTo() {
        var story = story(1, before: 7)
        story.tell(.snapshotStaged(3, .whole), .validated(3, .accepted))
        story.getReady(1)
        story.pass(.seconds(3))
        #expect(story.records == [[3, 1, nil]])
        #expect(story.effects.contains(.dropSnapshot(2)))
    }

    @Test func whatTheAppHasFailedWithIsNotTriedAgainByTheNextRun() {
        var story = story(1)
        story.tell(.snapshotStaged(2, .whole), .validated(2, .accepted))
        story.getReady(1)
        story.pass(.seconds(3))
        story.change(to: 5)
        story.tell(.snapshotStaged(3, .whole), .validated(3, .accepted), .exited(1, .exited(0), leftovers: false))
        story.tell(.launched(2), .exited(2, .exited(3), leftovers: false))
        #expect(story.outcomes.map(\.name) == ["rolled_back"])
        #expect(story.records == [[2, nil, 5]])
        // The next run.
        var next = self.story(5, held: 5)
        #expect(next.starts == [1] && next.effects.contains(.promote(1)))
        #expect(next.messages.contains { $0.contains("the last good configuration") })
        next.getReady(1)
        next.change(to: 6)
        #expect(next.effects.contains(.stageSnapshot(2)))
        // What it started with is good and recorded: the next failure is remembered at once.
        next.tell(.snapshotStaged(2, .whole), .validated(2, .accepted), .exited(1, .exited(0), leftovers: false))
        next.tell(.launched(2), .exited(2, .exited(3), leftovers: false))
        #expect(next.records == [[1, nil, 6]])
    }

    /// The change came before the first snapshot was proven, and its end is not the end of that proof.
    @Test func aFailureSoonAfterTheStartIsRecordedToo() {
        var story = Story.steered {
            $0.stages = true
            $0.probation = .seconds(10)
        }
        story.tell(.snapshotStaged(1, .whole))
        story.getReady(1)
        story.pass(.seconds(1))
        story.change(to: 5)
        story.tell(.snapshotStaged(2, .whole))
        story.getReady(2)
        story.pass(.seconds(4))
        story.tell(.exited(2, .exited(3), leftovers: false))
        #expect(story.outcomes.map(\.name) == ["rolled_back"])
        story.pass(.seconds(4))
        #expect(story.records.last == [1, nil, 5])
    }

    @Test func theRecordIsReadBack() {
        var record = StageRecord()
        record.good = .init(name: "..2026_11_27_10_00_00.1.2.3", digest: Digest(1, 2, 3, .max))
        record.held = Digest(0, 0, 0, 1)
        record.salt = .max
        #expect(StageRecord(text: record.text) == record)
        record.before = .init(name: "..2026_11_27_09_00_00.1.2.3", digest: Digest(4, 5, 6, 7))
        #expect(StageRecord(text: record.text) == record)
    }

    @Test(arguments: [
        "", "good", "good x", "good x y", "good ..2026 \(String(repeating: "+", count: 64))", "held 12", "salt -1",
        "salt x",
        "good a b c d\nheld\n\n \n",
    ])
    func whatCannotBeUnderstoodIsLeftOut(_ text: String) {
        #expect(StageRecord(text: text) == StageRecord())
    }
}
