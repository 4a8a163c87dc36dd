// A main process that ends well and leaves a successor behind (a binary upgrade, a hot deployment): the generation goes on with it.
extension Supervisor {
    /// Whether a main process that ends like this may leave one: an app that fails, one that is to go, and one that a person has
    /// interrupted do not.
    package func mayBeSucceeded(_ number: GenerationNumber, _ status: ExitStatus, at instant: Instant) -> Bool {
        phase == .running && generation(number, in: .ready) != nil && exitCode(status) == 0
            && !wasInterrupted(status, at: instant)
    }

    mutating func readyExited(
        _ number: GenerationNumber, _ status: ExitStatus, leftovers: Bool, _ successor: ProcessID?
    ) {
        guard let successor, mayBeSucceeded(number, status, at: now) else {
            return exited(number, status, leftovers: leftovers)
        }
        log(.mainReplaced(number, status, by: successor))
        emit(.replaceMain(number, by: successor))
    }
}
