import Simulation
import Testing

@testable import BatonCore

/// The end of the app, and of Baton.
@Suite struct StopStoryTests {
    @Test func stopDelaysThenDrainsThenKills() {
        var story = Story {
            $0.stopDelay = .seconds(3); $0.stopTimeout = .seconds(5)
        }
        story.getReady(1)
        story.tell(.signal(.terminate))
        #expect(!story.sent(.terminate, to: 1))
        story.pass(.seconds(3))
        #expect(story.sent(.terminate, to: 1))
        story.pass(.seconds(5))
        #expect(story.effects.contains(.signalDescendants(.kill)))
        story.tell(.exited(1, .signalled(9), leftovers: false), .childrenGone)
        #expect(story.effects.contains(.exit(137)))
    }

    @Test func theRestOfTheFamilyIsToldOnceTheAppHasEnded() {
        var story = Story()
        story.getReady(1)
        story.tell(.exited(1, .exited(4), leftovers: false))
        #expect(story.effects.contains(.signalDescendants(.terminate)))
        story.tell(.childrenGone)
        #expect(story.effects.contains(.exit(4)))
    }

    @Test func restartPolicies() {
        for (mode, status, restarts) in [
            (RestartMode.never, ExitStatus.exited(1), false), (.onFailure, .exited(1), true),
            (.onFailure, .exited(0), false),
            (.onFailure, .exited(143), false), (.always, .exited(0), true), (.always, .signalled(2), false),
        ] {
            var story = Story {
                $0.restart = mode; $0.exitOK = [143]
            }
            story.getReady(1)
            story.tell(.exited(1, status, leftovers: false))
            #expect((story.supervisor.phase == .running) == restarts, "\(mode) \(status)")
            story.pass(.seconds(1))
            #expect((story.starts == [2]) == restarts)
        }
    }

    @Test func aChangeDuringTheBackoffIsTriedAtOnce() {
        var story = Story {
            $0.restart = .always; $0.hasListener = true
        }
        story.getReady(1)
        story.tell(.exited(1, .exited(1), leftovers: false))
        story.change(to: 2)
        #expect(story.starts == [2])
    }

    /// Only a program that cannot be executed is no case for the restart policy.
    @Test func anEndBeforeTheLaunchIsLeftToTheRestartPolicy() {
        var ended = Story { $0.restart = .always }
        ended.tell(.exited(1, .signalled(3), leftovers: false))
        #expect(ended.supervisor.phase == .running)
        ended.pass(.seconds(1))
        #expect(ended.supervisor.starting?.number == 2)
        var unrunnable = Story { $0.restart = .always }
        unrunnable.tell(.launchFailed(1, .init(reason: "no such file", exitCode: 127)))
        #expect(unrunnable.supervisor.phase == .exited(127) || unrunnable.supervisor.phase == .stopping)
    }
}
