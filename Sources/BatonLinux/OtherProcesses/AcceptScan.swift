public import BatonCore
import CBatonShims
import Glibc

/// Finds out from outside on which listening sockets processes wait for connections.
public enum AcceptScan: Sendable, Hashable {
    /// The inodes of those that somebody waits on; may be none.
    case waits(on: Set<UInt64>)
    /// /proc does not show it: another user's process, or one with more capabilities (ptrace(2), access mode checking).
    case cannotTell(String)

    /// Bounds, so that an app of thousands of processes and descriptors does not hold PID 1 up.
    private enum Bounds {
        static let processes = 256
        static let descriptors = 4096
        static let threads = 256
    }

    /// Any of these processes on any of these sockets, each given by its inode.
    public static func scan(_ processes: [ProcessID], _ inodes: Set<UInt64>) -> AcceptScan {
        var refusal: String?
        var found: Set<UInt64> = []
        for pid in processes.prefix(Bounds.processes) where found != inodes {
            do throws(LinuxError) {
                found.formUnion(try waits(pid, inodes.subtracting(found)))
            } catch {
                // What has ended belongs to root in /proc and waits for nothing.
                if error.errno == EACCES || error.errno == EPERM, !Procfs.isZombie(pid) { refusal = error.description }
            }
        }
        if found.isEmpty, let refusal { return .cannotTell(refusal) }
        return .waits(on: found)
    }

    private static func waits(_ pid: ProcessID, _ inodes: Set<UInt64>) throws(LinuxError) -> Set<UInt64> {
        var found: Set<UInt64> = []
        /// The descriptors of those that are not in an epoll set.
        var listeners: [UInt64: UInt64] = [:]
        for name in try directoryEntries("/proc/\(pid)/fd", limit: Bounds.descriptors) {
            guard let target = try descriptorTarget(pid, name) else { continue }
            if target == "anon_inode:[eventpoll]" { found.formUnion(inEpoll(pid, name, inodes)) }
            if let inode = ForeignDescriptor.socketInode(target), inodes.contains(inode), let number = UInt64(name) {
                listeners[number] = inode
            }
        }
        listeners = listeners.filter { !found.contains($0.value) }
        guard !listeners.isEmpty else { return found }
        for thread in try directoryEntries("/proc/\(pid)/task", limit: Bounds.threads) {
            found.formUnion(blockedOn(pid, thread, listeners))
        }
        return found
    }

    /// Whether any of these processes has the socket open; false where that cannot be seen.
    public static func isHeld(_ inode: UInt64, by processes: [ProcessID]) -> Bool {
        processes.prefix(Bounds.processes).contains { pid in
            let names = (try? directoryEntries("/proc/\(pid)/fd", limit: Bounds.descriptors)) ?? []
            return names.contains {
                (try? descriptorTarget(pid, $0)).flatMap { ForeignDescriptor.socketInode($0) } == inode
            }
        }
    }

    /// The inodes of the sockets that a process has open; none where that cannot be seen.
    public static func sockets(of pid: ProcessID) -> Set<UInt64> {
        let names = (try? directoryEntries("/proc/\(pid)/fd", limit: Bounds.descriptors)) ?? []
        return Set(
            names.compactMap { (try? descriptorTarget(pid, $0)).flatMap { ForeignDescriptor.socketInode($0) } })
    }

    /// The directory can be listed by anyone of the same user; what its entries are, only by who may look at the process.
    private static func descriptorTarget(_ pid: ProcessID, _ name: String) throws(LinuxError) -> String? {
        do throws(LinuxError) {
            return try readLink("/proc/\(pid)/fd/\(name)")
        } catch {
            // Closed since the directory was read.
            guard error.errno == EACCES || error.errno == EPERM else { return nil }
            throw error
        }
    }

    /// The `tfd:` lines of an epoll descriptor's fdinfo name the inode of each file in its set, in hexadecimal
    /// (proc_pid_fdinfo(5)).
    private static func inEpoll(_ pid: ProcessID, _ name: String, _ inodes: Set<UInt64>) -> Set<UInt64> {
        guard let text = try? readSmallFile("/proc/\(pid)/fdinfo/\(name)", limit: 256 * 1024) else { return [] }
        var found: Set<UInt64> = []
        for line in text.split(separator: "\n") where line.hasPrefix("tfd:") {
            for word in line.split(separator: " ") where word.hasPrefix("ino:") {
                if let inode = UInt64(word.dropFirst(4), radix: 16), inodes.contains(inode) { found.insert(inode) }
            }
        }
        return found
    }

    /// The system call that a thread sleeps in, and its first argument (proc_pid_syscall(5)). poll and select keep their
    /// descriptors in memory, which is not read: holding the listener and sleeping in one of them is taken for waiting.
    private static func blockedOn(_ pid: ProcessID, _ thread: String, _ listeners: [UInt64: UInt64]) -> Set<UInt64> {
        guard let text = try? readSmallFile("/proc/\(pid)/task/\(thread)/syscall", limit: 512) else { return [] }
        let words = text.split(whereSeparator: { $0 == " " || $0 == "\n" })
        guard words.count >= 2, let number = Int32(words[0]) else { return [] }
        switch baton_waiting_call(number) {
        case BATON_WAITS_ON_FIRST_ARGUMENT:
            return UInt64(words[1].dropFirst(2), radix: 16).flatMap { listeners[$0] }.map { [$0] } ?? []
        case BATON_WAITS_ON_SEVERAL: return Set(listeners.values)
        default: return []
        }
    }
}
