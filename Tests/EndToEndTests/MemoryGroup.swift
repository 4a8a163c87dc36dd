import Glibc
import TestSupport
import Testing

/// A cgroup with so much memory and no more; of either version.
final class MemoryGroup {
    private static let root =
        fileExists("/sys/fs/cgroup/memory/cgroup.procs") ? "/sys/fs/cgroup/memory" : "/sys/fs/cgroup"
    private static let isVersionOne = root.hasSuffix("memory")

    static let isUsable =
        access(root + "/cgroup.procs", W_OK) == 0
        && (isVersionOne || readFile(root + "/cgroup.subtree_control").contains("memory"))

    let path: String

    init(megabytes: Int) throws {
        path = Self.root + "/baton-test-\(getpid())-\(monotonicNow())"
        guard mkdir(path, 0o755) == 0 else { throw TimedOut("a cgroup at \(path)") }
        writeFile(path + (Self.isVersionOne ? "/memory.limit_in_bytes" : "/memory.max"), "\(megabytes << 20)")
        if !Self.isVersionOne { writeFile(path + "/memory.swap.max", "0") }
    }

    /// With what it has allocated so far staying where that was counted.
    func add(_ pid: pid_t) { writeFile(path + "/cgroup.procs", "\(pid)") }

    deinit {
        for pid in readFile(path + "/cgroup.procs").split(separator: "\n") {
            writeFile(Self.root + "/cgroup.procs", String(pid))
        }
        rmdir(path)
    }
}

extension Trait where Self == ConditionTrait {
    static var needsMemoryGroup: Self {
        .enabled(if: MemoryGroup.isUsable, "needs a memory cgroup that may be written")
    }
}
