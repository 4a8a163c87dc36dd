import Simulation
import Testing

@testable import BatonCore

/// Single stories, told step by step. What holds always is left to the simulation.
@Suite struct SupervisorTests {
    @Test func aHandoverTellsItsStoryInOrder() {
        var story = Story {
            $0.hasListener = true; $0.onChange = .handover
        }
        story.getReady(1)
        story.change(to: 2)
        #expect(story.starts == [2])
        story.getReady(2)
        #expect(story.outcomes == [.applied(.handover)])
        #expect(story.sent(.terminate, to: 1) && story.sent(.cont, to: 1))
        story.tell(.exited(1, .signalled(15), leftovers: false))
        #expect(story.supervisor.generations.map(\.number) == [2])
        #expect(story.supervisor.digestInForce == Story.digest(2))
    }

    @Test func autoReloadsHandsOverOrRestarts() {
        var caught = Story()
        caught.getReady(1)
        caught.change(to: 2)
        #expect(caught.effects.contains(.inspect(1, .hangUp)))
        caught.tell(.disposition(1, .caught))
        #expect(caught.sent(.hangUp, to: 1) && caught.outcomes == [.applied(.reload)])

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
        #expect(neither.outcomes == [.applied(.restart)])
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
            #expect(story.sent(.hangUp, to: 1) && story.outcomes == [.applied(.reload)])
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
            if listens { story.tell(.adopted(1), .looked(1, .yes)) } else { story.pass(.seconds(1)) }
            story.change(to: 2)
            story.tell(.disposition(1, .caught))
            story.pass(.seconds(2))
            story.tell(.exited(1, status, leftovers: false))
            #expect(story.messages.contains { $0.contains("after it was told to reload") })
            story.pass(.zero)
            #expect(story.starts == [2] && story.supervisor.phase == .running)
            #expect(story.supervisor.generations.first?.digest == Story.digest(2))
            story.tell(.launched(2))
            if listens { story.tell(.adopted(2), .looked(2, .yes)) } else { story.pass(.seconds(1)) }
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
        #expect(story.sent(.hangUp, to: 1) && story.outcomes == [.applied(.reload)])
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
        #expect(story.outcomes == [.rejected(reason: "generation 1 does not catch HUP, which would end it")])
    }

    @Test func aNewerChangeSupersedesTheOneThatIsStarting() {
        var story = Story {
            $0.hasListener = true; $0.onChange = .handover
        }
        story.getReady(1)
        story.change(to: 2)
        story.tell(.launched(2))
        story.change(to: 3)
        #expect(story.outcomes == [.superseded] && story.starts == [3] && story.sent(.terminate, to: 2))
        #expect(story.supervisor.serving?.number == 1)
    }

    @Test func goingBackToWhatIsInForceEndsTheHandover() {
        var story = Story {
            $0.hasListener = true; $0.onChange = .handover
        }
        story.getReady(1)
        story.change(to: 2)
        story.change(to: 1)
        #expect(story.outcomes == [.superseded] && story.starts.isEmpty && story.sent(.terminate, to: 2))
        #expect(story.supervisor.serving?.number == 1)
    }

    @Test func aGenerationThatFailsLeavesTheOldOneServing() {
        for failure in 0..<3 {
            var story = Story {
                $0.hasListener = true; $0.onChange = .handover; $0.ready = .notify; $0.readyTimeout = .seconds(5)
            }
            var ready = Notification()
            ready.ready = true
            story.tell(.launched(1), .notified(1, ready))
            story.change(to: 2)
            switch failure {
            case 0: story.tell(.exited(2, .exited(1), leftovers: false))
            case 1: story.tell(.launchFailed(2, .init(reason: "gone", exitCode: 127)))
            default: story.pass(.seconds(5))
            }
            guard case .rolledBack = story.outcomes.first else { Issue.record("\(story.outcomes)"); continue }
            #expect(story.supervisor.serving?.number == 1 && !story.sent(.terminate, to: 1))
            // The same content is not tried again until it changes.
            story.change(to: 2)
            #expect(story.starts.isEmpty)
            story.change(to: 3)
            #expect(story.starts == [3])
        }
    }

    @Test func readyAloneIsNoProofForASuccessor() {
        var story = Story {
            $0.hasListener = true; $0.onChange = .handover
        }
        story.getReady(1)
        story.change(to: 2)
        var ready = Notification()
        ready.ready = true
        story.tell(.launched(2), .notified(2, ready))
        #expect(story.supervisor.serving?.number == 1)
        story.tell(.exited(2, .exited(3), leftovers: false))
        #expect(story.supervisor.serving?.number == 1 && story.supervisor.phase == .running)
    }

