public import BatonCore
import CBatonShims
import Glibc

/// Runs `body` in a child that holds no descriptor above 2 but those kept, and dies with Baton. Right only because Baton has
/// one thread: the child's memory is whole, and Swift may run in it.
/// - Returns: the child's pid.
public func forkHelper(keeping kept: Int32, _ other: Int32? = nil, _ body: () -> Void) throws(LinuxError) -> ProcessID {
    let pid = baton_fork()
    guard pid >= 0 else { throw .last("fork", "a helper") }
    guard pid == 0 else { return ProcessID(pid) }
    _ = baton_set_parent_death_signal(SIGKILL)
    baton_close_all_but(min(kept, other ?? kept), max(kept, other ?? kept))
    body()
    _exit(0)
}

/// write(2) until all is written or it fails, which nobody is left to be told of.
public func writeAll(_ fd: Int32, _ bytes: [UInt8]) { try? writeAll(fd, bytes, "descriptor \(fd)") }
