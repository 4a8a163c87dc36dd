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
    /// - Parameter evenIfEqual: writes data that is there already, as after a change of mode.
    /// - Parameter beforeRemoval: called when the swap is done and the old directory still stands.
    /// - Returns: when the rename onto `..data` was done; nil where the data was equal and nothing happened.
    @discardableResult
    public func write(_ payload: [String: String], evenIfEqual: Bool = false, beforeRemoval: () -> Void = {}) -> Int64?
    {
        let old = dataDirectory
        if let old, !evenIfEqual, isEqual(old, payload) { return nil }
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

    /// The first write of one key as shell commands, for a place that only a shell in a namespace reaches.
    public static func commands(_ directory: String, key: String, _ text: String) -> String {
        let version = "..2026_11_22_09_00_00.1"
        return "mkdir -p \(directory)/\(version) && printf %s '\(text)' > \(directory)/\(version)/\(key) && "
            + "ln -s \(version) \(directory)/..data && ln -s ..data/\(key) \(directory)/\(key)"
    }

    /// A mount of one key by subPath: read-only, of the file behind the links.
    public static func mountCommands(_ directory: String, key: String, at path: String) -> String {
        "touch \(path) && mount --bind $(readlink -f \(directory)/\(key)) \(path) && mount -o remount,ro,bind \(path)"
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
