import Simulation
import Testing

@testable import BatonCore

/// A socket for each generation: the old one is told to go once it has no connection.
@Suite struct SteeredStoryTests {
    private func handedOver(_ change: (inout Setup) -> Void = { _ in }) -> Story {
        var story = Story.steered(change)
        story.getReady(1)
        story.change(to: 2)
        story.getReady(2)
        return story
    }

    @Test func aSteeredGenerationIsToldToGoOnlyOnceItHasNoConnection() {
        var story = handedOver()
        #expect(story.effects.contains(.steer(2)) && !story.sent(.terminate, to: 1))
        story.pass(Supervisor.Times.firstDrainCount - Supervisor.Times.drainCount)
        #expect(!story.effects.contains(.countConnections(1)))
        for _ in 0..<10 {
            story.pass(Supervisor.Times.drainCount)
            #expect(story.effects.contains(.countConnections(1)))
            story.tell(.connections(1, .init(queued: 0, open: 1, idle: 1)))
            #expect(!story.sent(.terminate, to: 1))
        }
        story.pass(Supervisor.Times.handshake)
        for look in 1...Supervisor.Times.quietCounts {
            story.tell(.connections(1, .init(queued: 0, open: 0, idle: 0)))
            #expect(story.sent(.terminate, to: 1) == (look == Supervisor.Times.quietCounts))
        }
    }

    /// A client may come and go between two counts: one that finds somebody begins them anew.
    @Test func theCountsThatFindNobodyAreInARow() {
        var story = handedOver()
        story.pass(Supervisor.Times.handshake)
        for count in 1...(3 * Supervisor.Times.quietCounts) {
            story.tell(
                .connections(1, .init(queued: 0, open: count % Supervisor.Times.quietCounts == 0 ? 1 : 0, idle: 0)))
            #expect(!story.sent(.terminate, to: 1))
        }
        for count in 1...Supervisor.Times.quietCounts {
            story.tell(.connections(1, .init(queued: 0, open: 0, idle: 0)))
            #expect(story.sent(.terminate, to: 1) == (count == Supervisor.Times.quietCounts))
        }
    }

    @Test func theLogTellsOfADrainThatLasts() {
        var story = handedOver { $0.drainTimeout = .seconds(60) }
        func reports() -> Int {
            story.effects.count { if case .log(let record) = $0 { record.event == .drainInProgress } else { false } }
        }
        var told = 0
        for second in 1...12 {
            story.pass(.seconds(1))
            story.tell(.connections(1, .init(queued: 0, open: 2, idle: 1)))
            told += reports()
            #expect(told == second / 5, "after \(second) seconds")
        }
    }

