import CBatonShims
import Glibc

/// A directory with kubelet's own layout, written with kubelet's own steps (pkg/volume/util/atomic_writer.go): a reader that
/// goes through `..data` sees the old content or the new, whole.
///
///     ..2026_11_22_10_00_00.123456/app.yaml
///     ..data   -> ..2026_11_22_10_00_00.123456
///     app.yaml -> ..data/app.yaml
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
    /// Of the files; directories get the right to be searched by whom a file may be read.
    private let mode: mode_t

    /// - Parameter isSecret: readable for the owner alone.
    public init(_ path: String, isSecret: Bool) {
        self.path = path
        mode = isSecret ? 0o600 : 0o644
    }

    private var directoryMode: mode_t { mode == 0o600 ? 0o700 : 0o755 }

    /// The name of the version that is in force; nil before the first.
    public var version: String? { try? readLink(path + "/..data") }

    private static let emptyVersion = "..20_empty"
    /// Nothing has been written yet.
    public var isEmpty: Bool { version == nil || version == Self.emptyVersion }

    /// Puts this content in force at once. Nothing of it is seen before all of it is there; where anything fails, the content
    /// before stays.
    /// - Parameter stamp: makes the version's name, and must differ from the last one's.
    public func write(_ files: [File], stamp: String) throws(LinuxError) {
        let before = version
        let new = "..\(stamp)"
        do throws(LinuxError) {
            try make(path + "/" + new)
            for file in files {
                guard Self.staysWithin(file.name) else { throw LinuxError("lay down", file.name, errno: EINVAL) }
                try makeParents(of: file.name, in: path + "/" + new)
                try writeFile(path + "/" + new + "/" + file.name, file.content)
            }
            // A crash may have left it.
            unlink(path + "/..data_tmp")
            try check(symlink(new, path + "/..data_tmp"), "link", path + "/..data_tmp")
            try check(rename(path + "/..data_tmp", path + "/..data"), "move", path + "/..data_tmp")
        } catch {
            removeTree(path + "/" + new)
            throw error
        }
        // Of a nested name only the first part is a link, as kubelet has it.
        let names = Set(files.compactMap { $0.name.split(separator: "/").first.map(String.init) })
        for name in names { symlink("..data/" + name, path + "/" + name) }
        for entry in try directoryEntries(path, limit: 100_000) where entry != new {
            if entry.hasPrefix("..20") {
                removeTree(path + "/" + entry)
            } else if !entry.hasPrefix("..") && !names.contains(entry) {
                unlink(path + "/" + entry)
            }
        }
        if let before, before != new { removeTree(path + "/" + before) }
    }

    /// Makes the directory, and what is missing above it, and an empty version where there is none.
    public func prepare() throws(LinuxError) {
        try makeDirectories(path, mode: directoryMode)
        if version == nil { try write([], stamp: String(Self.emptyVersion.dropFirst(2))) }
    }

    /// The API server lets no other key in, and would not have to be believed.
    private static func staysWithin(_ name: String) -> Bool {
        !name.utf8.starts(with: "..".utf8)
            && name.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy {
                !$0.isEmpty && !$0.elementsEqual(".".utf8) && !$0.elementsEqual("..".utf8)
            }
    }

    private func makeParents(of name: String, in directory: String) throws(LinuxError) {
        var parent = directory
        for part in name.split(separator: "/").dropLast() {
            parent += "/" + part
            if (try? FileStatus.ofLink(parent)) == nil { try make(parent) }
        }
    }

    private func make(_ directory: String) throws(LinuxError) {
        try check(mkdir(directory, directoryMode), "make", directory)
        // Whatever the umask says.
        try check(chmod(directory, directoryMode), "set the mode of", directory)
    }

    private func writeFile(_ name: String, _ content: [UInt8]) throws(LinuxError) {
        let number = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode)
        guard number >= 0 else { throw .last("create", name) }
        let file = FileDescriptor(owning: number)
        try check(fchmod(file.number, mode), "set the mode of", name)
        try writeAll(file.number, content, name)
    }

    private func check(_ result: Int32, _ operation: String, _ thing: String) throws(LinuxError) {
        guard result == 0 else { throw .last(operation, thing) }
    }
}
