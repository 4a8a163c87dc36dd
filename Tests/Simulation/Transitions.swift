package import BatonCore

/// The transitions that runs have taken, as they are seen from outside: where each stood before an event, and where after it.
package struct Transitions: Sendable, Equatable {
    package struct Transition: Sendable, Hashable, Comparable {
        package let from: String
        package let to: String

        package init(_ from: String, _ to: String) {
            self.from = from
            self.to = to
        }

        package static func < (a: Transition, b: Transition) -> Bool { (a.from, a.to) < (b.from, b.to) }
    }

    package private(set) var generation: Set<Transition> = []
    package private(set) var change: Set<Transition> = []
    package private(set) var baton: Set<Transition> = []

    package init() {}

    mutating func note(_ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect]) {
        insert(before.label, after.label, &baton)
        for old in before.generations {
            let new = after.generations.first { $0.number == old.number }
            insert(old.label, new?.label ?? "gone", &generation)
        }
        let known = Set(before.generations.map(\.number))
        for new in after.generations where !known.contains(new.number) { insert("new", new.label, &generation) }
        noteChanges(before, after, effects)
    }

    private mutating func noteChanges(
        _ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect]
    ) {
        func step(_ number: ChangeNumber, _ supervisor: Supervisor) -> String? {
            if supervisor.proving?.change.number == number { return "proving" }
            guard let move = supervisor.move, move.change.number == number else { return nil }
            return move.step.label
        }
        for case .changeEnded(let ended, let outcome) in effects {
            insert(step(ended.number, before) ?? "seen", outcome.name, &change)
        }
        for number in [after.proving?.change.number, after.move?.change.number] {
            guard let number, let now = step(number, after) else { continue }
            insert(step(number, before) ?? "seen", now, &change)
        }
    }

    private func insert(_ from: String, _ to: String, _ set: inout Set<Transition>) {
        if from != to { set.insert(Transition(from, to)) }
    }

    package mutating func formUnion(_ other: Transitions) {
        generation.formUnion(other.generation)
        change.formUnion(other.change)
        baton.formUnion(other.baton)
    }
}
