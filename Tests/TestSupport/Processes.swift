public import Glibc

/// The children of a process and of nobody else (proc_pid_task_children(5)).
public func children(of pid: pid_t) -> [pid_t] {
    readFile("/proc/\(pid)/task/\(pid)/children").split(separator: " ").compactMap { pid_t($0) }
}

/// How many descriptors a process has open.
public func descriptorCount(of pid: pid_t) -> Int { listDirectory("/proc/\(pid)/fd").count }

/// R, S, T, Z … as proc_pid_stat(5) has it; nil where there is no such process.
public func state(of pid: pid_t) -> Character? {
    // Behind the name, which may have anything in it.
    readFile("/proc/\(pid)/stat").split(separator: ")").last?.first { $0 != " " }
}
