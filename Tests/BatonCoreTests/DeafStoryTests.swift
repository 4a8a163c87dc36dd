import Simulation
import Testing

@testable import BatonCore

/// A copy that listens and takes no connection: it waits for a lock that the old one has, for instance.
@Suite struct DeafStoryTests {
    /// Generation 2 has just become the target of new connections.
    private func handedOver(_ change: (inout Setup) -> Void = { _ in }) -> Story {
        var story = Story.steered(change)
        story.tell(.launched(1), .scanned(1, .yes))
        story.change(to: 2)
        story.tell(.launched(2), .scanned(2, .yes))
        return story
    }

    /// So many counts of `count` until a generation is deaf.
    private var counts: Int { Int(Supervisor.Times.deafAfter.nanoseconds / Interval.milliseconds(250).nanoseconds) }

    /// So many wait in its queue, and so many more has it taken.
    private func count(_ story: inout Story, queued: Int, taken: Int = 0) {
        story.pass(.milliseconds(250))
        #expect(story.effects.contains(.countConnections(2)))
        story.tell(.connections(2, .init(queued: queued, open: queued + taken, idle: 0)))
    }

    @Test func itIsAskedWhetherItTakesItsConnections() {
        var story = handedOver()
        #expect(story.outcomes.isEmpty && story.effects.contains(.steer(2)) && !story.sent(.terminate, to: 1))
        count(&story, queued: 2, taken: 1)
        #expect(story.outcomes == [.applied(.handover, .alive)])
        #expect(story.supervisor.generations.first?.waitsForQuiet == true)
    }

    @Test func whereNobodyComesThereIsNothingToConclude() {
        var story = handedOver()
        count(&story, queued: 0)
        #expect(story.outcomes.isEmpty)
        story.pass(.seconds(1))
        #expect(story.outcomes == [.applied(.handover, .alive)])
    }

    @Test func whoTakesNoneGivesTheConnectionsBack() {
        var story = handedOver()
        count(&story, queued: 1)
        for number in 1..<counts { count(&story, queued: 1 + number) }
        #expect(story.outcomes.isEmpty)
        count(&story, queued: counts + 1)
        let reason = "generation 2 did not accept any of the \(counts + 1) connections in its queue for 5s"
        #expect(story.outcomes == [.rolledBack(reason: reason)])
        #expect(story.effects.contains(.steer(1)) && story.sent(.terminate, to: 2) && !story.sent(.terminate, to: 1))
        #expect(story.supervisor.serving?.number == 1 && story.supervisor.digestInForce == Story.digest(1))
        #expect(story.supervisor.counters.connectionsCut == Int64(counts + 1))
    }

    /// A machine that stands still keeps Baton from counting, too.
    @Test func fewCountsSayNothing() {
        var story = handedOver()
        count(&story, queued: 6)
        story.now = story.now + .seconds(8)
        story.tell(.connections(2, .init(queued: 6, open: 6, idle: 0)))
        #expect(story.outcomes.isEmpty)
        count(&story, queued: 0, taken: 6)
        #expect(story.outcomes == [.applied(.handover, .alive)])
    }

    /// Only the program shortens its queue.
    @Test func aQueueThatShrinksIsServed() {
        var story = handedOver()
        count(&story, queued: 3)
        count(&story, queued: 2)
        #expect(story.outcomes == [.applied(.handover, .alive)])
    }

    /// A worker that is busy with one slow request has taken that one.
    @Test func whoIsBusyIsNotDeaf() {
        var story = handedOver { $0.probation = .seconds(30) }
        count(&story, queued: 0, taken: 1)
        story.pass(.seconds(20))
        story.tell(.connections(2, .init(queued: 50, open: 51, idle: 0)))
        #expect(story.outcomes.isEmpty)
        story.pass(.seconds(10))
        #expect(story.outcomes == [.applied(.handover, .alive)])
    }

    /// The first client comes at the end of the silence.
    @Test func whoComesLateIsWaitedFor() {
        var story = handedOver()
        for _ in 0..<2 { count(&story, queued: 0) }
        count(&story, queued: 1)
        for _ in 1..<counts {
            count(&story, queued: 1)
            #expect(story.outcomes.isEmpty)
        }
        count(&story, queued: 1)
        #expect(story.outcomes.map(\.name) == ["rolled_back"])
    }

    @Test func whatCannotBeCountedIsNotJudged() {
        var story = handedOver()
        story.pass(.milliseconds(25))
        story.tell(.connections(2, nil))
        #expect(story.outcomes == [.applied(.handover, .alive)])
    }

    @Test func withNoProbationNothingIsWaitedFor() {
        var story = handedOver { $0.probation = .zero }
        #expect(story.outcomes == [.applied(.handover, .alive)])
        story.pass(.milliseconds(500))
        #expect(!story.effects.contains(.countConnections(2)))
    }

    @Test func aNewerChangeEndsTheCounting() {
        var story = handedOver()
        count(&story, queued: 1)
        story.change(to: 3)
        #expect(story.outcomes == [.superseded] && story.starts == [3])
        story.pass(.milliseconds(500))
        #expect(!story.effects.contains(.countConnections(2)))
        // The one that is proven is still there for the newest.
        story.tell(.launched(3), .exited(3, .exited(1), leftovers: false))
        #expect(story.supervisor.serving?.number == 1)
    }
}
