import BatonCore

// 11: a main process that ends well while its successor serves ends nothing.
extension Referee {
    func isReplaced(_ number: GenerationNumber, _ effects: [Supervisor.Effect]) -> Bool {
        effects.contains { if case .replaceMain(number, _) = $0 { true } else { false } }
    }

    /// Its generation stays what it was, and so does every change; who fails, or is to go, has no successor.
    func checkSuccession(
        _ event: Supervisor.Event, _ before: Supervisor, _ after: Supervisor, _ effects: [Supervisor.Effect],
        _ world: SimulatedWorld
    ) throws {
        guard case .exited(let number, let status, _, let successor) = event,
            let generation = before.index(number).map({
                before.generations[$0]
            })
        else { return }
        let mayBe =
            successor != nil && before.phase == .running && generation.kind == .ready
            && (status.code == 0 || setup.exitOK.contains(status.code)) && !before.wasInterrupted(status, at: world.now)
        guard mayBe == isReplaced(number, effects) else {
            throw Violation(
                invariant: 11,
                description:
                    "generation \(number) \(status), and \(String(describing: successor)) \(mayBe ? "is not" : "is") its main"
            )
        }
        guard mayBe else { return }
        guard after.phase == .running, after.serving?.number == before.serving?.number,
            after.generation(number, in: .ready) != nil
        else { throw Violation(invariant: 11, description: "the successor of generation \(number) does not serve") }
        for case .changeEnded(let change, let outcome) in effects {
            throw Violation(invariant: 11, description: "change \(change.number) is \(outcome) by a successor")
        }
    }
}
