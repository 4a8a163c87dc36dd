import Simulation
import Testing

@testable import BatonCore

/// Changes during a start: of somebody, or of the app itself.
@Suite struct OwnWritesStoryTests {
    private func story(_ change: (inout Setup) -> Void = { _ in }) -> Story {
        Story {
            $0.onChange = .restart
            change(&$0)
        }
    }

    private func starts(_ story: inout Story, _ number: GenerationNumber) {
        story.tell(.exited(GenerationNumber(number.value - 1), .exited(0), leftovers: false))
        #expect(story.starts == [number])
        story.tell(.launched(number))
    }

    @Test(arguments: [ChangeMode.restart, .auto, .reload, .handover])
    func aChangeDuringTheFirstStartIsOneAndComesWhenItIsReady(
        _ mode: ChangeMode
    ) {
        var story = story {
            $0.onChange = mode; $0.hasListener = mode == .handover
        }
        story.tell(.launched(1), .adopted(1))
        story.change(to: 2)
        story.change(to: 3)
        #expect(!story.sent(.terminate, to: 1) && story.starts.isEmpty && story.outcomes == [.superseded])
        story.tell(.scanned(1, .yes))
        if story.supervisor.generations.first?.kind == .starting { story.pass(.seconds(1)) }
        #expect(story.supervisor.move?.change.digest == Story.digest(3))
        #expect(story.effects.contains(.inspect(1, .hangUp)) || story.sent(.terminate, to: 1) || story.starts == [2])
    }

    @Test func whatTheAppWritesAtEachStartIsIgnored() {
        var story = story()
        story.written = .init(path: "/etc/app/generated", isAppWritable: true, after: .milliseconds(300))
        story.tell(.launched(1))
        story.change(to: 2)
        story.pass(.seconds(1))
        // Once it is believed.
        #expect(story.sent(.terminate, to: 1))
        starts(&story, 2)
        story.change(to: 3)
        #expect(story.messages.contains { $0.contains("/etc/app/generated") } && !story.sent(.terminate, to: 2))
        story.pass(.seconds(20))
        #expect(story.outcomes == [.applied(.restart, .alive)] && story.supervisor.move == nil)
        #expect(story.supervisor.digestInForce == Story.digest(3))
        // Later on it is a change like any other.
        story.change(to: 4)
        #expect(story.sent(.terminate, to: 2))
    }

    /// Whoever edits a file twice does not do it at the same moment of two starts.
    @Test func whatComesAtAnotherTimeOfTheStartIsSomebodysChange() {
        var story = story()
        story.written = .init(path: "/etc/app/app.yaml", isAppWritable: true, after: .milliseconds(100))
        story.tell(.launched(1))
        story.change(to: 2)
        story.pass(.seconds(1))
        starts(&story, 2)
        story.written = .init(path: "/etc/app/app.yaml", isAppWritable: true, after: .milliseconds(700))
        story.change(to: 3)
        #expect(story.supervisor.move?.change.digest == Story.digest(3))
    }

    @Test func whatComesOnceItIsReadyIsSomebodysChange() {
        var story = story()
        story.written = .init(path: "/etc/app/app.yaml", isAppWritable: true, after: .milliseconds(1100))
        for number in 1...3 {
            if number > 1 { starts(&story, GenerationNumber(number)) } else { story.tell(.launched(1)) }
            story.pass(.seconds(1))
            story.change(to: UInt64(number + 1))
            #expect(story.supervisor.move?.change.digest == Story.digest(UInt64(number + 1)))
        }
    }

    @Test func whatTheAppMayNotWriteIsSomebodysChange() {
        var story = story()
        story.written = .init(path: "/etc/app/app.yaml", isAppWritable: false, after: .milliseconds(300))
        story.tell(.launched(1))
        story.change(to: 2)
        story.pass(.seconds(1))
        starts(&story, 2)
        story.change(to: 3)
        #expect(story.supervisor.move?.change.digest == Story.digest(3))
    }

    @Test func anotherFileIsSomebodysChange() {
        var story = story()
        story.written = .init(path: "/etc/app/generated", isAppWritable: true, after: .milliseconds(300))
        story.tell(.launched(1))
        story.change(to: 2)
        story.pass(.seconds(1))
        starts(&story, 2)
        story.written = .init(path: "/etc/app/app.yaml", isAppWritable: true, after: .milliseconds(300))
        story.change(to: 3)
        #expect(story.supervisor.move?.change.digest == Story.digest(3))
    }
}
