public import BatonCore

/// /proc/self/mountinfo (proc_pid_mountinfo(5)).
public struct MountTable: Sendable {
    public struct Mount: Sendable, Hashable {
        public let root: String
        public let mountPoint: String
        public let fileSystem: String
        public let source: String

        public init(root: String, mountPoint: String, fileSystem: String, source: String) {
            self.root = root
            self.mountPoint = mountPoint
            self.fileSystem = fileSystem
            self.source = source
        }

        /// The directory or file behind this mount has been removed or replaced: the kernel writes `//deleted` behind
        /// its path.
        public var isSuperseded: Bool { root.hasSuffix("//deleted") }

        /// Part of a kubelet volume, by the `..2026_01_31_…` directory that its writer puts into the path; nil for what is
        /// none.
        public var kubeletSubpath: SubpathMount? {
            guard root.utf8.count > 8, root.contains("/..") else { return nil }
            let whole = isSuperseded ? root.dropLast("//deleted".count) : root[...]
            let parts = whole.split(separator: "/")
            let version = parts.firstIndex {
                $0.hasPrefix("..") && $0.dropFirst(2).prefix(4).allSatisfy(\.isNumber) && $0.count > 6
            }
            guard let version, version + 1 < parts.count else { return nil }
            let isNamed = version >= 2 && parts[version - 2].hasPrefix("kubernetes.io~")
            return SubpathMount(
                point: mountPoint, volume: isNamed ? String(parts[version - 1]) : nil,
                path: parts[(version + 1)...].joined(separator: "/"))
        }
    }

    public let mounts: [Mount]

    /// Where parts of kubelet volumes are mounted.
    public let kubeletSubpathPoints: Set<String>

    /// Some of them hide the other side's writes.
    public let hasBlind: Bool

    public init(mounts: [Mount]) {
        self.mounts = mounts
        hasBlind = mounts.contains { FileSystemType.isBlind($0.fileSystem) }
        kubeletSubpathPoints = Set(mounts.lazy.filter { $0.kubeletSubpath != nil }.map(\.mountPoint))
    }

    public static func current() throws(LinuxError) -> MountTable {
        MountTable(parsing: try readSmallFile("/proc/self/mountinfo", limit: 4 << 20))
    }

    /// Lines that are not of the form are left out.
    public init(parsing text: String) {
        let mounts: [Mount] = text.split(separator: "\n").compactMap { line in
            let fields = line.split(separator: " ")
            guard let dash = fields.firstIndex(of: "-"), dash >= 6, dash + 2 < fields.count else { return nil }
            return Mount(
                root: MountTable.unescape(fields[3]), mountPoint: MountTable.unescape(fields[4]),
                fileSystem: String(fields[dash + 1]), source: MountTable.unescape(fields[dash + 2]))
        }
        self.init(mounts: mounts)
    }

    /// The mount that an absolute path lies on, going by its text alone (no link is followed, nothing is touched: a
    /// look at a dead NFS mount would hang). Of mounts on the same point the last one counts.
    public func mount(of path: String) -> Mount? {
        var best: Mount?
        for mount in mounts {
            let point = mount.mountPoint
            let isInside = point == "/" || path.hasPrefix(point) && MountTable.ends(point, in: path)
            if isInside, point.utf8.count >= (best?.mountPoint.utf8.count ?? 0) { best = mount }
        }
        return best
    }

    /// A component of the path ends where its prefix does.
    private static func ends(_ prefix: String, in path: String) -> Bool {
        let rest = path.utf8.dropFirst(prefix.utf8.count)
        return rest.isEmpty || rest.first == UInt8(ascii: "/")
    }

    /// The mount whose mount point is exactly this path.
    public func mount(at path: String) -> Mount? { mounts.last { $0.mountPoint == path } }

    /// Space, tab, newline and backslash are written as three octal digits.
    private static func unescape(_ text: Substring) -> String {
        guard text.contains("\\") else { return String(text) }
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), rest.count >= 3,
                let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
            {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
