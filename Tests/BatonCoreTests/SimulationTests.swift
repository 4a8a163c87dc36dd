import Glibc
import Simulation
import Testing

/// The whole heart in simulation. `BATON_SIMULATION_SEED=n` replays one run; baton-simulate runs for longer.
@Suite struct SimulationTests {
    private static let leastSteps = 300_000

    @Test func invariantsHoldAfterEveryStepOfEverySeed() throws {
        if let text = getenv("BATON_SIMULATION_SEED"), let seed = UInt64(String(cString: text)) {
            _ = try run(seed)
            return
        }
        var steps = 0
        var seed: UInt64 = 0
        while steps < Self.leastSteps {
            seed += 1
            steps += try run(seed)
        }
        print("simulation: \(steps) steps in \(seed) runs")
    }

    private func run(_ seed: UInt64) throws -> Int {
        do { return try Simulation.run(seed: seed).steps } catch {
            Issue.record("invariant \(error.invariant): \(error). Replay with BATON_SIMULATION_SEED=\(seed)")
            throw error
        }
    }
}
