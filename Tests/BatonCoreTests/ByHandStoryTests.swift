import Simulation
import Testing

@testable import BatonCore

/// What somebody asks for: pause, resume, rollback.
@Suite struct ByHandStoryTests {
    private func staged(_ change: (inout Setup) -> Void = { _ in }) -> Story {
        var story = Story.steered {
            $0.stages = true
            change(&$0)
        }
        story.tell(.snapshotStaged(1, .whole), .validated(1, .accepted))
        story.getReady(1)
        story.pass(.seconds(3))
        return story
    }

    /// Contents 1 and 2 are proven, 2 is in force.
    private func second() -> Story {
        var story = staged()
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole))
        story.getReady(2)
        #expect(story.outcomes == [.applied(.handover, .alive)] && !story.effects.contains(.dropSnapshot(1)))
        return story
    }

    // MARK: pause

    @Test func aPausedChangeIsValidatedAndWaits() {
        var story = staged { $0.validates = true }
        story.tell(.pauseAsked)
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole), .validated(2, .accepted))
        #expect(!story.effects.contains(.promote(2)) && story.starts.isEmpty)
        #expect(story.messages.contains { $0.contains("baton resume") })
        // A newer one takes its place; one that is refused is told so.
        story.change(to: 3)
        #expect(story.outcomes == [.superseded])
        story.tell(.snapshotStaged(3, .whole), .validated(3, .rejected("line 3")))
        #expect(story.outcomes == [.rejected(reason: "line 3")])
        story.change(to: 4)
        story.tell(.snapshotStaged(4, .whole), .validated(4, .accepted))
        story.tell(.resumeAsked)
        #expect(story.effects.contains(.promote(4)) && story.starts == [2])
    }

    @Test func withoutAStageItWaitsToo() {
        var story = Story()
        story.getReady(1)
        story.tell(.pauseAsked)
        story.change(to: 2)
        story.pass(.seconds(60))
        #expect(!story.effects.contains(.inspect(1, .hangUp)) && story.supervisor.move?.step == .paused(turn: nil))
        story.tell(.resumeAsked)
        #expect(story.effects.contains(.inspect(1, .hangUp)))
        story.tell(.disposition(1, .caught))
        #expect(story.sent(.hangUp, to: 1))
    }

    @Test func whatIsAskedForByHandDoesNotWait() {
        var story = Story()
        story.getReady(1)
        story.tell(.pauseAsked, .reloadAsked, .snapshot(.whole(Story.digest(1))))
        #expect(story.effects.contains(.inspect(1, .hangUp)))
    }

    @Test func aPauseOutlastsACrash() {
        var story = staged { $0.restart = .always }
        story.tell(.pauseAsked)
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole), .exited(1, .exited(1), leftovers: false))
        story.pass(.seconds(1))
        #expect(story.starts == [2] && story.supervisor.generations.last?.digest == Story.digest(1))
        #expect(story.supervisor.move?.step == .paused(turn: nil))
    }

    /// Its snapshot is on the stage already: whoever is started meanwhile reads what was there before.
    @Test func aChangeThatWaitsForItsRandomDelayIsHeldToo() {
        var story = staged {
            $0.splay = .seconds(60)
            $0.restart = .always
        }
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole))
        #expect(story.effects.contains(.promote(2)))
        story.tell(.pauseAsked)
        #expect(story.effects.contains(.promote(1)) && !story.effects.contains(.dropSnapshot(2)))
        story.pass(.seconds(100))
        #expect(story.starts.isEmpty)
        story.tell(.exited(1, .exited(1), leftovers: false))
        story.pass(.seconds(1))
        #expect(story.starts == [2] && story.supervisor.generations.last?.digest == Story.digest(1))
        story.getReady(2)
        story.tell(.resumeAsked)
        #expect(story.effects.contains(.promote(2)))
        story.pass(.seconds(1))
        #expect(story.starts == [3])
    }

    // MARK: rollback

    @Test func aRollbackGoesBackUntilTheSourceChanges() {
        var story = second()
        story.tell(.rollbackAsked)
        #expect(story.effects.contains(.promote(1)) && story.starts == [3])
        story.getReady(3)
        #expect(story.outcomes == [.applied(.handover, .alive)] && story.supervisor.digestInForce == Story.digest(1))
        // The next run does not try what was rolled back from, either.
        #expect(story.records == [[1, 2, 2]])
        story.change(to: 2)
        #expect(story.supervisor.move == nil)
        story.change(to: 3)
        story.tell(.snapshotStaged(3, .whole))
        story.getReady(4)
        #expect(story.supervisor.digestInForce == Story.digest(3))
        #expect(story.records == [[3, 1, nil]])
    }

    @Test func aRollbackCanBeTakenBack() {
        var story = second()
        story.tell(.rollbackAsked)
        story.getReady(3)
        story.tell(.rollbackAsked)
        #expect(story.effects.contains(.promote(2)))
        story.getReady(4)
        #expect(story.supervisor.digestInForce == Story.digest(2))
    }

    @Test func aRollbackThatFailsIsUndone() {
        var story = second()
        story.tell(.rollbackAsked)
        story.tell(.launched(3), .exited(3, .exited(1), leftovers: false))
        #expect(story.outcomes.map(\.name) == ["rolled_back"] && story.effects.contains(.promote(2)))
        #expect(!story.effects.contains(.dropSnapshot(1)) && story.supervisor.stage.held == nil)
    }

    /// What is in force is not proven yet: the last proven one is gone back to, not the one before it.
    @Test func aRollbackOfWhatIsNotProvenGoesToTheLastProven() {
        var story = Story {
            $0.stages = true
            $0.onChange = .reload
        }
        story.tell(.snapshotStaged(1, .whole))
        story.getReady(1)
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole), .disposition(1, .caught), .rollbackAsked)
        #expect(story.outcomes == [.superseded] && story.effects.contains(.promote(1)))
        story.tell(.disposition(1, .caught))
        #expect(story.supervisor.digestInForce == Story.digest(1))
    }

    @Test func whereThereIsNothingToGoBackToItIsRefused() {
        var unstaged = Story()
        unstaged.getReady(1)
        #expect(unstaged.supervisor.rollbackRefusal?.contains("BATON_STAGE_FILES") == true)
        unstaged.tell(.rollbackAsked)
        #expect(unstaged.effects.isEmpty)
        #expect(staged().supervisor.rollbackRefusal == "no earlier configuration has been proven yet")
        #expect(second().supervisor.rollbackRefusal == nil)
    }
}
