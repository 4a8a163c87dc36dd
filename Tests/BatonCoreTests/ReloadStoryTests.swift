import Simulation
import Testing

@testable import BatonCore

/// A change that the app is told of, by a signal or a command.
@Suite struct ReloadStoryTests {
    @Test func autoReloadsHandsOverOrRestarts() {
        var caught = Story()
        caught.getReady(1)
        caught.change(to: 2)
        #expect(caught.effects.contains(.inspect(1, .hangUp)))
        caught.tell(.disposition(1, .caught))
        #expect(caught.sent(.hangUp, to: 1) && caught.supervisor.proving?.means == .reload)

        var listening = Story { $0.hasListener = true }
        listening.getReady(1)
        listening.change(to: 2)
        listening.tell(.disposition(1, .notCaught))
        #expect(!listening.sent(.hangUp, to: 1) && listening.starts == [2])

        var neither = Story()
        neither.getReady(1)
        neither.change(to: 2)
        neither.tell(.disposition(1, .notCaught))
        #expect(!neither.sent(.hangUp, to: 1) && neither.sent(.terminate, to: 1) && neither.starts.isEmpty)
        neither.tell(.exited(1, .exited(0), leftovers: false))
        #expect(neither.starts == [2])
        neither.getReady(2)
        #expect(neither.outcomes.isEmpty)
        neither.pass(Supervisor.Times.leastProbation)
        #expect(neither.outcomes == [.applied(.restart, .alive)])
    }

    @Test func aRuntimesHandlerIsNoReason() {
        for hasListener in [false, true] {
            var story = Story { $0.hasListener = hasListener }
            story.getReady(1)
            story.change(to: 2)
            story.tell(.disposition(1, .caughtByRuntime("etcd is a Go program")))
            #expect(!story.sent(.hangUp, to: 1) && story.messages.contains { $0.contains("etcd is a Go program") })
            #expect(story.starts == (hasListener ? [2] : []) && story.sent(.terminate, to: 1) == !hasListener)
        }
    }

    @Test func whatTheSettingsSayOfAReloadIsObeyed() {
        for named in [false, true] {
            var story = Story {
                $0.onChange = named ? .auto : .reload; $0.namesReloadSignal = named
            }
            story.getReady(1)
            story.change(to: 2)
            story.tell(.disposition(1, .caughtByRuntime("etcd is a Go program")))
            #expect(story.sent(.hangUp, to: 1) && story.supervisor.proving?.means == .reload)
            #expect(story.messages.contains { $0.contains("as the settings say") })
            story.change(to: 3)
            story.tell(.disposition(1, .caughtByRuntime("etcd is a Go program")))
            #expect(story.sent(.hangUp, to: 1) && !story.messages.contains { $0.contains("as the settings say") })
        }
    }

    /// Not even BATON_RESTART=never ends the service for a change's sake.
    @Test func anAppThatEndsByItsReloadGoesOnAndIsNotToldAgain() {
        for (status, listens) in [(ExitStatus.signalled(1), false), (.exited(3), false), (.exited(0), true)] {
            var story = Story { $0.adopts = true }
            story.tell(.launched(1))
            if listens { story.tell(.adopted(1), .scanned(1, .yes)) } else { story.pass(.seconds(1)) }
            story.change(to: 2)
            story.tell(.disposition(1, .caught))
            story.pass(.seconds(2))
            story.tell(.exited(1, status, leftovers: false))
            #expect(story.messages.contains { $0.contains("after its reload") })
            story.pass(.zero)
            #expect(story.starts == [2] && story.supervisor.phase == .running)
            #expect(story.supervisor.generations.first?.digest == Story.digest(2))
            story.tell(.launched(2))
            if listens { story.tell(.adopted(2), .scanned(2, .yes)) } else { story.pass(.seconds(1)) }
            story.change(to: 3)
            #expect(!story.effects.contains(.inspect(2, .hangUp)) && story.starts == (listens ? [3] : []))
        }
    }

    @Test func anAppThatEndsForAnotherReasonIsLeftToTheRestartPolicy() {
        // Long after its reload; a job that has done its work; and after a change that did not tell it anything.
        for (wait, status) in [(Interval.seconds(4), ExitStatus.exited(1)), (.seconds(1), .exited(0))] {
            var story = Story { $0.adopts = true }
            story.getReady(1)
            story.change(to: 2)
            story.tell(.disposition(1, .caught))
            story.pass(wait)
            story.tell(.exited(1, status, leftovers: false))
            #expect(story.supervisor.phase == .stopping)
        }
    }

    @Test func whatListensOnASocketOfItsOwnIsNoFinishedJob() {
        var story = Story { $0.adopts = true }
        story.getReady(1)
        story.tell(.listensItself(1))
        story.change(to: 2)
        story.tell(.disposition(1, .caught), .exited(1, .exited(0), leftovers: false))
        story.pass(.zero)
        #expect(story.starts == [2])
    }

    @Test func anAppThatEndsByItsReloadCommandGoesOnToo() {
        var story = Story { $0.reloadsByCommand = true }
        story.getReady(1)
        story.change(to: 2)
        story.tell(.reloadFinished(1, failure: nil), .exited(1, .exited(1), leftovers: false))
        story.pass(.zero)
        #expect(story.starts == [2])
    }

