import Simulation
import Testing

@testable import BatonCore

/// Ready by looking: a generation is ready once it waits for connections.
@Suite struct ScannedStoryTests {
    @Test func whereItCannotBeSeenASecondAliveIsEnough() {
        var story = Story { $0.hasListener = true }
        story.tell(.launched(1))
        for look in 1...Supervisor.Times.refusedScans {
            story.tell(.scanned(1, .unknown("not permitted")))
            #expect(story.messages.isEmpty == (look < Supervisor.Times.refusedScans))
        }
        #expect(story.supervisor.serving == nil)
        story.pass(Supervisor.Times.aliveProof)
        #expect(story.supervisor.serving?.number == 1)
    }

    @Test func aFirstGenerationThatNeverWaitsIsTakenAndToldAbout() {
        var story = Story { $0.hasListener = true }
        story.tell(.launched(1))
        for _ in 0..<10 {
            story.tell(.scanned(1, .no))
            story.pass(Supervisor.Times.scanInterval)
            #expect(story.effects.contains(.scan(1)))
        }
        story.pass(Supervisor.Times.scanLimit)
        #expect(
            story.supervisor.serving?.number == 1
                && story.messages.contains { $0.contains("did not wait for connections") })
    }

    @Test func aSuccessorThatNeverWaitsIsGivenUpInThoseWords() {
        var story = Story {
            $0.hasListener = true; $0.onChange = .handover
        }
        story.getReady(1)
        story.change(to: 2)
        story.tell(.launched(2), .scanned(2, .no))
        story.pass(.seconds(30))
        #expect(
            story.outcomes == [
                .rolledBack(
                    reason:
                        "generation 2 failed to become ready: it did not wait for connections on its listening socket within 30s"
                )
            ])
        #expect(story.supervisor.serving?.number == 1)
    }
}
