import BatonCore

/// The whole heart in a simulated world, from a seed.
package enum Simulation {
    private static let eventsPerRun = 400

    package struct Result: Sendable {
        package var steps = 0
        package var clients = 0
        package var served = 0
        package init() {}
    }

    /// One run: mischief for a while, then calm until everything has come to rest.
    /// - Returns: how many events it had, and how many clients came and were served.
    package static func run(seed: UInt64, _ witness: ((String) -> Void)? = nil) throws(Referee.Violation) -> Result {
        var world = SimulatedWorld(seed: seed)
        world.witness = witness
        return try run(&world)
    }

    /// The same run, for another supervisor.
    package static func record(seed: UInt64) throws(Referee.Violation) -> Recording {
        try recorded(seed).recording
    }

    /// The transitions that the same run takes.
    package static func transitions(seed: UInt64) throws(Referee.Violation) -> Transitions {
        try recorded(seed).transitions
    }

    private static func recorded(_ seed: UInt64) throws(Referee.Violation) -> SimulatedWorld {
        var world = SimulatedWorld(seed: seed)
        world.isRecorded = true
        _ = try run(&world)
        return world
    }

    private static func run(_ world: inout SimulatedWorld) throws(Referee.Violation) -> Result {
        do {
            try world.begin()
            while !world.isOver, world.steps < eventsPerRun { try world.step() }
            if !world.isOver { try world.settleDown(limit: .seconds(600)) }
        } catch let violation as Referee.Violation {
            throw violation
        } catch {
            throw Referee.Violation(invariant: 0, description: "\(error)")
        }
        var result = Result()
        result.steps = world.steps
        result.clients = world.network.arrived
        result.served = world.network.served
        return result
    }
}
