import Glibc

/// Writes a volume as kubelet's AtomicWriter does, step by step: a new `..timestamp.random` directory, its files, the link
/// `..data_tmp` moved over `..data`, links of new keys, removal of links whose keys are gone, removal of the old directory.
public final class KubeletVolume {
    public let directory: String

    public init(_ directory: String) {
        self.directory = directory
        mkdir(directory, 0o755)
    }

    /// The directory that holds the payload now.
    public var dataDirectory: String? {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = readlink(directory + "/..data", &buffer, buffer.count - 1)
        guard length > 0 else { return nil }
        return directory + "/"
            + String(decoding: buffer.prefix(length).map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
    }

    /// - Parameter payload: contents by path; a path may have directories (`items.path: a/b`).
    /// - Parameter beforeRemoval: called when the swap is done and the old directory still stands.
    /// - Returns: when the rename onto `..data` was done; nil where the data was equal and nothing happened.
    @discardableResult
    public func write(_ payload: [String: String], beforeRemoval: () -> Void = {}) -> Int64? {
        let old = dataDirectory
        if let old, isEqual(old, payload) { return nil }
        let name = "..2026_11_22_10_00_00.\(monotonicNow())"
        let new = directory + "/" + name
        mkdir(new, 0o755)
        chmod(new, 0o755)
        for (path, text) in payload.sorted(by: { $0.key < $1.key }) {
            var parent = new
            for part in path.split(separator: "/").dropLast() {
                parent += "/" + part
                mkdir(parent, 0o755)
            }
            writeFile(new + "/" + path, text)
        }
        symlink(name, directory + "/..data_tmp")
        rename(directory + "/..data_tmp", directory + "/..data")
        let swappedAt = monotonicNow()
        let keys = Set(payload.keys.compactMap { $0.split(separator: "/").first.map(String.init) })
        for key in keys where !linkExists(directory + "/" + key) { symlink("..data/" + key, directory + "/" + key) }
        for name in listDirectory(directory) where !name.hasPrefix("..") && !keys.contains(name) {
            unlink(directory + "/" + name)
        }
        beforeRemoval()
        if let old { removeTree(old) }
        return swappedAt
    }

    private func linkExists(_ path: String) -> Bool {
        var info = stat()
        return lstat(path, &info) == 0
    }

    private func isEqual(_ data: String, _ payload: [String: String]) -> Bool {
        payload.allSatisfy { fileExists(data + "/" + $0.key) && readFile(data + "/" + $0.key) == $0.value }
            && listDirectory(data).count == Set(payload.keys.compactMap { $0.split(separator: "/").first }).count
    }
}
