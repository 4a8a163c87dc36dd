import Simulation
import Testing

@testable import BatonCore

/// What Baton makes of the signals that it gets.
@Suite struct SignalStoryTests {
    @Test func hangUpByHandAppliesTheSameContentAgain() {
        var story = Story {
            $0.hasListener = true; $0.onChange = .handover
        }
        story.getReady(1)
        story.tell(.signal(.hangUp))
        #expect(story.effects.contains(.readSnapshot))
        story.tell(.snapshot(.whole(Story.digest(1))))
        #expect(story.starts == [2])
    }

    @Test func withoutAnythingToDoHangUpIsForwarded() {
        var story = Story { $0.hasSources = false }
        story.getReady(1)
        story.tell(.signal(.hangUp))
        #expect(story.sent(.hangUp, to: 1))
    }

    @Test func signalsAreRewrittenAndSwallowed() {
        var story = Story {
            $0.signalMap = [Signal(number: 10)!: .hangUp, Signal(number: 12)!: nil, .terminate: .quit]
        }
        story.getReady(1)
        story.tell(.signal(Signal(number: 10)!))
        #expect(story.sent(.hangUp, to: 1))
        story.tell(.signal(Signal(number: 12)!))
        #expect(story.effects.allSatisfy { if case .signal = $0 { false } else { true } })
        story.tell(.signal(.terminate))
        #expect(story.sent(.quit, to: 1) && !story.sent(.terminate, to: 1))
    }

    @Test func terminalStopsAreForwardedAndBatonStopsToo() {
        var story = Story { $0.hasTerminal = true }
        story.getReady(1)
        story.tell(.signal(.terminalStop))
        #expect(story.sent(.terminalStop, to: 1) && story.effects.contains(.stopSelf))
        story.tell(.signal(.cont))
        #expect(story.sent(.cont, to: 1) && story.effects.contains(.giveTerminal(1)))
        story.tell(.appStopped(1))
        #expect(story.effects.contains(.stopSelf))
    }
}
