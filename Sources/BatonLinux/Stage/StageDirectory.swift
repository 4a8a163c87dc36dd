import BatonCore
import CBatonShims
import Glibc

/// A directory with kubelet's own layout, written with kubelet's own steps: a reader that goes through `..data` sees the old
/// content or the new, whole.
///
///     ..2026_11_22_10_00_00.123456/app.yaml
///     ..data   -> ..2026_11_22_10_00_00.123456
///     app.yaml -> ..data/app.yaml
///
/// What others keep in the same directory stays.
public struct StageDirectory: Sendable {
    public struct File: Sendable, Hashable {
        /// Relative; with slashes it lies in directories of its own.
        public let name: String
        public let content: [UInt8]

        public init(name: String, content: [UInt8]) {
            self.name = name
            self.content = content
        }
    }

    public let path: String
    private let layout: StageLayout
    /// Of the files; directories get the right to be searched by whom a file may be read.
    private let mode: mode_t

    /// - Parameter isSecret: readable for the owner alone.
    public init(_ path: String, isSecret: Bool) {
        self.path = path
        // kubelet's names have a random number, those made here the clock's nanoseconds and a count.
        layout = StageLayout(path: path, numbers: 1...2, own: [Path(StageVersion.empty)], limit: 100_000)
        mode = isSecret ? 0o600 : 0o644
    }

    private var directoryMode: mode_t { mode == 0o600 ? 0o700 : 0o755 }

    /// The name of the version that is in force; nil before the first, and where `..data` leads out of the directory.
    public var version: String? {
        guard let target = try? readLink(path + "/..data") else { return nil }
        let name = target.utf8
        return name.starts(with: "..".utf8) && name.count > 2 && !name.contains(UInt8(ascii: "/")) ? target : nil
    }

    /// Nothing has been written yet.
    public var isEmpty: Bool { version == nil || version == StageVersion.empty }

    /// Puts this content in force at once. Nothing of it is seen before all of it is there; where anything fails, the content
    /// before stays. (Only a link that cannot be made afterwards is told of too late for that.)
    /// - Parameter stamp: makes the version's name, and must differ from the last one's: `Clock.stamp()`, or that with a dot
    ///   and a number. A version of any other name is not removed later.
    /// - Throws: EEXIST where a name is taken by what Baton has not made, before anything is done.
    @discardableResult
    public func write(_ files: [File], stamp: String) throws(LinuxError) -> StageFindings {
        // Of a nested name only the first part is a link, as kubelet has it.
        let names = Set(files.compactMap { Path($0.name).components.first })
        let before = try layout.target()
        let new = "..\(stamp)"
        for file in files where !Self.staysWithin(file.name) { throw LinuxError("write", file.name, errno: EINVAL) }
        try layout.checkFree(names)
        // What is there already is not removed for it below.
        try check(mkdir(path + "/" + new, directoryMode), "make", path + "/" + new)
        do throws(LinuxError) {
            try fill(path + "/" + new, files)
            try layout.swap(to: new)
        } catch {
            removeTree(path + "/" + new)
            throw error
        }
        let found = layout.link(names)
        for version in found.versions where version != new { removeTree(path + "/" + version) }
        if new != StageVersion.empty { rmdir(path + "/" + StageVersion.empty) }
        if let failure = found.failure { throw failure }
        guard let before, before != StageVersion.empty else { return StageFindings(path, found, replaced: nil) }
        // Also where there are too many entries to look for versions among them.
        if before != new, layout.isVersionThatIsThere(before) { removeTree(path + "/" + before) }
        return StageFindings(path, found, replaced: layout.isVersion(before) ? nil : before)
    }

    /// Makes the directory, and what is missing above it, and an empty version where there is none.
    /// - Returns: what was found where that was done.
    @discardableResult
    public func prepare() throws(LinuxError) -> StageFindings? {
        try makeDirectories(Path(path), mode: directoryMode)
        guard version == nil else { return nil }
        // A run before may have ended before it was in force.
        rmdir(path + "/" + StageVersion.empty)
        return try write([], stamp: String(StageVersion.empty.dropFirst(2)))
    }

    /// The API server lets no other key in, and would not have to be believed.
    private static func staysWithin(_ name: String) -> Bool {
        !name.utf8.starts(with: "..".utf8)
            && name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy {
                !$0.isEmpty && !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8)
            }
    }

    private func fill(_ directory: String, _ files: [File]) throws(LinuxError) {
        // Whatever the umask says.
        try check(chmod(directory, directoryMode), "set the mode of", directory)
        for file in files {
            let path = Path(directory).appending(file.name)
            try makeDirectories(path.parent, mode: directoryMode, parentMode: directoryMode, isExact: true)
            try writeFile(path.text, file.content)
        }
    }

    private func writeFile(_ name: String, _ content: [UInt8]) throws(LinuxError) {
        let number = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard number >= 0 else { throw .last("create", name) }
        let file = FileDescriptor(owning: number)
        try check(fchmod(file.number, mode), "set the mode of", name)
        try writeAll(file.number, content, name)
    }

    private func check(_ result: Int32, _ operation: LinuxError.Operation, _ thing: String) throws(LinuxError) {
        guard result == 0 else { throw .last(operation, thing) }
    }
}
