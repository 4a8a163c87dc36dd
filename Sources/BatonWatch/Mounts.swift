import BatonLinux

/// The mount table (proc_pid_mountinfo(5)), as it was found when it was last read.
public final class Mounts {
    private(set) var table = MountTable(mounts: [])
    private var isRead = false

    /// Empty until it is read: where nothing is watched nobody asks for it.
    public init() {}

    /// Whoever comes first at the start reads it for the others.
    func readOnce() { if !isRead { refresh() } }

    func refresh() {
        table = (try? MountTable.current()) ?? table
        isRead = true
    }
}
