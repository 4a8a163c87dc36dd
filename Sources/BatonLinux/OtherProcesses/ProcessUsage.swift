import Glibc

/// What a process has used, by proc_pid_stat(5), which anyone may read.
public struct ProcessUsage: Sendable, Hashable {
    public let cpuMilliseconds: Int64
    public let residentBytes: Int64
    public let threads: Int64
}

extension Procfs {
    /// - Parameter pid: or `self`.
    public static func usage(of pid: String) -> ProcessUsage? {
        guard let stat = try? readSmallFile("/proc/\(pid)/stat", limit: 4096) else { return nil }
        // The name in the parentheses may hold anything; fields 3 and on come after it.
        let fields = stat.split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 21, let user = Int64(fields[11]), let system = Int64(fields[12]),
            let threads = Int64(fields[17]), let pages = Int64(fields[21])
        else { return nil }
        let ticks = Int64(max(1, sysconf(Int32(_SC_CLK_TCK))))
        let (cpu, overflow) = (user &+ system).multipliedReportingOverflow(by: 1000)
        return ProcessUsage(
            cpuMilliseconds: overflow ? .max : cpu / ticks,
            residentBytes: pages &* Int64(sysconf(Int32(_SC_PAGESIZE))), threads: threads)
    }
}
