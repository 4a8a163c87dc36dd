/// The deadlines that the supervisor waits for. They live inside the value, so that none can fire late into a state
/// that no longer knows it: cancelling is forgetting.
package struct Timers: Sendable {
    package enum Key: Hashable, Sendable {
        case ready(GenerationNumber), alive(GenerationNumber), scan(GenerationNumber), scanLimit(GenerationNumber),
            confirm(GenerationNumber), probe(GenerationNumber), drain(GenerationNumber), drainSignal(GenerationNumber),
            count(GenerationNumber), groupCheck(GenerationNumber)
        case settle, readRetry, splay, hold
        case restart
        case agent, awaited
        case stageRetry, validation, probation, firstProof, slowStart, reload
        case stopDelay, stopDeadline, stopGrace
    }

    private struct Entry {
        let key: Key
        let deadline: Instant
    }

    private var entries: [Entry] = []

    mutating func arm(_ key: Key, at deadline: Instant) {
        cancel(key)
        entries.append(Entry(key: key, deadline: deadline))
    }

    mutating func cancel(_ key: Key) { entries.removeAll { $0.key == key } }

    mutating func cancelAll(of generation: GenerationNumber) {
        for key in [
            Key.ready(generation), .alive(generation), .scan(generation), .scanLimit(generation), .confirm(generation),
            .probe(generation),
        ] { cancel(key) }
    }

    package func deadline(_ key: Key) -> Instant? { entries.first { $0.key == key }?.deadline }

    package var nextDeadline: Instant? { entries.lazy.map(\.deadline).min() }

    /// The earliest one that is due, taken out.
    mutating func takeDue(_ now: Instant) -> Key? {
        guard let index = entries.indices.min(by: { entries[$0].deadline < entries[$1].deadline }),
            entries[index].deadline <= now
        else { return nil }
        return entries.remove(at: index).key
    }
}