    @Test func reloadIsHeldUntilTheAppHasItsHandler() {
        var story = Story { $0.onChange = .reload }
        story.getReady(1)
        story.change(to: 2)
        for _ in 0..<10 {
            story.tell(.disposition(1, .notCaught))
            #expect(!story.sent(.hangUp, to: 1))
            story.pass(Supervisor.Times.holdInterval)
            #expect(story.effects.contains(.inspect(1, .hangUp)))
        }
        story.tell(.disposition(1, .caught))
        #expect(story.sent(.hangUp, to: 1) && story.supervisor.proving?.means == .reload)
    }

    @Test func reloadIsRefusedWhereTheAppNeverCatchesIt() {
        var story = Story {
            $0.onChange = .reload; $0.readyTimeout = .seconds(2)
        }
        story.getReady(1)
        story.pass(.seconds(2))
        story.change(to: 2)
        story.tell(.disposition(1, .notCaught))
        #expect(!story.sent(.hangUp, to: 1))
        let advice = "set BATON_RELOAD_SIGNAL, BATON_RELOAD_COMMAND or BATON_ON_CHANGE=auto"
        #expect(
            story.outcomes == [
                .rejected(reason: "generation 1 does not catch HUP, so the signal would end it: \(advice)")
            ])
        story.change(to: 3)
        story.tell(.disposition(1, .ignored))
        #expect(!story.sent(.hangUp, to: 1))
        #expect(story.outcomes == [.rejected(reason: "generation 1 ignores HUP: \(advice)")])
    }

    @Test func theWaitForAHandlerIsToldOnceForEachChangeAndInTheStatus() {
        for disposition in [Supervisor.Disposition.notCaught, .ignored, .unknown] {
            var story = Story { $0.onChange = .reload }
            story.getReady(1)
            story.pass(.seconds(4))
            for number in 1...2 {
                story.change(to: UInt64(number) + 1)
                let said = "change \(number): waiting up to \(30 - 4 - number)s for generation 1 to catch HUP"
                story.tell(.disposition(1, disposition))
                #expect(story.messages.contains(said), "\(said): \(story.messages)")
                for _ in 0..<5 {
                    story.pass(Supervisor.Times.holdInterval)
                    story.tell(.disposition(1, disposition))
                    #expect(!story.messages.contains { $0.contains("waiting up to") })
                }
                let overview = story.supervisor.overview { $0.nanoseconds / 1_000_000 }
                #expect(overview.text("waits_for") == "generation 1 to catch HUP")
                #expect(overview.number("wait_ends_at") == 30_000)
                story.pass(.seconds(1) - Supervisor.Times.holdInterval * 5)
            }
            story.tell(.disposition(1, .caught))
            #expect(story.supervisor.overview { $0.nanoseconds }.text("waits_for") == nil)
        }
    }

    @Test func aChangeThatWaitsForTheFirstGenerationSaysSo() {
        var story = Story { $0.onChange = .reload }
        story.tell(.launched(1))
        story.change(to: 2)
        #expect(
            story.supervisor.overview { $0.nanoseconds }.text("waits_for") == "generation 1 to be ready")
    }

    @Test func aReloadCommandTakesTheSignalsPlace() {
        var story = Story { $0.reloadsByCommand = true }
        story.getReady(1)
        story.change(to: 2)
        #expect(story.effects.contains(.runReload(1, 1)) && !story.sent(.hangUp, to: 1))
        story.tell(.reloadFinished(1, failure: nil))
        #expect(story.outcomes.isEmpty && story.supervisor.digestInForce == Story.digest(2))
        story.pass(Supervisor.Times.leastProbation)
        #expect(story.outcomes == [.applied(.reload, .alive)])
        story.change(to: 3)
        story.tell(.reloadFinished(2, failure: "the reload command exited with code 1"))
        #expect(story.outcomes == [.rejected(reason: "the reload command exited with code 1")])
        #expect(story.supervisor.digestInForce == Story.digest(2))
        // One that does not end has failed; a newer change does not wait for it.
        story.change(to: 4)
        story.pass(.seconds(31))
        #expect(story.outcomes == [.rejected(reason: "the reload command did not finish within 30s")])
        story.change(to: 5)
        story.change(to: 6)
        #expect(story.outcomes == [.superseded] && story.effects.contains(.endReload(4)))
        story.tell(.reloadFinished(4, failure: nil))
        #expect(story.outcomes.isEmpty)
        story.tell(.reloadFinished(5, failure: nil))
        #expect(story.supervisor.proving?.change.number == 5)
    }

    @Test func aGenerationThatDiesUnderTheReloadCommandIsReplacedByOneThatReadsTheChange() {
        var story = Story {
            $0.reloadsByCommand = true
            $0.restart = .always
        }
        story.getReady(1)
        story.change(to: 2)
        story.tell(.exited(1, .exited(1), leftovers: false))
        story.pass(.seconds(1))
        #expect(story.starts == [2])
        story.tell(.reloadFinished(1, failure: "no such process"))
        #expect(story.outcomes.isEmpty)
        story.getReady(2)
        #expect(story.supervisor.proving?.means == .restart)
    }
}
