import Testing

@testable import BatonCore

/// A socket for each generation: the old one is told to go once it has no connection.
@Suite struct SteeredStoryTests {
    private func handedOver() -> Story {
        var story = Story {
            $0.hasListener = true; $0.steers = true; $0.onChange = .handover
        }
        story.getReady(1)
        story.change(to: 2)
        story.getReady(2)
        return story
    }

    @Test func aSteeredGenerationIsToldToGoOnlyOnceItHasNoConnection() {
        var story = handedOver()
        #expect(story.effects.contains(.steer(2)) && !story.sent(.terminate, to: 1))
        story.pass(Supervisor.Times.firstDrainLook - Supervisor.Times.drainLook)
        #expect(!story.effects.contains(.countConnections(1)))
        for _ in 0..<10 {
            story.pass(Supervisor.Times.drainLook)
            #expect(story.effects.contains(.countConnections(1)))
            story.tell(.connections(1, .init(queued: 0, open: 1, idle: 1)))
            #expect(!story.sent(.terminate, to: 1))
        }
        story.pass(Supervisor.Times.handshake)
        for look in 1...Supervisor.Times.quietLooks {
            story.tell(.connections(1, .init(queued: 0, open: 0, idle: 0)))
            #expect(story.sent(.terminate, to: 1) == (look == Supervisor.Times.quietLooks))
        }
    }

    @Test func aHandshakeUnderWayIsGivenTimeOnTheOldSocket() {
        var story = handedOver()
        var told = false
        for _ in 0..<30 where !told {
            story.pass(Supervisor.Times.drainLook)
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
        story.pass(Supervisor.Times.drainLook)
        story.tell(.connections(1, .init(queued: 0, open: 7, idle: 4)))
        story.pass(.seconds(24))
        #expect(!story.sent(.terminate, to: 1))
        story.pass(.seconds(1))
        #expect(story.sent(.terminate, to: 1))
        story.pass(.seconds(5))
        #expect(story.sent(.kill, to: 1) && story.messages.contains { $0.hasPrefix("7 connections are cut off") })
    }

    @Test func whereConnectionsCannotBeCountedItIsToldOnceNoHandshakeIsUnderWay() {
        var story = handedOver()
        story.pass(Supervisor.Times.drainLook)
        story.tell(.connections(1, nil))
        #expect(!story.sent(.terminate, to: 1))
        story.pass(Supervisor.Times.handshake)
        story.tell(.connections(1, nil))
        #expect(story.sent(.terminate, to: 1))
    }

    @Test func aStopDoesNotWaitForQuiet() {
        var story = handedOver()
        story.tell(.signal(.terminate))
        #expect(story.sent(.terminate, to: 1) && story.sent(.terminate, to: 2))
    }
}