    @Test func whenTheServingOneDiesItsSuccessorGoesOn() {
        var story = Story {
            $0.hasListener = true; $0.onChange = .handover
        }
        story.getReady(1)
        story.change(to: 2)
        story.tell(.launched(2), .looked(2, .no), .exited(1, .exited(9), leftovers: false))
        #expect(story.supervisor.phase == .running)
        story.pass(Supervisor.Times.waitingLookLimit)
        #expect(story.supervisor.serving?.number == 2 && story.outcomes == [.applied(.handover)])
    }

    @Test func stopDelaysThenDrainsThenKills() {
        var story = Story {
            $0.stopDelay = .seconds(3); $0.stopTimeout = .seconds(5)
        }
        story.getReady(1)
        story.tell(.signal(.terminate))
        #expect(!story.sent(.terminate, to: 1))
        story.pass(.seconds(3))
        #expect(story.sent(.terminate, to: 1))
        story.pass(.seconds(5))
        #expect(story.effects.contains(.signalDescendants(.kill)))
        story.tell(.exited(1, .signalled(9), leftovers: false), .childrenGone)
        #expect(story.effects.contains(.exit(137)))
    }

    @Test func theRestOfTheFamilyIsToldOnceTheAppHasEnded() {
        var story = Story()
        story.getReady(1)
        story.tell(.exited(1, .exited(4), leftovers: false))
        #expect(story.effects.contains(.signalDescendants(.terminate)))
        story.tell(.childrenGone)
        #expect(story.effects.contains(.exit(4)))
    }

    @Test func restartPolicies() {
        for (mode, status, restarts) in [
            (RestartMode.never, ExitStatus.exited(1), false), (.onFailure, .exited(1), true),
            (.onFailure, .exited(0), false),
            (.onFailure, .exited(143), false), (.always, .exited(0), true), (.always, .signalled(2), false),
        ] {
            var story = Story {
                $0.restart = mode; $0.exitOK = [143]
            }
            story.getReady(1)
            story.tell(.exited(1, status, leftovers: false))
            #expect((story.supervisor.phase == .running) == restarts, "\(mode) \(status)")
            story.pass(.seconds(1))
            #expect((story.starts == [2]) == restarts)
        }
    }

    @Test func aChangeDuringTheBackoffIsTriedAtOnce() {
        var story = Story {
            $0.restart = .always; $0.hasListener = true
        }
        story.getReady(1)
        story.tell(.exited(1, .exited(1), leftovers: false))
        story.change(to: 2)
        #expect(story.starts == [2])
    }

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
        #expect(story.outcomes == [.applied(.none)])
    }

    @Test func theOldestOfTooManyDrainingIsKilled() {
        var story = Story {
            $0.hasListener = true; $0.onChange = .handover; $0.maxDraining = 1; $0.drainTimeout = .seconds(600)
        }
        story.getReady(1)
        story.change(to: 2)
        story.getReady(2)
        story.change(to: 3)
        story.getReady(3)
        #expect(story.sent(.kill, to: 1) && !story.sent(.kill, to: 2))
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

    // MARK: seen to wait

    @Test func aReloadCommandTakesTheSignalsPlace() {
        var story = Story { $0.reloadsByCommand = true }
        story.getReady(1)
        story.change(to: 2)
        #expect(story.effects.contains(.runReload(1, 1)) && !story.sent(.hangUp, to: 1))
        story.tell(.reloadFinished(1, failure: nil))
        #expect(story.outcomes == [.applied(.reload)] && story.supervisor.digestInForce == Story.digest(2))
        story.change(to: 3)
        story.tell(.reloadFinished(2, failure: "the reload command exited with code 1"))
        #expect(story.outcomes == [.rejected(reason: "the reload command exited with code 1")])
        #expect(story.supervisor.digestInForce == Story.digest(2))
        // One that does not end has failed; a newer change does not wait for it.
        story.change(to: 4)
        story.pass(.seconds(31))
        #expect(story.outcomes == [.rejected(reason: "the reload command has not ended within 30s")])
        story.change(to: 5)
        story.change(to: 6)
        #expect(story.outcomes == [.superseded] && story.effects.contains(.endReload(4)))
        story.tell(.reloadFinished(4, failure: nil))
        #expect(story.outcomes.isEmpty)
        story.tell(.reloadFinished(5, failure: nil))
        #expect(story.outcomes == [.applied(.reload)])
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
        #expect(story.outcomes == [.applied(.restart)])
    }
}
