import BatonCore
import BatonLinux

/// The descriptors that the loop waits on, and what each stands for.
final class Registrations {
    enum Origin: Hashable {
        case signals
        case inotify
        case launchReport(GenerationNumber)
        case notification(GenerationNumber)
        case readiness(GenerationNumber)
        case calls(GenerationNumber)
        case helper(Int)
        case environment(Int)
        case agent
        case control
        case peer(Int)
    }

    private let epoll: Epoll
    private var entries = NumberMap<Int, (origin: Origin, descriptor: Int32)>()
    private var nextToken = 1

    init() throws(LinuxError) { epoll = try Epoll() }

    func add(_ origin: Origin, _ descriptor: Int32) throws(LinuxError) {
        let token = nextToken
        nextToken += 1
        try epoll.watchReads(of: descriptor, token: UInt64(token))
        entries[token] = (origin, descriptor)
    }

    /// Call before the descriptor is closed.
    func remove(_ origin: Origin) {
        for (token, entry) in entries where entry.origin == origin {
            epoll.forget(entry.descriptor)
            entries[token] = nil
        }
    }

    func contains(_ origin: Origin) -> Bool { entries.values.contains { $0.origin == origin } }

    /// What has something to be read. One that has been removed since the kernel told of it is left out.
    /// - Parameter milliseconds: -1 waits without end.
    func wait(milliseconds: Int32, _ body: (Origin) -> Void) throws(LinuxError) {
        try epoll.wait(milliseconds: milliseconds) { token in
            if let entry = entries[Int(truncatingIfNeeded: token)] { body(entry.origin) }
        }
    }
}
