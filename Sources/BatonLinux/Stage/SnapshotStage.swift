public import BatonCore
import CBatonShims
import Glibc

/// The directory that the app reads: whole snapshots beside each other, and a link to the one in force, as kubelet has it in a
/// volume.
///
///     ..2026_11_22_10_00_00.1.7/configmap/web/app.yaml
///     ..data    -> ..2026_11_22_10_00_00.1.7
///     configmap -> ..data/configmap
///
/// What others keep in the same directory stays.
public struct SnapshotStage: Sendable {
    public let path: String
    /// Tells this run's versions from those that an earlier one has left.
    private let run: String
    private let layout: StageLayout
    /// Of a run before, which have the first numbers.
    private let earlier: [StageRecord.Version]

    private static let agent = "..agent"
    private static let record = "..record"
    private static let newRecord = "..record_tmp"

    /// - Parameter run: a name for this run of Baton that no other has: `Clock.stamp()`, a dot, and the process id.
    /// - Parameter own: paths of Baton's sockets. Those that lie on the stage, which has to be there then, are not foreign.
    /// - Parameter record: what `prepare` has returned.
    public init(_ path: String, run: String, own: [String] = [], record: StageRecord = StageRecord()) {
        self.path = path
        self.run = run
        earlier = record.versions
        var names = Set(own.compactMap { Self.entry(of: $0, in: path) })
        for name in [Self.agent, Self.record, Self.newRecord] { names.insert(Path(name)) }
        // The clock's nanoseconds, the process id, the number.
        layout = StageLayout(path: path, numbers: 3...3, own: names, limit: 1000)
    }

    /// Where the agent lays what it fetches; not for the app.
    public static func agentDirectory(of stage: String) -> String { stage + "/" + agent }

    public static func makeAgentDirectory(of stage: String) throws(LinuxError) {
        try makeDirectories(Path(agentDirectory(of: stage)))
    }

    public func directory(of number: SnapshotNumber) -> String { "\(path)/\(name(number))" }

    /// What is in force, of this run or of one before.
    public var current: String { path + "/..data" }

    /// Of its directory.
    public func name(_ number: SnapshotNumber) -> String {
        earlier.indices.contains(number.value - 1) ? earlier[number.value - 1].name : "..\(run).\(number)"
    }

    /// Makes the directory, and what is missing above it.
    public func make() throws(LinuxError) { try makeDirectories(Path(path)) }

    /// Makes the directory, and removes what runs before have left and nobody needs. None of them may still be running (`StageLock`).
    /// - Returns: what the last one has recorded, as far as it is there.
    public func prepare() throws(LinuxError) -> StageRecord {
        try make()
        var record = readRecord()
        record.good = record.good.flatMap { isThere($0) ? $0 : nil }
        record.before = record.before.flatMap { isThere($0) && $0.name != record.good?.name ? $0 : nil }
        if record.good == nil { (record.good, record.before) = (record.before, nil) }
        let needed = Set(record.versions.map(\.name) + [try? readLink(current)].compactMap(\.self))
        for version in try layout.versions() where !needed.contains(version) { removeTree(path + "/" + version) }
        return record
    }

    private func isThere(_ version: StageRecord.Version) -> Bool { layout.isVersionThatIsThere(version.name) }

    private func readRecord() -> StageRecord {
        let number = open(path + "/" + Self.record, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        guard number >= 0 else { return StageRecord() }
        let file = FileDescriptor(owning: number)
        guard (try? FileStatus.of(file, path))?.kind == .file,
            let bytes = try? readAvailable(file.number, limit: StageRecord.sizeLimit),
            bytes.count < StageRecord.sizeLimit
        else { return StageRecord() }
        return StageRecord(text: String(decoding: bytes, as: UTF8.self))
    }

    /// Leaves this to the next run, in one step. Not synchronised to the disk: a record that a power cut has torn counts as none.
    public func keep(_ record: StageRecord) throws(LinuxError) {
        do throws(LinuxError) { try replaceRecord(record) } catch {
            // What the old one names may be removed from now on. On a full disk, its room is enough for the new one.
            unlink(path + "/" + Self.record)
            try replaceRecord(record)
        }
    }

    private func replaceRecord(_ record: StageRecord) throws(LinuxError) {
        let new = path + "/" + Self.newRecord
        unlink(new)
        let number = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard number >= 0 else { throw .last("create", new) }
        let file = FileDescriptor(owning: number)
        do throws(LinuxError) {
            try writeAll(file.number, Array(record.text.utf8), new)
            guard rename(new, path + "/" + Self.record) == 0 else { throw .last("move", new) }
        } catch {
            unlink(new)
            throw error
        }
    }

    /// A version may get these names (with slashes, of which only the first part counts).
    /// - Throws: EEXIST where something else has one of them: the app would read that for ever.
    public func checkFree(_ names: [String]) throws(LinuxError) {
        try layout.checkFree(names.compactMap { Path($0).components.first })
    }

    /// The app reads this snapshot from now on. It takes a few calls that do not depend on its size.
    @discardableResult
    public func promote(_ number: SnapshotNumber) throws(LinuxError) -> StageFindings {
        let before = try layout.target()
        try layout.swap(to: name(number))
        let found = layout.link(Set(try directoryEntries(directory(of: number), limit: 1000).map { Path($0) }))
        var replaced: String?
        if let before, !before.hasPrefix("..\(run).") {
            let isKept = earlier.contains { $0.name == before }
            if !isKept, layout.isVersionThatIsThere(before) { try remove(path + "/" + before) }
            if !layout.isVersion(before) { replaced = before }
        }
        return StageFindings(path, found, replaced: replaced)
    }

    /// But not what is in force: a swap may have failed.
    public func remove(_ number: SnapshotNumber) throws(LinuxError) {
        guard (try? layout.target()) != name(number) else { return }
        try remove(directory(of: number))
    }

    /// In a child of its own: however much there is, Baton does not wait for it.
    private func remove(_ directory: String) throws(LinuxError) {
        _ = try forkHelper(keeping: 2) { removeTree(directory) }
    }

    /// Under which entry of `directory` a path lies, however deep; nil where it lies elsewhere. By identity: there is more than
    /// one way to write a path.
    private static func entry(of path: String, in directory: String) -> Path? {
        guard let stage = try? FileStatus.following(directory) else { return nil }
        var parts = Path(path).components.filter { $0 != "." }
        while let name = parts.popLast() {
            let parent = try? FileStatus.following(parts.reduce(Path("/")) { $0.appending($1.text) }.text)
            if let parent, parent.device == stage.device, parent.inode == stage.inode { return name }
        }
        return nil
    }
}