    @Test func aHandshakeUnderWayIsGivenTimeOnTheOldSocket() {
        var story = handedOver()
        var told = false
        for _ in 0..<30 where !told {
            story.pass(Supervisor.Times.drainCount)
            story.tell(.connections(1, .init(queued: 0, open: 0, idle: 0)))
            told = story.sent(.terminate, to: 1)
            if told {
                #expect(
                    story.now - (story.supervisor.generations[0].drainingSince ?? story.now)
                        >= Supervisor.Times.handshake)
            }
        }
        #expect(told)
    }

    @Test func clientsThatNeverGoAreCutOffAtTheDrainTimeoutAndCounted() {
        var story = handedOver()
        story.pass(Supervisor.Times.drainCount)
        story.tell(.connections(1, .init(queued: 0, open: 7, idle: 4)))
        story.pass(.seconds(24))
        #expect(!story.sent(.terminate, to: 1))
        story.pass(.seconds(1))
        #expect(story.sent(.terminate, to: 1))
        story.pass(.seconds(5))
        #expect(
            story.sent(.kill, to: 1)
                && story.messages.contains { $0.hasPrefix("killed generation 1 with 7 connections still open") })
    }

    @Test func whereConnectionsCannotBeCountedItIsToldOnceNoHandshakeIsUnderWay() {
        var story = handedOver()
        story.pass(Supervisor.Times.drainCount)
        story.tell(.connections(1, nil))
        #expect(!story.sent(.terminate, to: 1))
        story.pass(Supervisor.Times.handshake)
        story.tell(.connections(1, nil))
        #expect(story.sent(.terminate, to: 1))
    }

    @Test func whoWaitsForTheFirstGenerationIsLeftToTheOneThatTakesItsPlace() {
        var story = Story.steered {
            $0.ready = .notify
            $0.readyTimeout = .seconds(5)
        }
        var ready = Notification()
        ready.ready = true
        story.tell(.launched(1))
        story.change(to: 2)
        // It may serve for all that is known.
        #expect(story.starts.isEmpty && !story.sent(.terminate, to: 1))
        story.tell(.scanned(1, .no), .connections(1, .init(queued: 2, open: 2, idle: 0)))
        story.pass(Supervisor.Times.scanInterval)
        story.tell(.scanned(1, .no))
        story.pass(Supervisor.Times.scanInterval)
        #expect(story.effects.contains(.scan(1)) && story.starts.isEmpty)
        story.tell(.scanned(1, .no))
        #expect(story.effects.firstIndex(of: .yieldSockets(1)) ?? .max < story.effects.firstIndex(of: .start(2)) ?? 0)
        story.tell(.launched(2), .notified(2, ready))
        // While another one serves nobody waits for one that is given up.
        story.change(to: 3)
        story.tell(.launched(3))
        story.change(to: 4)
        #expect(story.sent(.terminate, to: 3) && !story.effects.contains(.yieldSockets(3)))
    }

    @Test func aFirstGenerationThatIsSeenToServeIsWaitedFor() {
        let signs: [Supervisor.Event] = [
            .scanned(1, .yes), .scanned(1, .partly("tcp://*:81")), .scanned(1, .unknown("not permitted")),
            .connections(1, .init(queued: 1, open: 2, idle: 0)),
        ]
        for sign in signs {
            var story = Story.steered {
                $0.ready = .notify
            }
            story.tell(.launched(1))
            story.change(to: 2)
            story.tell(.scanned(1, .no), sign)
            for _ in 0..<5 {
                story.pass(Supervisor.Times.scanInterval)
                story.tell(.scanned(1, .no))
            }
            #expect(story.starts.isEmpty && !story.sent(.terminate, to: 1), "\(sign)")
            var ready = Notification()
            ready.ready = true
            story.tell(.notified(1, ready))
            #expect(story.starts == [2] && story.supervisor.serving?.number == 1, "\(sign)")
        }
    }

    // MARK: slow start

    private func starting() -> Story {
        var story = Story.steered {
            $0.slowStart = .seconds(20)
        }
        story.getReady(1)
        #expect(story.effects.contains(.steer(1)))
        story.change(to: 2)
        story.getReady(2)
        return story
    }

    private func shares(_ story: Story) -> [Int] {
        story.effects.compactMap { if case .share(2, 1, let percent) = $0 { percent } else { nil } }
    }

    @Test func inASlowStartTheNewGenerationsShareGrowsUntilItHasAll() {
        var story = starting()
        #expect(shares(story) == [4] && story.outcomes.isEmpty)
        #expect(story.messages.contains { $0.hasPrefix("slow start of generation 2") })
        story.pass(.seconds(10))
        #expect(shares(story) == [9, 14, 19, 23, 28, 33, 38, 42, 47, 52])
        #expect(story.supervisor.generations.map(\.kind) == [.ready, .ready])
        story.pass(.seconds(10))
        #expect(shares(story).last == 95 && story.effects.contains(.steer(2)))
        #expect(story.outcomes == [.applied(.handover, .alive)])
        #expect(story.supervisor.generations.map(\.kind) == [.draining, .ready])
    }

    @Test func whoDiesInItsSlowStartLeavesAllConnectionsToTheOldOne() {
        var story = starting()
        story.pass(.seconds(5))
        story.tell(.exited(2, .exited(1), leftovers: false))
        #expect(story.effects.contains(.steer(1)) && story.supervisor.serving?.number == 1)
        #expect(story.outcomes == [.rolledBack(reason: "generation 2 exited with code 1 in slow start")])
        story.pass(.seconds(20))
        #expect(shares(story).isEmpty)
    }

    @Test func whenTheOldOneDiesInASlowStartTheNewOneGetsAll() {
        var story = starting()
        story.tell(.exited(1, .exited(1), leftovers: false))
        #expect(story.effects.contains(.steer(2)) && shares(story).isEmpty)
        #expect(story.messages.contains { $0.contains("cannot be rolled back any more") })
        story.pass(.seconds(20))
        #expect(shares(story).isEmpty && story.outcomes == [.applied(.handover, .alive)])
    }

    @Test func aNewerChangeEndsASlowStartAndHasOneOfItsOwn() {
        var story = starting()
        story.change(to: 3)
        #expect(story.outcomes == [.superseded] && story.effects.contains(.steer(2)) && story.starts == [3])
        story.getReady(3)
        // With the one that is proven, and warm.
        #expect(story.effects.contains(.share(3, with: 1, percent: 4)))
    }

    @Test func probationGoesOnWhenASlowStartIsOver() {
        var story = Story.steered {
            $0.slowStart = .seconds(10)
            $0.probation = .seconds(30)
        }
        story.getReady(1)
        story.change(to: 2)
        story.getReady(2)
        story.pass(.seconds(11))
        #expect(story.effects.contains(.steer(2)) && story.outcomes.isEmpty)
        story.tell(.exited(2, .exited(1), leftovers: false))
        #expect(story.outcomes == [.rolledBack(reason: "generation 2 exited with code 1 on probation")])
        #expect(story.effects.contains(.steer(1)))
    }

    // MARK: a stop

    @Test func aStopDoesNotWaitForQuiet() {
        var story = handedOver()
        story.tell(.signal(.terminate))
        #expect(story.sent(.terminate, to: 1) && story.sent(.terminate, to: 2))
    }
}
