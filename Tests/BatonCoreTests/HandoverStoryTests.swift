import Simulation
import Testing

@testable import BatonCore

/// From one generation to the next.
@Suite struct HandoverStoryTests {
    /// Between the start and the launch its environment may be read, which takes as long as it takes.
    @Test func theSecondThatProvesItAliveBeginsWithItsLaunch() {
        var story = Story()
        story.pass(.seconds(5))
        story.tell(.launched(1))
        story.pass(.milliseconds(900))
        #expect(story.supervisor.serving == nil)
        story.pass(.milliseconds(100))
        #expect(story.supervisor.serving?.number == 1)
    }

    @Test func aHandoverTellsItsStoryInOrder() {
        var story = Story {
            $0.hasListener = true; $0.onChange = .handover
        }
        story.getReady(1)
        story.change(to: 2)
        #expect(story.starts == [2])
        story.getReady(2)
        #expect(story.outcomes == [.applied(.handover, .alive)])
        #expect(story.sent(.terminate, to: 1) && story.sent(.cont, to: 1))
        story.tell(.exited(1, .signalled(15), leftovers: false))
        #expect(story.supervisor.generations.map(\.number) == [2])
        #expect(story.supervisor.digestInForce == Story.digest(2))
    }

    @Test func aNewerChangeSupersedesTheOneThatIsStarting() {
        var story = Story {
            $0.hasListener = true; $0.onChange = .handover
        }
        story.getReady(1)
        story.change(to: 2)
        story.tell(.launched(2))
        story.change(to: 3)
        #expect(story.outcomes == [.superseded] && story.starts == [3] && story.sent(.terminate, to: 2))
        #expect(story.supervisor.serving?.number == 1)
    }

    @Test func goingBackToWhatIsInForceEndsTheHandover() {
        var story = Story {
            $0.hasListener = true; $0.onChange = .handover
        }
        story.getReady(1)
        story.change(to: 2)
        story.change(to: 1)
        #expect(story.outcomes == [.superseded] && story.starts.isEmpty && story.sent(.terminate, to: 2))
        #expect(story.supervisor.serving?.number == 1)
    }

    @Test func aGenerationThatFailsLeavesTheOldOneServing() {
        for failure in 0..<3 {
            var story = Story {
                $0.hasListener = true; $0.onChange = .handover; $0.ready = .notify; $0.readyTimeout = .seconds(5)
            }
            var ready = Notification()
            ready.ready = true
            story.tell(.launched(1), .notified(1, ready))
            story.change(to: 2)
            switch failure {
            case 0: story.tell(.exited(2, .exited(1), leftovers: false))
            case 1: story.tell(.launchFailed(2, .init(reason: "gone", exitCode: 127)))
            default: story.pass(.seconds(5))
            }
            guard case .rolledBack = story.outcomes.first else { Issue.record("\(story.outcomes)"); continue }
            #expect(story.supervisor.serving?.number == 1 && !story.sent(.terminate, to: 1))
            // The same content is not tried again until it changes.
            story.change(to: 2)
            #expect(story.starts.isEmpty)
            story.change(to: 3)
            #expect(story.starts == [3])
        }
    }

    @Test func readyAloneIsNoProofForASuccessor() {
        var story = Story {
            $0.hasListener = true; $0.onChange = .handover
        }
        story.getReady(1)
        story.change(to: 2)
        var ready = Notification()
        ready.ready = true
        story.tell(.launched(2), .notified(2, ready))
        #expect(story.supervisor.serving?.number == 1)
        story.tell(.exited(2, .exited(3), leftovers: false))
        #expect(story.supervisor.serving?.number == 1 && story.supervisor.phase == .running)
    }

    @Test func whenTheServingOneDiesItsSuccessorGoesOn() {
        var story = Story {
            $0.hasListener = true; $0.onChange = .handover
        }
        story.getReady(1)
        story.change(to: 2)
        story.tell(.launched(2), .scanned(2, .no), .exited(1, .exited(9), leftovers: false))
        #expect(story.supervisor.phase == .running)
        story.pass(Supervisor.Times.scanLimit)
        #expect(story.supervisor.serving?.number == 2 && story.outcomes.isEmpty)
        story.pass(Supervisor.Times.leastProbation)
        #expect(story.outcomes == [.applied(.handover, .alive)])
    }

    @Test func theOldestOfTooManyDrainingIsKilled() {
        var story = Story {
            $0.hasListener = true; $0.onChange = .handover; $0.maxDraining = 1; $0.drainTimeout = .seconds(600)
        }
        story.getReady(1)
        story.change(to: 2)
        story.getReady(2)
        story.change(to: 3)
        story.getReady(3)
        #expect(story.sent(.kill, to: 1) && !story.sent(.kill, to: 2))
    }
}
