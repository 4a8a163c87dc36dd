import Simulation
import Testing

@testable import BatonCore

/// Changes while the app starts for the first time.
@Suite struct FirstStartStoryTests {
    @Test(arguments: [ChangeMode.restart, .auto, .reload, .handover]) func aChangeIsOneAndComesWhenTheAppIsReady(
        _ mode: ChangeMode
    ) {
        var story = Story {
            $0.onChange = mode; $0.hasListener = mode == .handover
        }
        story.tell(.launched(1), .adopted(1))
        story.change(to: 2)
        story.change(to: 3)
        #expect(!story.sent(.terminate, to: 1) && story.starts.isEmpty && story.outcomes == [.superseded])
        story.tell(.scanned(1, .yes))
        if story.supervisor.generations.first?.kind == .starting { story.pass(.seconds(1)) }
        #expect(story.supervisor.move?.change.digest == Story.digest(3))
        #expect(story.effects.contains(.inspect(1, .hangUp)) || story.sent(.terminate, to: 1) || story.starts == [2])
    }

    /// What mends a start that fails does not wait for the restart policy.
    @Test func whenTheFirstStartFailsTheChangeIsStarted() {
        var story = Story { $0.onChange = .restart }
        story.tell(.launched(1))
        story.change(to: 2)
        story.tell(.exited(1, .exited(1), leftovers: false))
        story.pass(.milliseconds(1))
        #expect(story.starts == [2] && story.supervisor.phase == .running)
    }
}
