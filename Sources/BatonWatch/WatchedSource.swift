import BatonCore
import BatonLinux

/// One source and all that is known of it.
final class WatchedSource {
    var path: Path
    let index: Int
    var classification: Classification
    /// The strategy in use, which a failure or a finding of the audit may have changed.
    var strategy: Strategy
    /// inotify has missed a change here once: it is not trusted again.
    var isInotifyDistrusted = false
    /// By when inotify has to have told of what an audit has found.
    var noticeDue: Instant?
    var inotifyRetry = Backoff(first: .seconds(30), limit: .seconds(600))
    var inotifyRetryAt: Instant?

    /// Of the last reading that was whole.
    var identity: Int?
    /// Of the last good reading; stays when the source vanishes.
    var digest: Digest?
    /// When it was last looked at, and when its content was last seen to have changed.
    var checkedAt: Instant?
    var changedAt: Instant?
    /// The way to a directory or file that no link leads to, from when it was armed until a look finds it otherwise: the kernel can
    /// follow the same names itself.
    var straightWay: PathTrace?
    /// A change has been reported and not been read yet.
    var isTouched = false
    /// The last problem that was logged, so that it is logged once.
    var complaint: String?
    var isSuperseded = false

    /// The next look: a poll, or an audit of inotify.
    var nextLook: Instant?
    /// Watches of the one inotify instance that this source needs, each with the names that matter (nil: all).
    var watches: [Int32: [Path]?] = [:]
    var helper: PollHelper?

    init(path: Path, index: Int, classification: Classification) {
        self.path = path
        self.index = index
        self.classification = classification
        strategy = classification.strategy
    }

    /// A mount that pins its file is polled, but inotify tells at once when the file is written or loses its last name.
    var hasInotifyBesidePoll: Bool { strategy == .poll && classification.pinningMount != nil && !isInotifyDistrusted }
    var isRemote: Bool { classification.kind == .remote }
    var isAtomic: Bool { classification.kind == .kubeletVolume || classification.kind == .fileInKubeletVolume }
}
