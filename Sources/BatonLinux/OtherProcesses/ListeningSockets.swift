public import BatonCore
import Glibc

/// The listening stream sockets of the network that a process is in.
public enum ListeningSockets {
    /// Of /proc/PID/net/unix, which has no order: what is beyond it is not seen.
    private static let unixLimit = 1 << 20

    /// Their inodes (proc_pid_net(5)). Of a file that cannot be read there are none.
    public static func inodes(seenBy process: ProcessID) -> Set<UInt64> {
        let net = "/proc/\(process)/net"
        return tcp(net + "/tcp").union(tcp(net + "/tcp6")).union(unix(net + "/unix"))
    }

    /// The kernel writes those that listen first: what follows, which may be many thousands, is not read.
    private static func tcp(_ path: String) -> Set<UInt64> {
        var inodes: Set<UInt64> = []
        guard let file = try? openForReading(path) else { return inodes }
        var rest: [UInt8] = []
        while let part = try? readAvailable(file.number, limit: 16384), !part.isEmpty {
            rest += part
            guard let end = rest.lastIndex(of: UInt8(ascii: "\n")) else { continue }
            let lines = String(decoding: rest[..<end], as: UTF8.self).split(separator: "\n")
            rest.removeSubrange(...end)
            for line in lines {
                let words = line.split(separator: " ")
                guard words.count > 9, words[0] != "sl" else { continue }
                // TCP_LISTEN
                guard words[3] == "0A" else { return inodes }
                if let inode = UInt64(words[9]) { inodes.insert(inode) }
            }
        }
        return inodes
    }

    private static func unix(_ path: String) -> Set<UInt64> {
        // __SO_ACCEPTCON
        let accepts: UInt32 = 1 << 16
        var inodes: Set<UInt64> = []
        for line in (try? readSmallFile(path, limit: unixLimit))?.split(separator: "\n") ?? [] {
            let words = line.split(separator: " ")
            guard words.count > 6, let flags = UInt32(words[3], radix: 16), flags & accepts != 0,
                let inode = UInt64(words[6])
            else { continue }
            inodes.insert(inode)
        }
        return inodes
    }
}
