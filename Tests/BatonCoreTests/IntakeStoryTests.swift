import Simulation
import Testing

@testable import BatonCore

/// When a change is read, and when its turn comes.
@Suite struct IntakeStoryTests {
    @Test func anUnboundedWriterCannotPutAChangeOff() {
        var story = Story { $0.settle = .seconds(1) }
        story.getReady(1)
        var reads = 0
        for _ in 0..<100 {
            story.tell(.touched(atomic: false))
            story.pass(.milliseconds(500))
            reads += story.effects.filter { $0 == .readSnapshot }.count
        }
        #expect(reads >= 2)
    }

    @Test func splayKeepsTheFirstTurn() {
        var story = Story {
            $0.splay = .seconds(10); $0.onChange = .none
        }
        story.getReady(1)
        story.change(to: 2)
        let turn = story.supervisor.nextDeadline
        story.pass(.milliseconds(100))
        story.change(to: 3)
        #expect(story.outcomes == [.superseded] && story.supervisor.nextDeadline == turn)
        story.pass(.seconds(10))
        #expect(story.outcomes == [.applied(.none, .none)])
    }

    @Test func aSupersededMountEndsOnlyWhereThatIsWanted() {
        var warned = Story()
        warned.getReady(1)
        warned.tell(.mountSuperseded(path: "/etc/app.yaml"))
        #expect(warned.supervisor.phase == .running)
        var exiting = Story { $0.subpath = .exit }
        exiting.getReady(1)
        exiting.tell(.mountSuperseded(path: "/etc/app.yaml"))
        #expect(exiting.supervisor.phase == .stopping && exiting.sent(.terminate, to: 1))
    }
}
