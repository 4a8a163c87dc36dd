import BatonCore
import Glibc
import Testing

/// The whole heart in simulation. `BATON_SIMULATION_SEED=n` replays one run, `BATON_SIMULATION_RUNS=n` sets how many.
@Suite struct SimulationTests {
    private static let eventsPerRun = 400
    private static let leastSteps = 1_000_000

    @Test func invariantsHoldAfterEveryStepOfEverySeed() throws {
        if let text = getenv("BATON_SIMULATION_SEED"), let seed = UInt64(String(cString: text)) {
            _ = try run(seed)
            return
        }
        let runs = getenv("BATON_SIMULATION_RUNS").flatMap { UInt64(String(cString: $0)) } ?? .max
        var steps = 0
        var seed: UInt64 = 0
        while seed < runs, runs != .max || steps < Self.leastSteps {
            seed += 1
            steps += try run(seed)
        }
        print("simulation: \(steps) steps in \(seed) runs")
    }

    private func run(_ seed: UInt64) throws -> Int {
        var world = SimulatedWorld(seed: seed)
        do {
            try world.begin()
            while !world.isOver, world.steps < Self.eventsPerRun { try world.step() }
            if !world.isOver { try world.settleDown(limit: .seconds(600)) }
        } catch let violation as Referee.Violation {
            Issue.record("invariant \(violation.invariant): \(violation). Replay with BATON_SIMULATION_SEED=\(seed)")
            throw violation
        }
        return world.steps
    }
}
