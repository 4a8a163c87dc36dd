import CBatonShims
import Glibc

/// The directory that the app reads: whole snapshots beside each other, and a link to the one in force, as kubelet has it in a
/// volume.
///
///     ..2026_11_22_10_00_00.1.7/configmap/web/app.yaml
///     ..data    -> ..2026_11_22_10_00_00.1.7
///     configmap -> ..data/configmap
public struct SnapshotStage: Sendable {
    public let path: String
    /// Tells this run's versions from those that an earlier one has left.
    private let run: String

    /// - Parameter run: a name for this run of Baton that no other has.
    public init(_ path: String, run: String) {
        self.path = path
        self.run = run
    }

    /// Where the agent lays what it fetches; not for the app.
    public static func agentDirectory(of stage: String) -> String { stage + "/..agent" }

    public func directory(of number: Int) -> String { "\(path)/\(name(number))" }

    /// What is in force, of this run or of one before.
    public var current: String { path + "/..data" }

    private func name(_ number: Int) -> String { "..\(run).\(number)" }

    /// Makes the directory, and what is missing above it.
    public func prepare() throws(LinuxError) {
        try makeDirectories(path)
        // What a run before has left that was not in force.
        let inForce = try? readLink(current)
        for entry in try directoryEntries(path, limit: 100_000) where entry.hasPrefix("..20") && entry != inForce {
            removeTree(path + "/" + entry)
        }
    }

    /// The app reads this snapshot from now on. It takes a few calls that do not depend on its size.
    public func promote(_ number: Int) throws(LinuxError) {
        let before = try? readLink(current)
        unlink(path + "/..data_tmp")
        guard symlink(name(number), path + "/..data_tmp") == 0 else { throw .last("link", path + "/..data_tmp") }
        guard rename(path + "/..data_tmp", current) == 0 else { throw .last("move", path + "/..data_tmp") }
        let wanted = Set(try directoryEntries(directory(of: number), limit: 1000))
        for entry in wanted { symlink("..data/" + entry, path + "/" + entry) }
        for entry in try directoryEntries(path, limit: 1000) where !entry.hasPrefix("..") && !wanted.contains(entry) {
            // A directory of somebody else's stays: only links are removed by this.
            unlink(path + "/" + entry)
        }
        if let before, before.hasPrefix(".."), !before.hasPrefix("..\(run).") {
            try remove(path + "/" + before)
        }
    }

    public func remove(_ number: Int) throws(LinuxError) { try remove(directory(of: number)) }

    /// In a child of its own: however much there is, Baton does not wait for it.
    private func remove(_ directory: String) throws(LinuxError) {
        _ = try forkHelper(keeping: 2) { removeTree(directory) }
    }
}
