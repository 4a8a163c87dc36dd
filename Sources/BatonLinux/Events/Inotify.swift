public import BatonCore
import CBatonShims
import Glibc

/// inotify(7): one instance, any number of watches.
public final class Inotify {
    private let fd: FileDescriptor
    /// Of its own, as events come at the worst of times for an allocation: somebody waits for what they tell.
    private let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 64 * 1024, alignment: 8)

    public struct Mask: OptionSet, Sendable {
        public let rawValue: UInt32
        public init(rawValue: UInt32) { self.rawValue = rawValue }

        public static let modify = Mask(rawValue: 0x2)
        public static let attrib = Mask(rawValue: 0x4)
        public static let closeWrite = Mask(rawValue: 0x8)
        public static let movedFrom = Mask(rawValue: 0x40)
        public static let movedTo = Mask(rawValue: 0x80)
        public static let create = Mask(rawValue: 0x100)
        public static let delete = Mask(rawValue: 0x200)
        public static let deleteSelf = Mask(rawValue: 0x400)
        public static let moveSelf = Mask(rawValue: 0x800)
        public static let overflow = Mask(rawValue: 0x4000)
        public static let ignored = Mask(rawValue: 0x8000)
        public static let onlyDirectory = Mask(rawValue: 0x0100_0000)
        /// Adds to a watch that there is on the same inode.
        public static let addToMask = Mask(rawValue: 0x2000_0000)
    }

    public struct Event: Sendable {
        /// -1 with `overflow`.
        public let watch: Int32
        public let mask: Mask
        /// Empty for an event of the watched thing itself.
        public let name: Path
    }

    /// - Throws: EMFILE where the user has its 128 instances (/proc/sys/fs/inotify/max_user_instances).
    public init() throws(LinuxError) {
        let number = inotify_init1(Int32(IN_NONBLOCK) | Int32(IN_CLOEXEC))
        guard number >= 0 else { throw .last("create", "an inotify instance") }
        fd = FileDescriptor(owning: number)
    }

    deinit { buffer.deallocate() }

    public var number: Int32 { fd.number }

    /// - Returns: the watch's number; the same one for the same inode.
    /// - Throws: ENOSPC where the user has all its watches (/proc/sys/fs/inotify/max_user_watches).
    public func add(_ path: String, _ mask: Mask) throws(LinuxError) -> Int32 {
        let watch = inotify_add_watch(fd.number, path, mask.rawValue)
        guard watch >= 0 else { throw .last("watch", path) }
        return watch
    }

    public func remove(_ watch: Int32) { inotify_rm_watch(fd.number, watch) }

    /// Every event that waits, up to about 64 KiB of them; `hasMore` tells whether to ask again.
    public func read(_ body: (Event) -> Void) throws(LinuxError) -> Bool {
        let count = Glibc.read(fd.number, buffer.baseAddress, buffer.count)
        guard count >= 0 else {
            if errno == EAGAIN || errno == EINTR { return false }
            throw .last("read", "inotify's events")
        }
        let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        var offset = 0
        while offset + 16 <= count {
            let length = Int(bytes.loadUnaligned(fromByteOffset: offset + 12, as: UInt32.self))
            guard offset + 16 + length <= count else { break }
            let name = bytes[(offset + 16)..<(offset + 16 + length)].prefix { $0 != 0 }
            body(
                Event(
                    watch: bytes.loadUnaligned(fromByteOffset: offset, as: Int32.self),
                    mask: Mask(rawValue: bytes.loadUnaligned(fromByteOffset: offset + 4, as: UInt32.self)),
                    name: Path(String(decoding: name, as: UTF8.self))))
            offset += 16 + length
        }
        return count > buffer.count / 2
    }
}
