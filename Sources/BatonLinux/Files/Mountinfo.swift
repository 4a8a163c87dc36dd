public import BatonCore

/// /proc/self/mountinfo (proc_pid_mountinfo(5)).
public struct MountTable: Sendable {
    public struct Mount: Sendable, Hashable {
        public let root: Path
        public let mountPoint: Path
        public let fileSystem: String

        public init(root: Path, mountPoint: Path, fileSystem: String) {
            self.root = root
            self.mountPoint = mountPoint
            self.fileSystem = fileSystem
        }

        /// The directory or file behind this mount has been removed or replaced: the kernel writes `//deleted` behind
        /// its path.
        public var isSuperseded: Bool { root.hasSuffix("//deleted") }

        /// Part of a kubelet volume, by the `..2026_01_31_…` directory that its writer puts into the path; nil for what is
        /// none.
        public var kubeletSubpath: SubpathMount? {
            let dot = UInt8(ascii: ".")
            let bytes = root.text.utf8
            guard zip(bytes, bytes.dropFirst()).contains(where: { $0 == (dot, dot) }) else { return nil }
            var parts = root.components
            if isSuperseded { parts.removeLast() }
            let version = parts.firstIndex(where: Mount.isVersion)
            guard let version, version + 1 < parts.count else { return nil }
            let isNamed = version >= 2 && parts[version - 2].hasPrefix("kubernetes.io~")
            return SubpathMount(
                point: mountPoint.text, volume: isNamed ? parts[version - 1].text : nil,
                path: parts[(version + 1)...].map(\.text).joined(separator: "/"))
        }

        private static func isVersion(_ name: Path) -> Bool {
            let digits = UInt8(ascii: "0")...UInt8(ascii: "9")
            let bytes = name.text.utf8
            return name.hasPrefix("..") && bytes.count > 6 && bytes.dropFirst(2).prefix(4).allSatisfy(digits.contains)
        }
    }

    public let mounts: [Mount]

    /// Where something is mounted.
    public let points: Set<Path>

    /// Where parts of kubelet volumes are mounted.
    public let kubeletSubpathPoints: [Path]

    /// Some of them hide the other side's writes.
    public let hasBlind: Bool

    public init(mounts: [Mount]) {
        self.mounts = mounts
        hasBlind = mounts.contains { FileSystemType.isBlind($0.fileSystem) }
        points = Set(mounts.map(\.mountPoint))
        kubeletSubpathPoints = mounts.filter { $0.kubeletSubpath != nil }.map(\.mountPoint)
    }

    public static func current() throws(LinuxError) -> MountTable {
        MountTable(parsing: try readSmallFile("/proc/self/mountinfo", limit: 4 << 20))
    }

    /// Lines that are not of the form are left out.
    public init(parsing text: String) {
        let mounts: [Mount] = text.utf8.split(separator: UInt8(ascii: "\n")).compactMap { line in
            let fields = line.split(separator: UInt8(ascii: " "))
            guard let dash = fields.firstIndex(where: { $0.elementsEqual("-".utf8) }), dash >= 6,
                dash + 2 < fields.count
            else { return nil }
            return Mount(
                root: Path(MountTable.unescape(fields[3])), mountPoint: Path(MountTable.unescape(fields[4])),
                fileSystem: String(Substring(fields[dash + 1])))
        }
        self.init(mounts: mounts)
    }

    /// The mount that an absolute path lies on, going by its text alone (no link is followed, nothing is touched: a
    /// look at a dead NFS mount would hang). Of mounts on the same point the last one counts.
    public func mount(of path: Path) -> Mount? {
        var best: Mount?
        for mount in mounts where path.relative(to: mount.mountPoint) != nil {
            if mount.mountPoint.text.utf8.count >= (best?.mountPoint.text.utf8.count ?? 0) { best = mount }
        }
        return best
    }

    /// The mount whose mount point is exactly this path.
    public func mount(at path: Path) -> Mount? { mounts.last { $0.mountPoint == path } }

    /// Space, tab, newline and backslash are written as three octal digits.
    private static func unescape(_ text: Substring.UTF8View) -> String {
        guard text.contains(UInt8(ascii: "\\")) else { return String(Substring(text)) }
        var bytes: [UInt8] = []
        var rest = Array(text)[...]
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
