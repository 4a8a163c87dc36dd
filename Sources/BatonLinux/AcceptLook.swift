import CBatonShims
import Glibc

/// Looks from outside whether a process waits for connections on a listening socket.
public enum AcceptLook: Sendable, Hashable {
    case waits
    case doesNotWait
    /// /proc does not show it: another user's process, or one with more capabilities (ptrace(2), access mode checking).
    case cannotTell(String)

    /// Bounds, so that an app of thousands of processes and descriptors does not hold PID 1 up.
    private enum Bounds {
        static let processes = 256
        static let descriptors = 4096
        static let threads = 256
    }

    /// Any of these processes on any of these sockets, each given by its inode.
    public static func look(_ processes: [ProcessID], _ inodes: Set<UInt64>) -> AcceptLook {
        var refusal: String?
        for pid in processes.prefix(Bounds.processes) {
            do throws(LinuxError) {
                if try waits(pid, inodes) { return .waits }
            } catch {
                // What has ended belongs to root in /proc and waits for nothing.
                if error.errno == EACCES || error.errno == EPERM, !Procfs.isZombie(pid) { refusal = error.description }
            }
        }
        return refusal.map { .cannotTell($0) } ?? .doesNotWait
    }

    private static func waits(_ pid: ProcessID, _ inodes: Set<UInt64>) throws(LinuxError) -> Bool {
        var listeners: Set<UInt64> = []
        for name in try directoryEntries("/proc/\(pid)/fd", limit: Bounds.descriptors) {
            guard let target = try descriptorTarget(pid, name) else { continue }
            if target == "anon_inode:[eventpoll]", isInEpoll(pid, name, inodes) { return true }
            if let inode = socketInode(target), inodes.contains(inode), let number = UInt64(name) {
                listeners.insert(number)
            }
        }
        guard !listeners.isEmpty else { return false }
        for thread in try directoryEntries("/proc/\(pid)/task", limit: Bounds.threads) {
            if isBlocked(pid, thread, on: listeners) { return true }
        }
        return false
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

    /// `socket:[12345]`.
    private static func socketInode(_ target: String) -> UInt64? {
        guard target.hasPrefix("socket:["), target.hasSuffix("]") else { return nil }
        return UInt64(target.dropFirst(8).dropLast())
    }

    /// The `tfd:` lines of an epoll descriptor's fdinfo name the inode of each file in its set, in hexadecimal
    /// (proc_pid_fdinfo(5)).
    private static func isInEpoll(_ pid: ProcessID, _ name: String, _ inodes: Set<UInt64>) -> Bool {
        guard let text = try? readSmallFile("/proc/\(pid)/fdinfo/\(name)", limit: 256 * 1024) else { return false }
        for line in text.split(separator: "\n") where line.hasPrefix("tfd:") {
            for word in line.split(separator: " ") where word.hasPrefix("ino:") {
                if let inode = UInt64(word.dropFirst(4), radix: 16), inodes.contains(inode) { return true }
            }
        }
        return false
    }

    /// The system call that a thread sleeps in, and its first argument (proc_pid_syscall(5)). poll and select keep their
    /// descriptors in memory, which is not read: holding the listener and sleeping in one of them is taken for waiting.
    private static func isBlocked(_ pid: ProcessID, _ thread: String, on listeners: Set<UInt64>) -> Bool {
        guard let text = try? readSmallFile("/proc/\(pid)/task/\(thread)/syscall", limit: 512) else { return false }
        let words = text.split(whereSeparator: { $0 == " " || $0 == "\n" })
        guard words.count >= 2, let number = Int32(words[0]) else { return false }
        switch baton_waiting_call(number) {
        case BATON_WAITS_ON_FIRST_ARGUMENT:
            return UInt64(words[1].dropFirst(2), radix: 16).map(listeners.contains) ?? false
        case BATON_WAITS_ON_SEVERAL: return true
        default: return false
        }
    }

    /// The inode of an open socket.
    public static func inode(of fd: Int32) -> UInt64? {
        var info = stat()
        return fstat(fd, &info) == 0 ? UInt64(info.st_ino) : nil
    }
}
