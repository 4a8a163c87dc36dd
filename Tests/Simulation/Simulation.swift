package import BatonCore

/// The whole heart in a simulated world, from a seed.
package enum Simulation {
    private static let eventsPerRun = 400

    /// One run: mischief for a while, then calm until everything has come to rest.
    /// - Returns: how many events it had.
    package static func run(seed: UInt64) throws(Referee.Violation) -> Int {
        var world = SimulatedWorld(seed: seed)
        do {
            try world.begin()
            while !world.isOver, world.steps < eventsPerRun { try world.step() }
            if !world.isOver { try world.settleDown(limit: .seconds(600)) }
        } catch let violation as Referee.Violation {
            throw violation
        } catch {
            throw Referee.Violation(invariant: 0, description: "\(error)")
        }
        return world.steps
    }
}
