import Simulation
import Testing

@testable import BatonCore

/// A main process that ends while another, which it has left behind, serves.
@Suite struct SuccessionStoryTests {
    /// Generation 1 is ready.
    private static func serving(_ change: (inout Setup) -> Void = { _ in }) -> Story {
        var story = Story.steered(change)
        story.getReady(1)
        return story
    }

    private func isReplaced(_ story: Story) -> Bool { story.effects.contains(.replaceMain(1, by: 42)) }

    @Test func itsSuccessorIsTheMainProcess() {
        var story = SuccessionStoryTests.serving()
        story.tell(.exited(1, .exited(0), leftovers: true, successor: 42))
        #expect(isReplaced(story))
        #expect(story.supervisor.phase == .running)
        #expect(story.supervisor.serving?.number == 1)
        #expect(
            story.messages == [
                "the main process of generation 1 exited with code 0, and process 42, which it started, serves on its listening "
                    + "socket: that is the main process now, and gets the signals"
            ])
        // And so on, until one leaves nobody behind.
        story.tell(.exited(1, .exited(0), leftovers: true, successor: 43))
        #expect(story.effects.contains(.replaceMain(1, by: 43)))
        story.tell(.exited(1, .exited(0), leftovers: false))
        #expect(story.supervisor.phase == .stopping)
    }

    /// What is behind counts for no restart policy: the app has not ended.
    @Test(arguments: RestartMode.allCases) func nothingIsStarted(_ mode: RestartMode) {
        var story = SuccessionStoryTests.serving { $0.restart = mode }
        story.tell(.exited(1, .exited(0), leftovers: true, successor: 42))
        story.pass(.seconds(60))
        #expect(story.starts.isEmpty)
        #expect(story.supervisor.serving?.number == 1)
    }

    @Test(arguments: [BatonCore.ExitStatus.exited(3), .signalled(9), .signalled(2)])
    func anAppThatFailsHasNone(_ status: BatonCore.ExitStatus) {
        var story = SuccessionStoryTests.serving()
        story.tell(.exited(1, status, leftovers: true, successor: 42))
        #expect(!isReplaced(story))
        #expect(story.supervisor.phase == .stopping)
    }

    @Test func aCodeThatCountsAsZeroIsOne() {
        var story = SuccessionStoryTests.serving { $0.exitOK = [143] }
        story.tell(.exited(1, .signalled(15), leftovers: true, successor: 42))
        #expect(isReplaced(story))
    }

    @Test func anAppThatWasNotReadyHasNone() {
        var story = Story.steered()
        story.tell(.launched(1), .exited(1, .exited(0), leftovers: true, successor: 42))
        #expect(!isReplaced(story))
        #expect(story.supervisor.phase == .stopping)
    }

    @Test func whoIsToGoHasNone() {
        var drained = SuccessionStoryTests.serving()
        drained.change(to: 2)
        drained.getReady(2)
        drained.tell(.exited(1, .exited(0), leftovers: true, successor: 42))
        #expect(!isReplaced(drained))
        #expect(drained.supervisor.serving?.number == 2)

        var stopped = SuccessionStoryTests.serving()
        stopped.tell(.signal(.terminate), .exited(1, .exited(0), leftovers: true, successor: 42))
        #expect(!isReplaced(stopped))

        var interrupted = SuccessionStoryTests.serving()
        interrupted.tell(.signal(.interrupt), .exited(1, .exited(0), leftovers: true, successor: 42))
        #expect(!isReplaced(interrupted))
    }

    /// hypnotoad at USR2.
    @Test func aReloadBySuccessorIsProven() {
        var story = Story {
            $0.onChange = .reload
            $0.stages = true
        }
        story.tell(.snapshotStaged(1, .whole))
        story.getReady(1)
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole))
        story.tell(.disposition(1, .caught))
        #expect(story.sent(.hangUp, to: 1))
        story.tell(.exited(1, .exited(0), leftovers: true, successor: 42))
        #expect(story.outcomes.isEmpty)
        story.pass(.seconds(5))
        #expect(story.outcomes == [.applied(.reload, .alive)])
        // The successor, too, can fail.
        story.change(to: 3)
        story.tell(.snapshotStaged(3, .whole), .disposition(1, .caught))
        story.tell(.exited(1, .exited(0), leftovers: true, successor: 43))
        story.tell(.exited(1, .exited(3), leftovers: false))
        #expect(story.outcomes == [.rolledBack(reason: "generation 1 exited with code 3 after its reload")])
    }

    /// hypnotoad as generation 2 finds generation 1's pid file, tells it to replace itself, and ends.
    @Test func aCopyThatOnlyTellsTheRunningOneEndsNothing() {
        var story = SuccessionStoryTests.serving()
        story.change(to: 2)
        story.tell(.launched(2), .exited(2, .exited(0), leftovers: false))
        guard case .rolledBack(let reason)? = story.outcomes.first else {
            Issue.record("\(story.outcomes)")
            return
        }
        #expect(reason.contains("BATON_RELOAD_SIGNAL"))
        story.tell(.exited(1, .exited(0), leftovers: true, successor: 42))
        #expect(isReplaced(story))
        #expect(story.supervisor.serving?.number == 1)
        #expect(story.supervisor.phase == .running)
    }

    /// The same, and the running one goes before its copy is ready.
    @Test func aMainProcessThatEndsWhileTheNextGenerationStartsIsNoEnd() {
        var story = SuccessionStoryTests.serving()
        story.change(to: 2)
        story.tell(.launched(2), .exited(1, .exited(0), leftovers: false))
        #expect(story.supervisor.phase == .running)
        story.getReady(2)
        #expect(story.supervisor.serving?.number == 2)
    }
}
