import Simulation
import Testing

@testable import BatonCore

/// Sockets that the app opens itself, taken over.
@Suite struct AdoptedStoryTests {
    private func adopting(_ change: (inout Setup) -> Void = { _ in }) -> Story {
        Story {
            $0.adopts = true
            $0.onChange = .handover
            change(&$0)
        }
    }

    private func serving() -> Story {
        var story = adopting()
        story.tell(.launched(1), .adopted(1), .scanned(1, .yes))
        #expect(story.supervisor.serving?.number == 1)
        return story
    }

    @Test func aGenerationThatListensIsLookedAtAndSteeredTo() {
        var story = adopting()
        story.tell(.launched(1))
        #expect(!story.effects.contains(.scan(1)))
        story.tell(.adopted(1))
        #expect(story.effects.contains(.scan(1)))
        // Alive is no proof any more.
        story.pass(.seconds(2))
        #expect(story.supervisor.serving == nil)
        story.tell(.scanned(1, .yes))
        #expect(story.supervisor.serving?.number == 1 && story.effects.contains(.steer(1)))

        story.change(to: 2)
        #expect(story.starts == [2])
        story.tell(.launched(2))
        #expect(story.effects.contains(.scan(2)))
        story.tell(.scanned(2, .no), .adopted(2), .scanned(2, .yes))
        story.takeConnection(2)
        #expect(story.outcomes == [.applied(.handover, .alive)] && story.effects.contains(.steer(2)))
        // Told to go only once it is quiet.
        #expect(!story.sent(.terminate, to: 1) && story.supervisor.generations.first?.waitsForQuiet == true)
    }

    @Test func aSuccessorThatNeverListensIsGivenUp() {
        var story = serving()
        story.change(to: 2)
        story.tell(.launched(2), .scanned(2, .no))
        story.pass(.seconds(31))
        #expect(story.supervisor.serving?.number == 1)
        #expect(story.messages.contains { $0.contains("it did not wait for connections on its listening socket") })
    }

    @Test func whatTheOldOneListensOnIsWaitedForAWhile() {
        var story = serving()
        story.change(to: 2)
        story.tell(.launched(2), .adopted(2), .scanned(2, .partly("tcp://*:8081")))
        #expect(story.supervisor.serving?.number == 1)
        story.pass(.seconds(4))
        #expect(story.supervisor.serving?.number == 1)
        story.pass(.seconds(2))
        #expect(story.supervisor.serving?.number == 2)
    }

    /// A change in the first moments: it serves, and that is not known yet.
    @Test func aFirstGenerationThatListensIsWaitedForBeforeAChange() {
        var story = adopting()
        story.tell(.launched(1), .adopted(1), .scanned(1, .no))
        story.change(to: 2)
        #expect(story.starts.isEmpty && !story.sent(.terminate, to: 1))
        story.change(to: 3)
        #expect(story.outcomes == [.superseded] && story.starts.isEmpty && !story.sent(.terminate, to: 1))
        story.tell(.scanned(1, .yes))
        #expect(story.starts == [2] && story.supervisor.serving?.number == 1)
        story.tell(.launched(2), .adopted(2), .scanned(2, .yes))
        story.takeConnection(2)
        #expect(story.outcomes == [.applied(.handover, .alive)])
    }

    @Test func aFirstGenerationThatDoesNotListenYetIsReplacedAtOnce() {
        var story = adopting()
        story.tell(.launched(1))
        story.change(to: 2)
        #expect(story.starts == [2] && story.sent(.terminate, to: 1))
    }

    /// It fails with a change waiting: that may be what mends it, whatever BATON_RESTART says.
    @Test func aFirstGenerationThatFailsMakesWayForTheChangeThatWaits() {
        for isTimeout in [false, true] {
            var story = adopting {
                $0.ready = .notify; $0.readyTimeout = .seconds(5)
            }
            story.tell(.launched(1), .adopted(1))
            story.change(to: 2)
            if isTimeout { story.pass(.seconds(5)) } else { story.tell(.exited(1, .exited(3), leftovers: false)) }
            story.pass(.milliseconds(1))
            #expect(story.supervisor.generations.last?.number == 2 && story.supervisor.phase == .running)
            #expect(story.supervisor.generations.last?.digest == Story.digest(2))
        }
    }

