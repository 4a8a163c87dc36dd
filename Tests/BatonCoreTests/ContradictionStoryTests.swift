import Simulation
import Testing

@testable import BatonCore

/// States that contradicted each other once, each as the story that showed it.
@Suite struct ContradictionStoryTests {
    private func story(_ change: (inout Setup) -> Void) -> Story {
        Story {
            $0.hasListener = true
            change(&$0)
        }
    }

    /// With a stage: what the app starts with is there.
    private func staged(_ change: (inout Setup) -> Void) -> Story {
        var story = story {
            $0.stages = true
            change(&$0)
        }
        story.tell(.snapshotStaged(1, .whole))
        return story
    }

    private func isStaging(_ story: Story) -> SnapshotNumber? {
        story.effects.compactMap { if case .stageSnapshot(let number) = $0 { number } else { nil } }.last
    }

    /// 1. It waited for the old one to be gone, and with a second change for 200 ms.
    @Test func aSecondChangeDuringARestartStartsNothingBesideTheOldOne() {
        var story = staged { $0.onChange = .restart }
        story.getReady(1)
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole))
        #expect(story.sent(.terminate, to: 1))
        story.change(to: 3)
        story.pass(.seconds(1))
        #expect(story.starts.isEmpty)
        story.tell(.snapshotStaged(3, .whole))
        story.pass(.seconds(1))
        #expect(story.starts.isEmpty)
        story.tell(.exited(1, .exited(0), leftovers: false))
        #expect(story.starts == [2])
    }

    /// 2. Rolled back, it said, and dropped the snapshot with which the app served.
    @Test func whatServesAloneServesOnUntilTheLastGoodContentDoes() {
        var story = staged {
            $0.onChange = .handover; $0.probation = .seconds(30); $0.ready = .http(path: "/")
        }
        story.tell(.launched(1), .probeFinished(1, isReady: true))
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole), .launched(2), .probeFinished(2, isReady: true))
        story.tell(.exited(1, .exited(1), leftovers: false))
        #expect(story.outcomes.isEmpty)
        for _ in 0..<2 {
            story.tell(.probeFinished(2, isReady: false))
            story.pass(.seconds(1))
        }
        story.tell(.probeFinished(2, isReady: false))
        #expect(story.outcomes == [.rolledBack(reason: "generation 2 is no longer ready")])
        #expect(story.effects.contains(.promote(1)) && story.starts == [3] && !story.sent(.terminate, to: 2))
        story.tell(.launched(3), .probeFinished(3, isReady: true))
        #expect(story.supervisor.digestInForce == Story.digest(1) && story.sent(.terminate, to: 2))
    }

    /// 3. "In force again: nothing to do", though the app may have read the other content by then.
    @Test func backToTheOldContentWhileAReloadRunsIsAChange() {
        var story = story { $0.reloadsByCommand = true }
        story.getReady(1)
        story.change(to: 2)
        #expect(story.effects.contains(.runReload(1, 1)))
        story.change(to: 1)
        #expect(story.outcomes == [.superseded] && story.effects.contains(.endReload(1)))
        #expect(story.effects.contains(.runReload(2, 1)))
    }

    /// A neighbour of it: the command has failed, after the app had read the file, or before.
    @Test func backToTheOldContentAfterAReloadThatFailedIsAChange() {
        var story = story { $0.reloadsByCommand = true }
        story.getReady(1)
        story.change(to: 2)
        story.tell(.reloadFinished(1, failure: "the reload command exited with code 1"))
        story.change(to: 1)
        #expect(story.effects.contains(.runReload(2, 1)))
        story.tell(.reloadFinished(2, failure: nil))
        #expect(story.supervisor.proving?.change.number == 2)
        // What is in force is certain again.
        story.change(to: 2)
        story.tell(.reloadFinished(3, failure: nil))
        story.change(to: 2)
        #expect(story.effects == [.readSnapshot] || story.messages.contains { $0.contains("the content is the same") })
    }

    /// 4. The command was forgotten, and the next one took its place in the loop's book.
    @Test func aReloadCommandEndsWithTheGenerationThatItIsFor() {
        var story = story {
            $0.reloadsByCommand = true; $0.restart = .always
        }
        story.getReady(1)
        story.change(to: 2)
        #expect(story.effects.contains(.runReload(1, 1)))
        story.tell(.exited(1, .exited(1), leftovers: false))
        var effects = story.effects
        story.pass(.seconds(1))
        effects += story.effects
        #expect(story.starts == [2] && effects.contains(.endReload(1)))
        story.pass(.seconds(60))
        #expect(story.supervisor.phase == .running)
    }

    /// 5. Nothing was sent to them before the drain timeout came near, and old counts stood for their connections.
    @Test func whatIsLeftOfAQuietDrainGetsTheSignal() {
        var story = story {
            $0.steers = true; $0.onChange = .handover
        }
        story.getReady(1)
        story.change(to: 2)
        story.getReady(2)
        story.tell(.connections(1, .init(queued: 0, open: 5, idle: 5)))
        story.tell(.exited(1, .exited(0), leftovers: true))
        #expect(story.sent(.terminate, to: 1))
        story.pass(.seconds(31))
        #expect(story.sent(.kill, to: 1) && !story.messages.contains { $0.contains("5 connections") })
    }

    /// 6. It was counted on, and reported with "0ms left", for as long as it could not die.
    @Test func whatIsKilledIsNotCountedAnyMore() {
        var story = story {
            $0.steers = true; $0.onChange = .handover; $0.drainTimeout = .seconds(2)
        }
        story.getReady(1)
        story.change(to: 2)
        story.getReady(2)
        for _ in 0..<20 {
            story.pass(.milliseconds(250))
            if story.effects.contains(.countConnections(1)) {
                story.tell(.connections(1, .init(queued: 0, open: 1, idle: 1)))
            }
        }
        story.pass(.seconds(60))
        #expect(!story.effects.contains(.countConnections(1)))
    }

    /// 7. Applied, it said, and the old one kept its share for as long as the stop delay lasted.
    @Test func aStopInASlowStartMovesTheRest() {
        var story = story {
            $0.steers = true; $0.onChange = .handover; $0.slowStart = .seconds(20); $0.stopDelay = .seconds(10)
        }
        story.getReady(1)
        story.change(to: 2)
        story.getReady(2)
        story.tell(.signal(.terminate))
        #expect(story.outcomes == [.superseded] && story.effects.contains(.steer(2)))
    }

    /// 8. A change that came while another one was copied forgot whose turn it had.
    @Test func theTurnOfASplayOutlivesAChangeThatComesDuringStaging() throws {
        var story = staged {
            $0.onChange = .handover; $0.splay = .seconds(100)
        }
        story.getReady(1)
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole))
        let turn = try #require(story.supervisor.timers.deadline(.splay))
        story.change(to: 3)
        story.change(to: 4)
        story.tell(.snapshotStaged(try #require(isStaging(story)), .whole))
        #expect(story.supervisor.timers.deadline(.splay) == turn)
    }

    /// 9. READY=1 came before the report that the exec had succeeded: ready, and not launched.
    @Test func whoSaysThatItIsReadyIsLaunched() {
        var story = story { _ in }
        var ready = Notification()
        ready.ready = true
        story.tell(.notified(1, ready))
        #expect(story.supervisor.serving?.number == 1 && story.supervisor.serving?.isLaunched == true)
    }

    /// 10. Its timer was asked, which a stop had cancelled.
    @Test func aDeadAgentIsDeadWhileBatonStops() {
        var story = story {
            $0.hasAgent = true; $0.stopDelay = .seconds(10)
        }
        story.getReady(1)
        story.tell(.agentEnded(.exited(1)), .signal(.terminate))
        let agent = story.supervisor.status(at: story.now, wall: { _ in 0 }).first { $0.kind == .agent }
        #expect(agent?.text("state") != "running")
    }

    /// 10, too. The exit code was that of the stop.
    @Test func aFailedLaunchDuringAStopHasItsOwnCode() {
        var story = story { _ in }
        story.tell(.signal(.terminate))
        story.tell(.launchFailed(1, .init(reason: "no such file", exitCode: 127)), .childrenGone)
        #expect(story.supervisor.phase == .exited(127))
    }

    /// 11. A generation that failed on probation counted its drain for the change that it had been replaced for.
    @Test func aGenerationThatServesAgainIsNotReplaced() {
        var story = story {
            $0.steers = true; $0.onChange = .handover; $0.probation = .seconds(30)
        }
        story.getReady(1)
        story.change(to: 2)
        story.getReady(2)
        story.tell(.exited(2, .exited(1), leftovers: false))
        #expect(story.outcomes.count == 1 && story.supervisor.serving?.number == 1)
        // Of the second change, which takes its place, and not of the first one.
        story.change(to: 3)
        story.getReady(3)
        story.pass(.seconds(31))
        story.tell(.exited(1, .exited(0), leftovers: false))
        let drains = story.supervisor.history.entries.map { $0.steps[.drain] }
        #expect(drains.count == 2 && drains[0] == nil && drains[1] != nil)
        story.tell(.exited(3, .exited(1), leftovers: true))
        #expect(story.supervisor.generations.first { $0.number == 3 }?.drainingSince != nil)
    }

    /// 12. One first generation that was slow to listen blinded Baton for all later ones.
    @Test func aSlowFirstStartDoesNotMakeScanningUseless() {
        var story = story { $0.onChange = .handover }
        story.tell(.launched(1), .scanned(1, .no))
        story.pass(.seconds(6))
        #expect(story.supervisor.serving?.number == 1)
        story.change(to: 2)
        story.tell(.launched(2))
        #expect(story.effects.contains(.scan(2)))
        // It is as slow as the first one, which is seen to wait by now: it is waited for.
        story.tell(.scanned(2, .no))
        #expect(story.effects.contains(.scan(1)))
        story.tell(.scanned(1, .yes))
        story.pass(.seconds(10))
        #expect(story.supervisor.serving?.number == 1)
        story.tell(.scanned(2, .yes))
        #expect(story.supervisor.serving?.number == 2)
    }

    /// Its neighbour: an app that waits in a way that cannot be seen is not rolled back for it.
    @Test func anAppThatIsNeverSeenToWaitIsHandedOverAllTheSame() {
        var story = story { $0.onChange = .handover }
        story.tell(.launched(1), .scanned(1, .no))
        story.pass(.seconds(6))
        for (old, number): (GenerationNumber, GenerationNumber) in [(1, 2), (2, 3), (3, 4)] {
            story.change(to: UInt64(number.value))
            story.tell(.launched(number), .scanned(number, .no), .scanned(old, .no))
            story.pass(.seconds(6))
            #expect(story.supervisor.serving?.number == number && story.outcomes == [.applied(.handover, .alive)])
        }
    }
}
