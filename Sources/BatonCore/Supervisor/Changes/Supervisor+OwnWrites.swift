// An app that writes into its own configuration while it starts: that is no change that somebody has made.
extension Supervisor {
    /// A file of the sources that was written while the app started.
    public struct WrittenFile: Sendable, Hashable {
        public let path: String
        /// The app's user may write it.
        public let isAppWritable: Bool
        /// So long after the start.
        public let after: Interval

        public init(path: String, isAppWritable: Bool, after: Interval) {
            self.path = path
            self.isAppWritable = isAppWritable
            self.after = after
        }
    }

    /// What starts of the app have written so far.
    struct OwnWrites: Sendable {
        /// More files than that are not remembered.
        static let limit = 16
        /// By path: in which start it was written last, and how long after its beginning.
        var seen: [String: (generation: GenerationNumber, after: Interval)] = [:]
        /// What was read during a start, while it is asked who has written it.
        var asked: Asked?

        struct Asked: Sendable {
            let digest: Digest
            let touchedAt: Instant?
        }
    }

    /// The generation that was starting when this was touched.
    private func startingUp(at touchedAt: Instant?) -> Generation? {
        guard let newest = generations.last, newest.isLaunched else { return nil }
        switch newest.state {
        case .starting: return newest
        case .serving:
            guard let readyAt = newest.readyAt, let touchedAt else { return nil }
            return touchedAt < readyAt ? newest : nil
        case .standby, .draining, .leftovers: return nil
        }
    }

    /// Other content than before was read.
    mutating func proposeUnlessOwn(_ digest: Digest) {
        guard let startingUp = startingUp(at: intake.touchedAt) else { return propose(digest, .source) }
        ownWrites.asked = .init(digest: digest, touchedAt: intake.touchedAt)
        emit(.findWritten(since: startingUp.startedAt))
    }

    /// - Parameter file: the one that was written last since the start; nil where none was.
    mutating func written(_ file: WrittenFile?) {
        guard phase == .running, let asked = ownWrites.asked else { return }
        ownWrites.asked = nil
        if let startingUp = startingUp(at: asked.touchedAt), let file, file.isAppWritable {
            let before = ownWrites.seen[file.path]
            if ownWrites.seen.count < OwnWrites.limit || before != nil {
                ownWrites.seen[file.path] = (startingUp.number, file.after)
            }
            // A program does the same at the same time of each start. A person does not.
            if let before, before.generation.next == startingUp.number, Self.areAlike(before.after, file.after) {
                return ignoreOwnWrite(of: file.path, startingUp.number, asked.digest)
            }
        }
        propose(asked.digest, .source, touchedAt: asked.touchedAt)
    }

    private static func areAlike(_ one: Interval, _ other: Interval) -> Bool {
        let apart = one > other ? one - other : other - one
        return apart <= max(Times.ownWriteSlack, Interval(nanoseconds: one.nanoseconds / 4))
    }

    /// The same happened at the start before: a change for it would start the app again, and so on.
    private mutating func ignoreOwnWrite(of path: String, _ number: GenerationNumber, _ digest: Digest) {
        log(.ownWriteIgnored(path, number))
        lastSeen = digest
        // What the app reads there is what it has written.
        guard !plan.staging.choice, let index = index(number) else { return }
        generations[index].content = .known(digest)
        if number == servingNumber { digestInForce = digest }
    }
}
