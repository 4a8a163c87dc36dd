import Glibc
import TestSupport
import Testing

@testable import BatonLinux

@Suite struct FileStatusTests {
    /// A time that does not fit into 64 bits of nanoseconds (before 1678, after 2262) is told from every other, those that are 2^64
    /// nanoseconds away among them.
    @Test func timesFarAwayAreKeptWhole() throws {
        // tmpfs keeps all 64 bits of the seconds; other file systems clamp them.
        let path = "/dev/shm/baton-file-status-\(getpid())"
        writeFile(path, "x")
        defer { unlink(path) }
        let times: [(seconds: Int, nanoseconds: Int)] = [
            (0, 0), (0, 1), (18_446_744_073, 709_551_616), (-18_446_744_074, 290_448_384), (Int.max, 0),
            (Int.min, 0), (-1, 999_999_999), (1 << 40, 5),
        ]
        var seen: [FileStatus.Time] = []
        for (seconds, nanoseconds) in times {
            let time = timespec(tv_sec: seconds, tv_nsec: nanoseconds)
            #expect(utimensat(AT_FDCWD, path, [time, time], 0) == 0)
            let modified = try FileStatus.following(path).modified
            #expect(modified.seconds == Int64(seconds) && modified.nanoseconds == Int64(nanoseconds))
            seen.append(modified)
        }
        #expect(Set(seen).count == times.count)
    }
}