    @Test func aJobThatIsDoneBeforeItsChangeIsNotRunAgain() {
        var story = adopting()
        story.tell(.launched(1), .listensItself(1))
        story.change(to: 2)
        story.tell(.exited(1, .exited(0), leftovers: false))
        #expect(story.supervisor.phase == .stopping)
    }

    @Test func anAppThatNeverListensIsReadyByStayingAlive() {
        var story = adopting()
        story.tell(.launched(1))
        story.pass(Supervisor.Times.aliveProof)
        #expect(story.supervisor.serving?.number == 1)
        story.change(to: 2)
        #expect(story.starts == [2])
    }

    @Test func whereItIsRefusedAChangeRestarts() {
        var story = adopting()
        story.tell(.launched(1), .adoptionRefused("the kernel is old"))
        #expect(story.messages.contains { $0.contains("cannot adopt") && $0.contains("the kernel is old") })
        story.pass(Supervisor.Times.aliveProof)
        story.change(to: 2)
        #expect(story.starts.isEmpty && story.sent(.terminate, to: 1))
        story.tell(.exited(1, .exited(0), leftovers: false))
        #expect(story.starts == [2])
    }

    @Test func autoHandsOverOnceSomethingIsAdopted() {
        var story = adopting { $0.onChange = .auto }
        story.tell(.launched(1), .adopted(1), .scanned(1, .yes))
        story.change(to: 2)
        story.tell(.disposition(1, .notCaught))
        #expect(story.starts == [2] && story.supervisor.serving?.number == 1)
    }

    /// It cannot be seen to wait: that it listens is the best that is known.
    @Test func withoutASightItsListeningIsWaitedFor() {
        var story = adopting()
        story.tell(.launched(1), .adopted(1))
        for _ in 0..<Supervisor.Times.refusedScans { story.tell(.scanned(1, .unknown("not permitted"))) }
        story.pass(Supervisor.Times.aliveProof)
        #expect(story.supervisor.serving?.number == 1)
        story.change(to: 2)
        story.tell(.launched(2))
        story.pass(.seconds(10))
        #expect(story.supervisor.serving?.number == 1)
        story.tell(.adopted(2))
        story.pass(Supervisor.Times.aliveProof)
        #expect(story.supervisor.serving?.number == 2)
    }

    @Test func anAddressThatIsListenedOnLaterIsSteeredToo() {
        var story = serving()
        story.tell(.adopted(1))
        #expect(story.effects.contains(.steer(1)))
    }

    /// Both get new connections from the shared socket, so that it would never be quiet: the old one goes at once.
    @Test func withASharedSocketTheOldOneIsToldAtTheHandover() {
        var story = adopting { $0.slowStart = .seconds(10) }
        story.tell(.launched(1), .adopted(1, steers: false), .scanned(1, .yes))
        // Who serves the sockets are told all the same, for what is given up.
        #expect(story.supervisor.serving?.number == 1 && story.effects.contains(.steer(1)))
        story.change(to: 2)
        #expect(story.starts == [2])
        story.tell(.launched(2), .adopted(2, steers: false), .scanned(2, .yes))
        #expect(story.outcomes == [.applied(.handover, .alive)] && story.effects.contains(.steer(2)))
        #expect(story.sent(.terminate, to: 1) && story.supervisor.generations.first?.waitsForQuiet == false)
    }

    @Test func oneAddressThatIsSteeredIsEnough() {
        var story = adopting()
        story.tell(.launched(1), .adopted(1, steers: false), .adopted(1), .scanned(1, .yes))
        story.change(to: 2)
        story.tell(.launched(2), .adopted(2, steers: false), .adopted(2), .scanned(2, .yes))
        story.takeConnection(2)
        #expect(!story.sent(.terminate, to: 1) && story.supervisor.generations.first?.waitsForQuiet == true)
    }
}
