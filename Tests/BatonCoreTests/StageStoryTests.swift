import Simulation
import Testing

@testable import BatonCore

/// Snapshots on the stage: copied, checked, put in force, taken back.
@Suite struct StageStoryTests {
    private func serving(_ change: (inout Setup) -> Void = { _ in }) -> Story {
        var story = Story.steered {
            $0.stages = true
            change(&$0)
        }
        #expect(story.effects == [.stageSnapshot(1)])
        story.tell(.snapshotStaged(1, .whole), .validated(1, .accepted))
        #expect(story.effects.contains(.promote(1)) && story.starts == [1])
        story.getReady(1)
        return story
    }

    private func orders(_ story: Story) -> [Supervisor.Effect] {
        story.effects.filter { if case .log = $0 { false } else if case .changeEnded = $0 { false } else { true } }
    }

    // MARK: the first one

    private func waiting(_ digest: Digest? = Story.digest(1)) -> Story {
        var setup = Setup()
        (setup.hasSources, setup.stages) = (true, true)
        var story = Story()
        story.supervisor = setup.supervisor(seed: 1)
        story.tell(.begin(digest))
        return story
    }

    @Test func whatChangesBetweenTheFirstReadingAndItsCopyIsReadAgain() {
        var story = waiting()
        #expect(story.effects.contains(.stageSnapshot(1)))
        story.tell(.snapshotStaged(1, .torn("/etc/app moved")))
        #expect(orders(story) == [.dropSnapshot(1)])
        story.pass(.seconds(1))
        #expect(story.effects.contains(.readSnapshot))
        story.tell(.snapshot(.whole(Story.digest(2))))
        #expect(orders(story) == [.stageSnapshot(2)])
        story.tell(.snapshotStaged(2, .whole))
        #expect(orders(story) == [.promote(2), .start(1)])
        #expect(story.supervisor.digestInForce == Story.digest(2))
    }

    @Test func theAppIsNotStartedOnAnEmptyStage() {
        var story = waiting(nil)
        #expect(story.effects == [.readSnapshot])
        for _ in 0..<5 {
            story.tell(.snapshot(.torn("/etc/app moved")))
            story.pass(.seconds(1))
        }
        #expect(story.starts.isEmpty && story.effects.contains(.readSnapshot))
        story.tell(.snapshot(.whole(Story.digest(1))), .snapshotStaged(1, .whole))
        #expect(story.starts == [1] && story.effects.contains(.promote(1)))
    }

    @Test func whatIsTouchedOrAskedForBeforeTheStartIsWhatTheAppStartsWith() {
        for event in [Supervisor.Event.touched(atomic: true), .reloadAsked] {
            var story = waiting()
            story.tell(event)
            #expect(story.effects.contains(.readSnapshot))
            story.tell(.snapshot(.whole(Story.digest(2))))
            #expect(orders(story) == [.dropSnapshot(1), .stageSnapshot(2)])
            // The one that was under way has come too late.
            story.tell(.snapshotStaged(1, .whole))
            #expect(story.effects.isEmpty)
            story.tell(.snapshotStaged(2, .whole))
            #expect(story.starts == [1] && story.supervisor.lastSeen == Story.digest(2))
        }
    }

