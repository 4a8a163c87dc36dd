package import BatonCore

/// Everything that one run has told its supervisor, and what it answered: to be told to another one (`./Tests/replay`).
package struct Recording: Sendable {
    package struct Step: Sendable {
        package let instant: Instant
        package let event: Supervisor.Event
        package let effects: [Supervisor.Effect]
    }

    /// With which the supervisor was made.
    package let setup: Setup
    package let seed: UInt64
    package internal(set) var steps: [Step] = []
}
