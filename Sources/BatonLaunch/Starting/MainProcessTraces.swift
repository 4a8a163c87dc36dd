import BatonCore
import BatonLinux

/// What is remembered of a generation's main process while it lives, as /proc shows nothing of one that has ended: a process that
/// serves on a socket which it had is its successor, and a helper that listens on one of its own is not.
struct MainProcessTraces {
    /// The inodes of all sockets that it has been seen with.
    private var sockets: Set<UInt64> = []
    private var executable: String?

    private static let socketLimit = 8192
    /// So many processes that may be the successor, the latest ones.
    private static let candidateLimit = 16

    /// What was seen before stays: a process that is ending shows only a part, or nothing.
    mutating func note(_ main: ProcessID) {
        let seen = AcceptScan.sockets(of: main)
        sockets = sockets.count + seen.count > MainProcessTraces.socketLimit ? seen : sockets.union(seen)
        executable = (try? readLink("/proc/\(main)/exe")) ?? executable
    }

    /// The one of these processes that serves in the place of the main one: it, or a process below it, waits for connections on a
    /// socket of the main process's; or it holds one and runs the same program, as a copy that is busy at this moment.
    func successor(among candidates: [ProcessID]) -> ProcessID? {
        guard !sockets.isEmpty else { return nil }
        var best: (rank: Rank, pid: ProcessID)?
        for pid in candidates.suffix(MainProcessTraces.candidateLimit) {
            guard let rank = rank(pid), best.map({ $0.rank <= rank }) ?? true else { continue }
            best = (rank, pid)
        }
        return best?.pid
    }

    /// Workers that an old main process has left may still wait, too: the one with the most below it is the new main process.
    private struct Rank: Comparable {
        let waits: Bool
        let processes: Int

        static func < (one: Rank, other: Rank) -> Bool {
            one.waits == other.waits ? one.processes < other.processes : !one.waits
        }
    }

    private func rank(_ pid: ProcessID) -> Rank? {
        let held = AcceptScan.sockets(of: pid).intersection(sockets)
        let below = Procfs.descendantsAtAGlance(of: pid)
        guard !held.isEmpty || !below.isEmpty else { return nil }
        let listening = sockets.intersection(ListeningSockets.inodes(seenBy: pid))
        guard !listening.isEmpty else { return nil }
        if case .waits(let inodes) = AcceptScan.scan([pid] + below, listening), !inodes.isEmpty {
            return Rank(waits: true, processes: below.count)
        }
        guard !held.isDisjoint(with: listening), let executable, (try? readLink("/proc/\(pid)/exe")) == executable
        else { return nil }
        return Rank(waits: false, processes: below.count)
    }
}