    @Test func aStartThatWaitsIsTold() {
        var story = waiting(nil)
        story.tell(.snapshot(.torn("/etc/app/log moved")))
        story.pass(.seconds(10))
        #expect(
            story.messages.contains { $0.contains("not starting the app yet") && $0.contains("/etc/app/log moved") })
        story.tell(.signal(.terminate))
        #expect(story.supervisor.phase == .stopping)
    }

    @Test func aSnapshotIsInForceBeforeTheGenerationThatReadsItStarts() {
        var story = serving()
        story.change(to: 2)
        #expect(story.starts.isEmpty && story.effects.contains(.stageSnapshot(2)))
        story.tell(.snapshotStaged(2, .whole))
        #expect(orders(story) == [.promote(2), .start(2)])
        story.getReady(2)
        // Only now is the one before not what is gone back to.
        #expect(story.records == [[2, 1, nil]])
        #expect(story.outcomes == [.applied(.handover, .alive)])
    }

    @Test func whatIsRefusedIsNeverInForceAndNotTriedAgain() {
        var story = serving { $0.validates = true }
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole))
        #expect(story.effects.contains(.validate(2)))
        story.tell(.validated(2, .rejected("line 3")))
        #expect(story.outcomes == [.rejected(reason: "line 3")] && story.effects.contains(.dropSnapshot(2)))
        #expect(!story.effects.contains(.promote(2)) && story.supervisor.digestInForce == Story.digest(1))
        story.change(to: 2)
        #expect(story.messages.contains { $0.contains("the content is the same") })
        // A crash restart has what was in force.
        story.change(to: 3)
        story.tell(.snapshotStaged(3, .whole), .validated(3, .accepted))
        #expect(orders(story).contains(.promote(3)))
    }

    @Test func aValidatorThatDoesNotEndHasRefused() {
        var story = serving { $0.validates = true }
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole))
        story.pass(.seconds(11))
        #expect(story.outcomes == [.rejected(reason: "the validator did not finish within 10s")])
        story.tell(.validated(2, .accepted))
        #expect(!story.effects.contains(.promote(2)))
    }

    @Test func aNewerChangeEndsTheCopyOfTheOneBefore() {
        var story = serving()
        story.change(to: 2)
        story.change(to: 3)
        #expect(story.outcomes == [.superseded] && orders(story).suffix(2) == [.dropSnapshot(2), .stageSnapshot(3)])
        story.tell(.snapshotStaged(2, .whole))
        #expect(story.effects.isEmpty)
    }

    @Test func aTornCopyIsMadeAgain() {
        var story = serving()
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .torn("it moved")))
        story.pass(.seconds(1))
        #expect(orders(story) == [.dropSnapshot(2), .stageSnapshot(3)])
    }

    @Test func aGenerationThatFailsTakesItsSnapshotWithIt() {
        var story = serving()
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole), .launched(2), .exited(2, .exited(1), leftovers: false))
        #expect(orders(story).suffix(2) == [.promote(1), .dropSnapshot(2)])
        #expect(story.supervisor.serving?.number == 1)
    }

    @Test func whereNothingIsDoneOnAChangeTheStageFollowsTheWayBackToo() {
        var story = serving { $0.onChange = .none }
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole))
        #expect(story.outcomes == [.applied(.none, .none)] && story.effects.contains(.promote(2)))
        // To what the app was started with.
        story.change(to: 1)
        story.tell(.snapshotStaged(3, .whole))
        #expect(story.outcomes == [.applied(.none, .none)] && story.effects.contains(.promote(3)))
    }

    @Test func whatACrashRestartHasReadAndTheStageHasGivenUpIsLaidThereAgain() {
        var story = serving {
            $0.splay = .seconds(60); $0.restart = .always; $0.validates = true
        }
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole), .validated(2, .accepted))
        // While the change waits for its turn the app crashes: what is started then reads it already.
        story.tell(.exited(1, .exited(1), leftovers: false))
        story.pass(.seconds(1))
        #expect(story.starts == [2])
        story.change(to: 3)
        #expect(story.outcomes == [.superseded] && story.effects.contains(.promote(1)))
        story.getReady(2)
        story.change(to: 2)
        #expect(story.effects.contains { if case .stageSnapshot = $0 { true } else { false } })
    }

    // MARK: a switch that fails

    @Test func whatCannotBePutInForceIsRejected() {
        var story = serving()
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole))
        #expect(story.starts == [2])
        story.tell(.promotionFailed(2, "read-only"))
        #expect(story.outcomes == [.rejected(reason: "cannot switch the stage to it: read-only")])
        #expect(story.sent(.terminate, to: 2) && story.effects.contains(.dropSnapshot(2)))
        #expect(story.supervisor.serving?.number == 1 && story.supervisor.digestInForce == Story.digest(1))
        story.change(to: 2)
        #expect(story.supervisor.move == nil)
    }

    @Test func whoWasToldOfWhatIsNotInForceHasReadTheOld() {
        var story = serving { $0.onChange = .reload }
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole), .disposition(1, .caught))
        #expect(story.supervisor.proving != nil)
        story.tell(.promotionFailed(2, "read-only"))
        #expect(story.outcomes.map(\.name) == ["rejected"] && story.supervisor.digestInForce == Story.digest(1))
        story.pass(.seconds(10))
        #expect(story.starts.isEmpty && !story.sent(.terminate, to: 1))
    }

    // MARK: probation

    private func proving() -> Story {
        var story = serving { $0.probation = .seconds(30) }
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole), .launched(2), .scanned(2, .yes))
        #expect(story.outcomes.isEmpty && story.effects.contains(.steer(2)))
        #expect(story.supervisor.generations.map(\.kind) == [.ready, .ready])
        return story
    }

    @Test func afterProbationTheOldOneGoes() {
        var story = proving()
        story.pass(.seconds(31))
        #expect(story.outcomes == [.applied(.handover, .alive)])
        #expect(story.records == [[2, 1, nil]])
        #expect(story.supervisor.generations.first?.kind == .draining)
    }

    @Test func whoDiesOnProbationIsReplacedByTheOldOneAtOnce() {
        var story = proving()
        story.tell(.exited(2, .signalled(11), leftovers: false))
        #expect(story.effects.contains(.steer(1)) && story.effects.contains(.promote(1)))
        #expect(story.outcomes == [.rolledBack(reason: "generation 2 was killed by signal SEGV on probation")])
        #expect(story.supervisor.serving?.number == 1 && story.supervisor.digestInForce == Story.digest(1))
        // The same is not tried again; the next good one is.
        story.change(to: 2)
        #expect(!story.effects.contains { if case .stageSnapshot = $0 { true } else { false } })
        story.change(to: 3)
        #expect(story.effects.contains { if case .stageSnapshot = $0 { true } else { false } })
    }

    @Test func whenBothDieTheLastGoodContentIsStartedOnceAndThenTheRestartPolicyDecides() {
        var story = proving()
        story.tell(.exited(1, .exited(1), leftovers: false), .exited(2, .exited(1), leftovers: false))
        #expect(story.supervisor.phase == .running && story.effects.contains(.promote(1)))
        story.pass(.milliseconds(1))
        #expect(story.starts == [3] && story.supervisor.generations.last?.digest == Story.digest(1))
        story.tell(.exited(3, .exited(1), leftovers: false))
        #expect(story.supervisor.phase == .stopping && story.supervisor.move == nil)
    }

    /// What mends a bad change does not wait for its end, and what is gone back to is what was proven last.
    @Test func aNewerChangeTakesThePlaceOfOneThatIsNotProven() {
        var story = proving()
        story.change(to: 3)
        #expect(story.outcomes.isEmpty && story.effects.contains(.stageSnapshot(3)))
        story.tell(.snapshotStaged(3, .whole))
        #expect(story.outcomes == [.superseded] && story.starts == [3] && story.effects.contains(.dropSnapshot(2)))
        #expect(!story.effects.contains(.dropSnapshot(1)))
        story.tell(.launched(3), .scanned(3, .yes))
        // The first one is kept, the one that was not proven goes.
        #expect(story.supervisor.generations.map(\.label) == ["standby", "quiet", "serving"])
        story.tell(.exited(3, .exited(1), leftovers: false))
        #expect(story.supervisor.serving?.number == 1 && story.effects.contains(.promote(1)))
        #expect(story.outcomes.map(\.name) == ["rolled_back"] && story.supervisor.digestInForce == Story.digest(1))
    }

    @Test func aNewerChangeThatIsRefusedLeavesTheProofAlone() {
        var story = serving {
            $0.probation = .seconds(30); $0.validates = true
        }
        story.change(to: 2)
        story.tell(
            .snapshotStaged(2, .whole), .validated(2, .accepted), .launched(2), .scanned(2, .yes))
        story.change(to: 3)
        story.tell(.snapshotStaged(3, .whole), .validated(3, .rejected("line 3")))
        #expect(story.outcomes == [.rejected(reason: "line 3")])
        story.pass(.seconds(31))
        #expect(story.outcomes == [.applied(.handover, .alive)])
        #expect(story.records == [[2, 1, nil]])
    }

    /// The newer one fails as well: everything goes back to what was proven last.
    @Test func whenTheNewerOneFailsTheLastProvenOneServes() {
        var story = proving()
        story.change(to: 3)
        story.tell(.snapshotStaged(3, .whole), .launched(3), .exited(3, .exited(1), leftovers: false))
        #expect(story.effects.contains(.promote(1)) && story.supervisor.serving?.number == 1)
        #expect(story.supervisor.generations.map(\.label) == ["serving", "quiet"])
        #expect(story.supervisor.digestInForce == Story.digest(1))
    }
}
