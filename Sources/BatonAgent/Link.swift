import BatonCore
import BatonLinux
import Dispatch
import Glibc

/// The socket to Baton.
actor Link {
    private nonisolated let fd: Int32

    init(_ fd: Int32) { self.fd = fd }

    /// Waits where Baton is slow: nothing is lost, and nothing piles up.
    func send(_ message: AgentMessage) { writeAll(fd, Array(message.line.utf8)) }

    func log(_ record: LogRecord) { send(.log(record)) }

    nonisolated func untilClosed() async {
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "link").async { [fd] in
                var byte: UInt8 = 0
                while true {
                    let count = read(fd, &byte, 1)
                    if count == 0 || (count < 0 && errno != EINTR) { break }
                }
                continuation.resume()
            }
        }
    }
}
