import Simulation

@testable import BatonCore

/// A supervisor with a clock, and everything that it ordered.
struct Story {
    var supervisor: Supervisor
    var now = Instant(nanoseconds: 0)
    var effects: [Supervisor.Effect] = []

    init(_ change: (inout Setup) -> Void = { _ in }) {
        var setup = Setup()
        setup.hasSources = true
        change(&setup)
        supervisor = setup.supervisor(seed: 1)
        tell(.begin(Story.digest(1)))
    }

    /// Of an app that listens on a socket of each generation's own, and hands over.
    static func steered(_ change: (inout Setup) -> Void = { _ in }) -> Story {
        Story {
            $0.hasListener = true
            $0.steers = true
            $0.onChange = .handover
            change(&$0)
        }
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
    mutating func getReady(_ number: GenerationNumber) {
        tell(.launched(number), .scanned(number, .yes))
        if supervisor.serving?.number != number { pass(Supervisor.Times.aliveProof) }
        takeConnection(number)
    }

    /// Where that is asked, it is seen to take its first connection.
    mutating func takeConnection(_ number: GenerationNumber) {
        guard supervisor.proving?.generation == number, supervisor.proving?.hearing != .heard else { return }
        let before = effects
        tell(.connections(number, .init(queued: 0, open: 1, idle: 0)))
        effects = before + effects
    }

    mutating func change(to digest: UInt64) {
        tell(.touched(atomic: true), .snapshot(.whole(Story.digest(digest))))
    }

    var outcomes: [Outcome] {
        effects.compactMap { if case .changeEnded(_, let outcome) = $0 { outcome } else { nil } }
    }
    var starts: [GenerationNumber] { effects.compactMap { if case .start(let number) = $0 { number } else { nil } } }
    var messages: [String] { effects.compactMap { if case .log(let record) = $0 { record.message } else { nil } } }

    /// What the next run is left: the numbers of the good snapshot and of the one before, and what is held.
    var records: [[UInt64?]] {
        effects.compactMap {
            guard case .keepRecord(let good, let before, let held) = $0 else { return nil }
            return [UInt64(good.number.value), before.map { UInt64($0.number.value) }, held?.parts.first]
        }
    }

    func sent(_ signal: Signal, to number: GenerationNumber) -> Bool {
        effects.contains { if case .signal(number, signal, _) = $0 { true } else { false } }
    }
}
