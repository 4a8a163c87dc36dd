import BatonCore
import Glibc
import OldCore
import OldSimulation

/// Tells the core of today what the core of another revision was told in simulation, and compares what the two answer.
///
/// Left out is what is no decision: the words of the log (its level, event and fields are compared), and the ticks in which neither
/// does anything.
@main enum Replay {
    static func main() {
        let runs = CommandLine.arguments.dropFirst().first.flatMap { UInt64($0) } ?? 1000
        var steps = 0
        var different = 0
        for seed in 1...runs {
            do throws(Referee.Violation) {
                let recording = try Simulation.record(seed: seed)
                steps += recording.steps.count
                if !isEqual(recording, seed) { different += 1 }
            } catch {
                print("seed \(seed): the old core itself does not hold: \(error)")
                exit(2)
            }
        }
        print("\(runs) runs, \(steps) steps: \(different == 0 ? "equal" : "\(different) runs differ")")
        exit(different == 0 ? 0 : 1)
    }

    private static func isEqual(_ recording: Recording, _ seed: UInt64) -> Bool {
        let setup = recording.setup
        var supervisor = BatonCore.Supervisor(
            .init(setup.settings), .init(setup.plan), record: .init(text: setup.record.text), seed: recording.seed)
        for (index, step) in recording.steps.enumerated() {
            let effects = supervisor.handle(.init(step.event), at: .init(nanoseconds: step.instant.nanoseconds))
            let old = step.effects.map(words)
            let new = effects.map(words)
            guard old != new else { continue }
            print("seed \(seed), step \(index), \(step.instant.nanoseconds / 1_000_000) ms: \(step.event)")
            for line in old where !new.contains(line) { print("    - \(line)") }
            for line in new where !old.contains(line) { print("    + \(line)") }
            if Set(old) == Set(new) { print("    the same, in another order") }
            return false
        }
        return true
    }

    private static func words(_ effect: OldCore.Supervisor.Effect) -> String {
        guard case .log(let record) = effect else { return plain("\(effect)") }
        return plain("log \(record.level) \(record.event) \(record.fields)")
    }

    private static func words(_ effect: BatonCore.Supervisor.Effect) -> String {
        guard case .log(let record) = effect else { return plain("\(effect)") }
        return plain("log \(record.level) \(record.event) \(record.fields)")
    }

    /// Without the names of the modules.
    private static func plain(_ text: String) -> String {
        var plain = ""
        var rest = text[...]
        while let character = rest.first {
            if rest.hasPrefix("OldCore.") {
                rest = rest.dropFirst("OldCore.".count)
            } else if rest.hasPrefix("BatonCore.") {
                rest = rest.dropFirst("BatonCore.".count)
            } else {
                plain.append(character)
                rest = rest.dropFirst()
            }
        }
        return plain
    }
}
