import Testing

@testable import BatonCore

/// Single stories, told step by step. What holds always is left to the simulation.
@Suite struct SupervisorTests {
    /// A supervisor with a clock, and everything that it ordered.
    struct Story {
        var supervisor: Supervisor
        var now = Instant(nanoseconds: 0)
        var effects: [Supervisor.Effect] = []

        init(_ change: (inout Supervisor.Policy) -> Void = { _ in }) {
            var policy = Supervisor.Policy()
            policy.hasSources = true
            change(&policy)
            supervisor = Supervisor(policy: policy, seed: 1)
            tell(.begin(Story.digest(1)))
        }

        static func digest(_ number: UInt64) -> Digest { Digest(number, 0, 0, 0) }

        mutating func tell(_ events: Supervisor.Event...) {
            effects = []
            for event in events { effects += supervisor.handle(event, at: now) }
        }

        /// Lets time pass, with every deadline on the way.
        mutating func pass(_ interval: Interval) {
            effects = []
            let end = now + interval
            while let deadline = supervisor.nextDeadline, deadline <= end {
                now = max(now, deadline)
                effects += supervisor.handle(.tick, at: now)
            }
            now = end
        }

        /// Starts the next generation's life up to ready by staying alive.
        mutating func getReady(_ number: Int) {
            tell(.launched(number), .looked(number, .yes))
            if supervisor.serving?.number != number { pass(Supervisor.Times.aliveProof) }
        }

        mutating func change(to digest: UInt64) {
            tell(.touched(atomic: true), .snapshot(.whole(Story.digest(digest))))
        }

        var outcomes: [Outcome] {
            effects.compactMap { if case .changeEnded(_, let outcome) = $0 { outcome } else { nil } }
        }
        var starts: [Int] { effects.compactMap { if case .start(let number) = $0 { number } else { nil } } }
        var messages: [String] { effects.compactMap { if case .log(let record) = $0 { record.message } else { nil } } }

        func sent(_ signal: Signal, to number: Int) -> Bool {
            effects.contains { if case .signal(number, signal, _) = $0 { true } else { false } }
        }
    }

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
        caught.tell(.disposition(1, isCaught: true))
        #expect(caught.sent(.hangUp, to: 1) && caught.outcomes == [.applied(.reload)])

        var listening = Story { $0.hasListener = true }
        listening.getReady(1)
        listening.change(to: 2)
        listening.tell(.disposition(1, isCaught: false))
        #expect(!listening.sent(.hangUp, to: 1) && listening.starts == [2])

        var neither = Story()
        neither.getReady(1)
        neither.change(to: 2)
        neither.tell(.disposition(1, isCaught: false))
        #expect(!neither.sent(.hangUp, to: 1) && neither.sent(.terminate, to: 1) && neither.starts.isEmpty)
        neither.tell(.exited(1, .exited(0), leftovers: false))
        #expect(neither.starts == [2])
        neither.getReady(2)
        #expect(neither.outcomes == [.applied(.restart)])
    }

    @Test func reloadIsHeldUntilTheAppHasItsHandler() {
        var story = Story { $0.onChange = .reload }
        story.getReady(1)
        story.change(to: 2)
        for _ in 0..<10 {
            story.tell(.disposition(1, isCaught: false))
            #expect(!story.sent(.hangUp, to: 1))
            story.pass(Supervisor.Times.holdInterval)
            #expect(story.effects.contains(.inspect(1, .hangUp)))
        }
        story.tell(.disposition(1, isCaught: true))
        #expect(story.sent(.hangUp, to: 1) && story.outcomes == [.applied(.reload)])
    }

    @Test func reloadIsRefusedWhereTheAppNeverCatchesIt() {
        var story = Story {
            $0.onChange = .reload; $0.readyTimeout = .seconds(2)
        }
        story.getReady(1)
        story.pass(.seconds(2))
        story.change(to: 2)
        story.tell(.disposition(1, isCaught: false))
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

    @Test func whereItCannotBeSeenASecondAliveIsEnough() {
        var story = Story { $0.hasListener = true }
        story.tell(.launched(1))
        for look in 1...Supervisor.Times.refusedLooks {
            story.tell(.looked(1, .unknown("not permitted")))
            #expect(story.messages.isEmpty == (look < Supervisor.Times.refusedLooks))
        }
        #expect(story.supervisor.serving == nil)
        story.pass(Supervisor.Times.aliveProof)
        #expect(story.supervisor.serving?.number == 1)
    }

    @Test func aFirstGenerationThatNeverWaitsIsTakenAndToldAbout() {
        var story = Story { $0.hasListener = true }
        story.tell(.launched(1))
        for _ in 0..<10 {
            story.tell(.looked(1, .no))
            story.pass(Supervisor.Times.waitingLook)
            #expect(story.effects.contains(.lookWhetherWaiting(1)))
        }
        story.pass(Supervisor.Times.waitingLookLimit)
        #expect(
            story.supervisor.serving?.number == 1
                && story.messages.contains { $0.contains("has not been seen to wait") })
    }

    @Test func aSuccessorThatNeverWaitsIsGivenUpInThoseWords() {
        var story = Story {
            $0.hasListener = true; $0.onChange = .handover
        }
        story.getReady(1)
        story.change(to: 2)
        story.tell(.launched(2), .looked(2, .no))
        story.pass(.seconds(30))
        #expect(
            story.outcomes == [
                .rolledBack(reason: "it has not waited for connections on its listening socket within 30s")
            ])
        #expect(story.supervisor.serving?.number == 1)
    }

    // MARK: steered

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

    @Test func whereConnectionsCannotBeCountedItIsToldAtOnce() {
        var story = handedOver()
        story.pass(Supervisor.Times.drainLook)
        story.tell(.connections(1, nil))
        #expect(story.sent(.terminate, to: 1))
    }

    @Test func aStopDoesNotWaitForQuiet() {
        var story = handedOver()
        story.tell(.signal(.terminate))
        #expect(story.sent(.terminate, to: 1) && story.sent(.terminate, to: 2))
    }
}
