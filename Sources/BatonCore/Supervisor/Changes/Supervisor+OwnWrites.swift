// An app that writes into its own configuration while it starts: that is no change that somebody has made.
extension Supervisor {
    /// A file of the sources that was written while the app started.
    public struct WrittenFile: Sendable, Hashable {
        public let path: String
        /// The app's user may write it.
        public let isAppWritable: Bool

        public init(path: String, isAppWritable: Bool) {
            self.path = path
            self.isAppWritable = isAppWritable
        }
    }

    /// What starts of the app have written so far.
    struct OwnWrites: Sendable {
        /// More files than that are not remembered.
        static let limit = 16
        /// By path: the first generation during whose start it was.
        var seen: [String: GenerationNumber] = [:]
        /// What was read during a start, while it is asked who has written it.
        var asked: Asked?

        struct Asked: Sendable {
            let digest: Digest
            let touchedAt: Instant?
        }
    }

    /// The generation that starts, or is ready for a moment only: programs write while they start, and a little later.
    private var startingUp: Generation? {
        guard let newest = generations.last, newest.isLaunched else { return nil }
        switch newest.state {
        case .starting: return newest
        case .serving: return newest.readyAt.map { now - $0 <= Times.startLasts } == true ? newest : nil
        case .standby, .draining, .leftovers: return nil
        }
    }

    /// Other content than before was read.
    mutating func proposeUnlessOwn(_ digest: Digest) {
        guard let startingUp else { return propose(digest, .source) }
        ownWrites.asked = .init(digest: digest, touchedAt: intake.touchedAt)
        emit(.findWritten(since: startingUp.startedAt))
    }

    /// - Parameter file: the one that was written last since the start; nil where none was.
    mutating func written(_ file: WrittenFile?) {
        guard phase == .running, let asked = ownWrites.asked else { return }
        ownWrites.asked = nil
        if let startingUp, let file, file.isAppWritable {
            if let first = ownWrites.seen[file.path], first < startingUp.number {
                return ignoreOwnWrite(of: file.path, startingUp.number, asked.digest)
            }
            if ownWrites.seen.count < OwnWrites.limit, ownWrites.seen[file.path] == nil {
                ownWrites.seen[file.path] = startingUp.number
            }
        }
        propose(asked.digest, .source, touchedAt: asked.touchedAt)
    }

    /// The same happened at an earlier start: a change for it would start the app again, and so on.
    private mutating func ignoreOwnWrite(of path: String, _ number: GenerationNumber, _ digest: Digest) {
        log(.ownWriteIgnored(path, number))
        lastSeen = digest
        // What the app reads there is what it has written.
        guard !plan.staging.choice, let index = index(number) else { return }
        generations[index].content = .known(digest)
        if number == servingNumber { digestInForce = digest }
    }
}
