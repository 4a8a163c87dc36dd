import BatonCore

/// What is watched, as a file system has it: two files that are read one after the other, and written step by step. Either a
/// kubelet volume (its AtomicWriter makes a directory, writes the files, renames a link, removes the old directory), or a
/// directory that is written in place.
struct Volume {
    enum Step: Hashable {
        case makeDirectory(Int)
        case truncate(Int, file: Int)
        case write(Int, file: Int, UInt64)
        /// The rename onto `..data`.
        case link(Int)
        case remove(Int)
        /// All of it is gone.
        case vanish
    }

    /// A look at one file after the other.
    struct Reading {
        fileprivate let directory: Int
        fileprivate let changes: Int
        fileprivate var files: [UInt64] = []
        /// A file was not there, or not yet.
        fileprivate var isBroken = false
    }

    static let fileCount = 2

    let isKubelets: Bool
    /// By number; a file that is nil has been truncated, or is not there yet.
    private var directories: [Int: [UInt64?]]
    /// The directory that `..data` names; that of the plain files never changes.
    private var linked: Int? = 0
    private var next = 1
    /// Of plain files: how often any has changed, as their ctime would tell.
    private var changes = 0

    init(isKubelets: Bool, content: UInt64) {
        self.isKubelets = isKubelets
        directories = [0: [UInt64?](repeating: content, count: Volume.fileCount)]
    }

    /// What a reader who is not disturbed finds; nil where there is nothing whole.
    var digest: Digest? {
        guard let linked, let files = directories[linked] else { return nil }
        guard !isKubelets || files.allSatisfy({ $0 != nil }) else { return nil }
        return Volume.digest(files.map { $0 ?? 0 })
    }

    /// Of content that one writer has written as a whole.
    static func whole(_ content: UInt64) -> Digest { digest([content, content]) }

    private static func digest(_ files: [UInt64]) -> Digest { Digest(files[0], files[1], 0, 0) }

    // MARK: writing

    /// - Parameter isKata: the rename can be seen before the content (Kata Containers).
    mutating func steps(to content: UInt64, isKata: Bool) -> [Step] {
        let files = 0..<Volume.fileCount
        guard isKubelets else {
            return files.flatMap { [.truncate(0, file: $0), .write(0, file: $0, content)] }
        }
        let directory = next
        next += 1
        let writes = files.map { Step.write(directory, file: $0, content) }
        let old = linked.map { [Step.remove($0)] } ?? []
        return isKata
            ? [.makeDirectory(directory), .link(directory)] + writes + old
            : [.makeDirectory(directory)] + writes + [.link(directory)] + old
    }

    mutating func perform(_ step: Step) {
        changes += 1
        switch step {
        case .makeDirectory(let number): directories[number] = [UInt64?](repeating: nil, count: Volume.fileCount)
        case .truncate(let number, let file): directories[number]?[file] = nil
        case .write(let number, let file, let content): directories[number]?[file] = content
        case .link(let number): linked = number
        case .remove(let number): directories[number] = nil
        case .vanish:
            directories = [:]
            linked = nil
        }
    }

    /// What inotify tells.
    enum Notice {
        /// All has changed at one moment.
        case atomic
        case partial
    }

    func notice(of step: Step) -> Notice? {
        switch step {
        case .link, .vanish: .atomic
        case .truncate, .write: isKubelets ? nil : .partial
        case .makeDirectory, .remove: nil
        }
    }

    // MARK: reading

    /// Nil where there is nothing.
    func beginReading() -> Reading? {
        guard let linked, directories[linked] != nil else { return nil }
        return Reading(directory: linked, changes: changes)
    }

    func read(file: Int, _ reading: inout Reading) {
        guard let files = directories[reading.directory], files[file] != nil || !isKubelets else {
            reading.isBroken = true
            return
        }
        reading.files.append(files[file] ?? 0)
    }

    /// Nil where it was disturbed.
    func end(_ reading: Reading) -> Digest? {
        let isUndisturbed = isKubelets ? linked == reading.directory : changes == reading.changes
        guard !reading.isBroken, isUndisturbed else { return nil }
        return Volume.digest(reading.files)
    }
}
