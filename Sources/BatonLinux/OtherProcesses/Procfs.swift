public import BatonCore
import CBatonShims
import Glibc

/// What /proc tells of processes.
public enum Procfs {
    /// Every process below this one, by the parents in /proc/PID/stat; never Baton itself.
    public static func descendants(of ancestor: ProcessID) -> [ProcessID] {
        var children: [ProcessID: [ProcessID]] = [:]
        for pid in allProcesses() {
            guard let parent = parent(of: pid) else { continue }
            children[parent, default: []].append(pid)
        }
        var found: [ProcessID] = []
        var queue = children[ancestor] ?? []
        // A pid can be its own ancestor only in a torn reading; the count bounds the walk all the same.
        while let pid = queue.popLast(), found.count < 4_194_304 {
            found.append(pid)
            queue += children.removeValue(forKey: pid) ?? []
        }
        return found
    }

    /// The same at a glance, without a look at every process of the machine: one that is made or ends meanwhile may be missed
    /// (proc_tid_children(5)).
    public static func descendantsAtAGlance(of ancestor: ProcessID) -> [ProcessID] {
        guard var queue = try? children(of: ancestor) else { return descendants(of: ancestor) }
        var found: [ProcessID] = []
        while let pid = queue.popLast(), found.count < 65_536 {
            found.append(pid)
            queue += (try? children(of: pid)) ?? []
        }
        return found
    }

    /// Of all its threads. Fails where the kernel does not list them (CONFIG_PROC_CHILDREN).
    private static func children(of pid: ProcessID) throws(LinuxError) -> [ProcessID] {
        var found: [ProcessID] = []
        for thread in try directoryEntries("/proc/\(pid)/task", limit: 4096) {
            let list = try readSmallFile("/proc/\(pid)/task/\(thread)/children")
            found += list.split(separator: " ").compactMap { ProcessID($0) }
        }
        return found
    }

    /// The direct ones, as far as they are seen at a glance, the latest last.
    public static func childrenAtAGlance(of parent: ProcessID) -> [ProcessID] {
        (try? children(of: parent)) ?? descendants(of: parent).filter { self.parent(of: $0) == parent }
    }

    public static func isDescendant(_ pid: ProcessID, of ancestor: ProcessID) -> Bool {
        var current = pid
        for _ in 0..<1024 {
            guard let parent = parent(of: current), parent > 0 else { return false }
            if parent == ancestor { return true }
            current = parent
        }
        return false
    }

    /// The process that a thread belongs to.
    public static func process(of thread: ProcessID) -> ProcessID? {
        guard let status = try? readSmallFile("/proc/\(thread)/status", limit: 8192) else { return nil }
        let line = status.split(separator: "\n").first { $0.hasPrefix("Tgid:") }
        return line.flatMap { ProcessID($0.dropFirst(5).drop { $0 == "\t" || $0 == " " }) }
    }

    public static func parent(of pid: ProcessID) -> ProcessID? { statField(pid, 1).flatMap { ProcessID($0) } }
    public static func processGroup(of pid: ProcessID) -> ProcessID? { statField(pid, 2).flatMap { ProcessID($0) } }

    /// It has ended and its parent has not asked for its status yet.
    public static func isZombie(_ pid: ProcessID) -> Bool { statField(pid, 0).map { $0 == "Z" || $0 == "X" } ?? true }

    /// Fields of /proc/PID/stat behind the command's name, which may itself hold spaces and parentheses: 0 is the state.
    private static func statField(_ pid: ProcessID, _ index: Int) -> Substring? {
        guard let stat = try? readSmallFile("/proc/\(pid)/stat"), let end = stat.lastIndex(of: ")") else { return nil }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        return index < fields.count ? fields[index] : nil
    }

    private static func allProcesses() -> [ProcessID] {
        guard let stream = opendir("/proc") else { return [] }
        defer { closedir(stream) }
        var pids: [ProcessID] = []
        while let entry = readdir(stream) {
            let pid = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { ProcessID(String(cString: $0)) }
            }
            if let pid { pids.append(pid) }
        }
        return pids
    }
}
