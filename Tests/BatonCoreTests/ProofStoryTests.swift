import Simulation
import Testing

@testable import BatonCore

/// What is in force is proven, or undone, by whichever way it was applied.
@Suite struct ProofStoryTests {
    enum Way: CaseIterable { case signal, command, restart }

    /// Generation 1 serves with snapshot 1; the change to content 2 has been put in force.
    private func inForce(_ way: Way, _ change: (inout Setup) -> Void = { _ in }) -> Story {
        var story = Story {
            $0.stages = true
            $0.onChange = way == .restart ? .restart : .reload
            $0.reloadsByCommand = way == .command
            change(&$0)
        }
        story.tell(.snapshotStaged(1, .whole))
        ready(&story, 1)
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole))
        putInForce(&story, way, change: 1, generation: 2)
        return story
    }

    private func ready(_ story: inout Story, _ number: GenerationNumber) {
        story.getReady(number)
        story.tell(.probeFinished(number, isReady: true))
    }

    private func putInForce(
        _ story: inout Story, _ way: Way, change: ChangeNumber, generation: GenerationNumber
    ) {
        switch way {
        case .signal: story.tell(.disposition(1, .caught))
        case .command: story.tell(.reloadFinished(change, failure: nil))
        case .restart:
            story.tell(.exited(GenerationNumber(generation.value - 1), .exited(0), leftovers: false))
            ready(&story, generation)
        }
        #expect(story.outcomes.isEmpty && story.supervisor.proving != nil)
    }

    private func serving(_ story: Story) -> GenerationNumber { story.supervisor.serving?.number ?? 0 }

    // MARK: proven

    @Test(arguments: Way.allCases) func whoLivesThroughItsTimeIsProven(_ way: Way) {
        var story = inForce(way)
        story.pass(.milliseconds(2900))
        #expect(story.outcomes.isEmpty && !story.effects.contains(.dropSnapshot(1)))
        story.pass(.milliseconds(200))
        let means: Outcome.Means = way == .restart ? .restart : .reload
        #expect(story.outcomes == [.applied(means, .alive)])
        #expect(story.records == [[2, 1, nil]])
        #expect(story.supervisor.digestInForce == Story.digest(2))
    }

    @Test(arguments: Way.allCases) func aProbeThatIsGreenIsAProof(_ way: Way) {
        var story = inForce(way) { $0.ready = .command(["true"]) }
        for _ in 0..<3 {
            story.pass(.seconds(1))
            story.tell(.probeFinished(serving(story), isReady: true))
        }
        story.pass(.seconds(1))
        #expect(story.supervisor.proving == nil)
        #expect(story.supervisor.history.proofs == [.probe: 1])
    }

    /// Nobody has asked the probe yet: its answer decides, not the clock.
    @Test func noProofByAProbeWithoutItsAnswer() {
        var story = inForce(.signal) { $0.ready = .command(["true"]) }
        story.pass(.seconds(4))
        #expect(story.outcomes.isEmpty)
        story.tell(.probeFinished(1, isReady: true))
        #expect(story.outcomes == [.applied(.reload, .probe)])
    }

    /// Its time is over: what is red now has failed, however short it has been so.
    @Test func aProbeThatIsRedWhenItsTimeIsOverHasFailed() {
        var story = inForce(.signal) { $0.ready = .command(["true"]) }
        story.pass(.seconds(3))
        #expect(story.outcomes.isEmpty)
        story.tell(.probeFinished(1, isReady: false))
        #expect(story.outcomes == [.rolledBack(reason: "generation 1 is no longer ready")])
    }

    /// As where the app hangs, and the command of the probe with it.
    @Test func aProbeThatNeverEndsHasFailed() {
        var story = inForce(.signal) { $0.ready = .command(["true"]) }
        story.pass(.seconds(3) + Supervisor.Times.lastProbeCommand)
        #expect(
            story.outcomes == [.rolledBack(reason: "the probe of generation 1 did not finish by the end of probation")])
        #expect(story.effects.contains(.endProbe(1)) && story.effects.contains(.promote(1)))
    }

    @Test func theAppsWordIsAProofAtOnce() {
        var story = inForce(.signal)
        var word = Notification()
        word.ready = true
        // Not without RELOADING=1.
        story.tell(.notified(1, word))
        #expect(story.outcomes.isEmpty)
        word = Notification()
        word.reloading = true
        story.tell(.notified(1, word))
        word = Notification()
        word.ready = true
        story.tell(.notified(1, word))
        #expect(story.outcomes == [.applied(.reload, .app)])
    }

    @Test func aProbationThatIsSetOutlastsTheAppsWord() {
        var story = inForce(.signal) { $0.probation = .seconds(20) }
        var word = Notification()
        word.reloading = true
        word.ready = true
        story.tell(.notified(1, word))
        #expect(story.outcomes.isEmpty)
        story.pass(.seconds(20))
        #expect(story.outcomes == [.applied(.reload, .app)])
    }

    @Test func withNoProbationNothingIsWaitedForAndNothingIsClaimed() {
        var story = Story {
            $0.onChange = .reload; $0.probation = .zero
        }
        story.getReady(1)
        story.change(to: 2)
        story.tell(.disposition(1, .caught))
        #expect(story.outcomes == [.applied(.reload, .none)])
        #expect(story.messages.contains { $0.contains("not known") && $0.contains("BATON_RELOAD_COMMAND") })
    }

    // MARK: undone

    @Test(arguments: Way.allCases, [RestartMode.never, .onFailure, .always])
    func whoDiesIsStartedWithTheLastGoodContent(_ way: Way, _ restart: RestartMode) {
        var story = inForce(way) { $0.restart = restart }
        let failed = serving(story)
        story.pass(.seconds(1))
        story.tell(.exited(failed, .exited(3), leftovers: false))
        #expect(story.outcomes.map(\.name) == ["rolled_back"] && story.effects.contains(.promote(1)))
        story.pass(.milliseconds(1))
        #expect(story.starts == [failed.next] && story.supervisor.generations.last?.digest == Story.digest(1))
        #expect(story.supervisor.digestAtStart == Story.digest(1))
        // The same content is not tried again.
        ready(&story, failed.next)
        story.change(to: 2)
        #expect(story.supervisor.move == nil && story.supervisor.digestInForce == Story.digest(1))
    }

    @Test(arguments: Way.allCases) func whoseProbeFailsIsReplaced(_ way: Way) {
        var story = inForce(way) { $0.ready = .command(["true"]) }
        let failed = serving(story)
        for _ in 0..<3 {
            story.pass(.seconds(1))
            #expect(story.effects.contains(.runProbe(failed)))
            story.tell(.probeFinished(failed, isReady: false))
        }
        #expect(story.outcomes == [.rolledBack(reason: "generation \(failed) is no longer ready")])
        #expect(story.sent(.terminate, to: failed) && story.effects.contains(.promote(1)))
        story.tell(.exited(failed, .exited(0), leftovers: false))
        story.pass(.milliseconds(200))
        #expect(story.starts == [failed.next])
    }

    /// Where two can run the one that fails its probe serves until the other is ready.
    @Test func withAListenerTheLastGoodContentIsHandedOverTo() {
        var story = inForce(.signal) {
            $0.hasListener = true; $0.ready = .command(["true"])
        }
        for _ in 0..<3 {
            story.pass(.seconds(1))
            story.tell(.probeFinished(1, isReady: false))
        }
        #expect(story.outcomes.map(\.name) == ["rolled_back"])
        #expect(story.starts == [2] && !story.sent(.terminate, to: 1) && story.supervisor.serving?.number == 1)
        // A newer change does not wait for it, nor is it told to the one that is to go.
        story.change(to: 3)
        story.tell(.snapshotStaged(3, .whole))
        #expect(story.sent(.terminate, to: 2) && story.starts == [3] && !story.sent(.hangUp, to: 1))
    }

    @Test func aReloadThatDoesNotEndHasFailed() {
        var story = inForce(.signal)
        var word = Notification()
        word.reloading = true
        story.tell(.notified(1, word))
        story.pass(.seconds(29))
        #expect(story.outcomes.isEmpty)
        story.pass(.seconds(1))
        #expect(story.outcomes == [.rolledBack(reason: "generation 1 did not finish its reload within 30s")])
    }

    @Test func withoutAStageThereIsNothingToGoBackTo() {
        var story = Story { $0.onChange = .reload }
        story.getReady(1)
        story.change(to: 2)
        story.tell(.disposition(1, .caught))
        story.tell(.exited(1, .exited(3), leftovers: false))
        #expect(story.outcomes.map(\.name) == ["failed"] && story.supervisor.phase == .stopping)
    }

    /// Under `auto` the reload may be at fault and not the content, which a new process shows.
    @Test func underAutoANewProcessTriesIt() {
        var story = inForce(.signal) { $0.onChange = .auto }
        story.tell(.exited(1, .signalled(1), leftovers: false))
        #expect(story.outcomes.isEmpty)
        story.pass(.milliseconds(1))
        #expect(story.starts == [2] && story.supervisor.generations.last?.digest == Story.digest(2))
        story.getReady(2)
        story.pass(.seconds(3))
        #expect(story.outcomes == [.applied(.restart, .alive)] && story.supervisor.endsByReload)
    }

    @Test func underAutoContentThatNoProcessSurvivesIsUndoneAndTheReloadIsNotBlamed() {
        var story = inForce(.signal) { $0.onChange = .auto }
        story.tell(.exited(1, .exited(3), leftovers: false))
        story.pass(.milliseconds(1))
        story.tell(.launched(2), .exited(2, .exited(3), leftovers: false))
        #expect(story.outcomes == [.rolledBack(reason: "generation 2 exited with code 3 before it was ready")])
        story.pass(.milliseconds(1))
        #expect(story.starts == [3] && story.supervisor.generations.last?.digest == Story.digest(1))
        story.getReady(3)
        story.change(to: 3)
        story.tell(.snapshotStaged(3, .whole))
        #expect(story.effects.contains(.inspect(3, .hangUp)) && !story.supervisor.endsByReload)
    }

    @Test func whoDiesUnderItsReloadCommandGoesBackToo() {
        var story = Story {
            $0.stages = true
            $0.onChange = .reload
            $0.reloadsByCommand = true
        }
        story.tell(.snapshotStaged(1, .whole))
        story.getReady(1)
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole), .exited(1, .exited(3), leftovers: false))
        #expect(story.outcomes.map(\.name) == ["rolled_back"])
        story.pass(.milliseconds(1))
        #expect(story.starts == [2] && story.supervisor.digestAtStart == Story.digest(1))
    }

    // MARK: neither

    /// A person ends it, or it has done what it was for: nothing is started again.
    @Test func whatEndsOnPurposeIsNotUndone() {
        var interrupted = inForce(.signal)
        interrupted.tell(.signal(.interrupt), .exited(1, .signalled(2), leftovers: false))
        #expect(interrupted.outcomes == [.superseded] && interrupted.supervisor.phase == .stopping)
        var finished = inForce(.restart)
        finished.tell(.exited(2, .exited(0), leftovers: false))
        #expect(finished.outcomes == [.applied(.restart, .alive)] && finished.supervisor.phase == .stopping)
    }

    @Test func aProbeThatSaidNoIsNoProofOfWhatEndsWell() {
        var story = inForce(.restart) { $0.ready = .command(["true"]) }
        story.pass(.seconds(1))
        story.tell(.probeFinished(2, isReady: false), .exited(2, .exited(0), leftovers: false))
        #expect(story.outcomes == [.applied(.restart, .alive)])
    }

    @Test(arguments: Way.allCases) func aStopLeavesItUnproven(_ way: Way) {
        var story = inForce(way)
        story.tell(.signal(.terminate))
        #expect(story.outcomes == [.superseded] && !story.effects.contains(.dropSnapshot(1)))
        #expect(!story.effects.contains(.promote(1)))
    }

    @Test(arguments: Way.allCases) func aNewerChangeIsAppliedAtOnce(_ way: Way) {
        var story = inForce(way)
        story.change(to: 3)
        #expect(story.outcomes.isEmpty)
        story.tell(.snapshotStaged(3, .whole))
        #expect(story.outcomes == [.superseded])
        putInForce(&story, way, change: 2, generation: 3)
        let failed = serving(story)
        story.tell(.exited(failed, .exited(3), leftovers: false))
        #expect(story.outcomes.map(\.name) == ["rolled_back"] && story.effects.contains(.promote(1)))
    }

    // MARK: superseded, and then nothing comes of the newer one

    /// An app that dies while the newer change waits for its turn is undone like any other.
    @Test func aTurnThatIsWaitedForDoesNotEndTheProof() {
        var story = Story {
            $0.stages = true; $0.onChange = .reload; $0.splay = .seconds(100); $0.probation = .seconds(300)
        }
        story.tell(.snapshotStaged(1, .whole))
        story.getReady(1)
        story.change(to: 2)
        story.tell(.snapshotStaged(2, .whole))
        story.pass(.seconds(100))
        story.tell(.disposition(1, .caught))
        story.change(to: 3)
        story.tell(.snapshotStaged(3, .whole))
        #expect(story.outcomes.isEmpty && story.supervisor.proving != nil)
        story.tell(.exited(1, .exited(3), leftovers: false))
        story.pass(.milliseconds(1))
        #expect(story.supervisor.phase == .running && story.starts == [2])
    }

    @Test func whenTheNewerChangeIsRejectedTheLastGoodContentComesBack() {
        var story = inForce(.command)
        story.change(to: 3)
        story.tell(.snapshotStaged(3, .whole))
        #expect(story.outcomes == [.superseded])
        story.tell(.reloadFinished(2, failure: "the reload command exited with code 1"))
        #expect(story.outcomes.map(\.name) == ["rejected"] && story.effects.contains(.promote(1)))
        #expect(!story.supervisor.stage.isRecorded || story.supervisor.stage.proven?.number == 1)
    }

    /// The one that was kept is not kept for nothing.
    @Test func whenTheNewerChangeIsNotNeededAnyMoreTheOneInForceIsProven() {
        var story = Story.steered { $0.probation = .seconds(60) }
        story.getReady(1)
        story.change(to: 2)
        story.tell(.launched(2), .scanned(2, .yes))
        story.change(to: 3)
        #expect(story.outcomes == [.superseded] && story.starts == [3])
        // Back to what serves, and is not proven.
        story.change(to: 2)
        story.getReady(4)
        story.pass(.seconds(61))
        #expect(story.outcomes == [.applied(.handover, .alive)])
        #expect(!story.supervisor.generations.contains { $0.label == "standby" })
    }

    /// It may need what the failed one holds.
    @Test func aSecondCopyThatDoesNotGetReadyIsStartedAfterTheFailedOne() {
        var story = inForce(.signal) {
            $0.hasListener = true; $0.ready = .command(["true"])
        }
        for _ in 0..<3 {
            story.pass(.seconds(1))
            story.tell(.probeFinished(1, isReady: false))
        }
        #expect(story.starts == [2])
        story.tell(.launched(2), .exited(2, .exited(1), leftovers: false))
        #expect(story.sent(.terminate, to: 1))
        story.pass(.milliseconds(1))
        #expect(story.starts == [3] && story.supervisor.generations.last?.digest == Story.digest(1))
    }

    /// Asked and not answered is not green.
    @Test func aProbeThatHangsAfterAGreenOneIsWaitedFor() {
        var story = inForce(.restart) { $0.ready = .command(["true"]) }
        story.pass(.seconds(1))
        story.tell(.probeFinished(2, isReady: true))
        story.pass(.seconds(3))
        #expect(story.outcomes.isEmpty)
        story.pass(Supervisor.Times.lastProbeCommand)
        #expect(story.outcomes.map(\.name) == ["rolled_back"])
    }
}
