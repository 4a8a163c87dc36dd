import BatonCore
import Glibc

/// kubelet's layout of a directory and the steps of its atomic writer (pkg/volume/util/atomic_writer.go), as far as
/// `SnapshotStage` and `StageDirectory` share them:
///
///     ..data   -> VERSION
///     app.yaml -> ..data/app.yaml
///
/// Others may keep files in the same directory. Nothing is removed but links with exactly these targets; everything else that
/// is neither a version nor named in `own` is reported as foreign.
struct StageLayout: Sendable {
    let path: String
    /// How many numbers the name of a version has behind its date.
    let numbers: ClosedRange<Int>
    /// Further entries that are Baton's.
    let own: Set<Path>
    /// Where there are more entries, a swap does not look for what could be removed or reported.
    let limit: Int

    private static let data = "..data"
    private static let newData = "..data_tmp"

    func isVersion(_ name: String) -> Bool { StageVersion.isName(name, numbers: numbers) }

    /// Baton makes directories: a link or a file of such a name is not Baton's.
    func isVersionThatIsThere(_ name: String) -> Bool {
        isVersion(name) && (try? FileStatus.ofLink(path + "/" + name))?.kind == .directory
    }

    /// What `..data` leads to; nil where there is none.
    /// - Throws: EEXIST where it is no link: rename(2) would replace a file without a word.
    func target() throws(LinuxError) -> String? { try linkTarget(of: Self.data) }

    // MARK: what is in the way

    /// - Throws: EEXIST where one of these names, or one that the swap needs, is taken by what Baton has not made.
    func checkFree(_ names: some Sequence<Path>) throws(LinuxError) {
        _ = try linkTarget(of: Self.data)
        _ = try linkTarget(of: Self.newData)
        for name in names { _ = try isLinked(name.text) }
    }

    private func linkTarget(of name: String) throws(LinuxError) -> String? {
        do throws(LinuxError) { return try readLink(path + "/" + name) } catch {
            switch error.errno {
            case ENOENT: return nil
            // It is something else than a link (readlink(2)).
            case EINVAL: throw inTheWay(name)
            default: throw error
            }
        }
    }

    /// The link of this name is there.
    private func isLinked(_ name: String) throws(LinuxError) -> Bool {
        guard let target = try linkTarget(of: name) else { return false }
        guard leads(target, to: name) else { throw inTheWay(name) }
        return true
    }

    private func leads(_ target: String, to name: String) -> Bool { Path(target) == Path("\(Self.data)/\(name)") }

    private func inTheWay(_ name: String) -> LinuxError {
        let full = path + "/" + name
        return LinuxError(
            "link", full, errno: EEXIST,
            words:
                "\(full) already exists, and Baton did not create it: move it, or set BATON_STAGE to another directory")
    }

    // MARK: the swap

    /// Leads `..data` to this version, in one step.
    func swap(to version: String) throws(LinuxError) {
        let new = path + "/" + Self.newData
        if symlink(version, new) != 0 {
            guard errno == EEXIST else { throw .last("link", new) }
            // A crash may have left it. What is no link is not Baton's.
            _ = try linkTarget(of: Self.newData)
            unlink(new)
            guard symlink(version, new) == 0 else { throw .last("link", new) }
        }
        guard rename(new, path + "/" + Self.data) == 0 else {
            let failure = LinuxError.last("move", new)
            unlink(new)
            throw failure
        }
    }

    /// What was found in the directory after a swap.
    struct Entries {
        var versions: [String] = []
        /// By path.
        var foreign: [String] = []
        /// Of the first name that could not be linked.
        var failure: LinuxError?
    }

    /// Makes the links of these names and removes those of others.
    func link(_ names: Set<Path>) -> Entries {
        var found = Entries()
        for name in names.map(\.text) {
            do throws(LinuxError) {
                guard try !isLinked(name) else { continue }
                guard symlink("\(Self.data)/\(name)", path + "/" + name) == 0 else {
                    throw .last("link", path + "/" + name)
                }
            } catch {
                found.failure = found.failure ?? error
                if error.errno == EEXIST { found.foreign.append(path + "/" + name) }
            }
        }
        // Where they cannot be listed: tidying up can wait, a change cannot.
        let entries = (try? directoryListing(path, limit: limit)) ?? []
        for entry in entries where !names.contains(Path(entry.name)) { sort(entry, into: &found) }
        return found
    }

    /// All versions that are there.
    func versions() throws(LinuxError) -> [String] {
        try directoryListing(path, limit: 100_000).filter(isVersion).map(\.name)
    }

    private func sort(_ entry: DirectoryEntry, into found: inout Entries) {
        let name = entry.name
        guard name != Self.data, name != Self.newData, !own.contains(Path(name)) else { return }
        if isVersion(entry) {
            found.versions.append(name)
        } else if isOwnLink(entry) {
            unlink(path + "/" + name)
        } else {
            found.foreign.append(path + "/" + name)
        }
    }

    private func isVersion(_ entry: DirectoryEntry) -> Bool {
        entry.hasUsableName && isVersion(entry.name) && kind(of: entry) == .directory
    }

    private func isOwnLink(_ entry: DirectoryEntry) -> Bool {
        guard entry.hasUsableName, kind(of: entry) == .link else { return false }
        return (try? readLink(path + "/" + entry.name)).map { leads($0, to: entry.name) } ?? false
    }

    private func kind(of entry: DirectoryEntry) -> FileStatus.Kind? {
        entry.kind ?? (try? FileStatus.ofLink(path + "/" + entry.name))?.kind
    }
}
