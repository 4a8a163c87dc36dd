import BatonCore
import BatonLinux

/// A child of Baton's that touches what may hang, and answers by a pipe: PID 1 waits for the pipe, never for a disk.
final class HelperProcess {
    let deadline: Instant
    let pid: ProcessID
    private let pipe: FileDescriptor
    private let limit: Int
    private var received: [UInt8] = []
    private(set) var isKilled = false
    /// It has said more than it may.
    private var hasSaidTooMuch = false

    /// - Parameter limit: of the answer, in bytes.
    /// - Parameter answer: runs in the child.
    init(deadline: Instant, limit: Int, _ answer: () -> [UInt8]) throws(LinuxError) {
        let pipe = try Pipe()
        let end = pipe.write.number
        pid = try forkHelper(keeping: end) { writeAll(end, answer()) }
        self.pipe = pipe.readEnd()
        self.deadline = deadline
        self.limit = limit
    }

    /// To be watched for reading.
    var descriptor: Int32 { pipe.number }

    /// Nil while it is not complete. The child holds the pipe's only other end: once it is complete the child has ended, or is about to.
    func answer() -> [UInt8]? {
        guard !hasSaidTooMuch else { return [] }
        do throws(LinuxError) {
            while let part = try readAvailable(pipe.number, limit: min(limit, 64 * 1024)) {
                if part.isEmpty { return received }
                hasSaidTooMuch = received.count + part.count > limit
                guard !hasSaidTooMuch else { return [] }
                received += part
            }
            return nil
        } catch {
            return []
        }
    }

    /// One that hangs in a file system may outlive this until that answers.
    func kill() {
        isKilled = true
        // One that has ended may be reaped, and its number another's.
        if answer() == nil { Processes.signal(process: pid, .kill) }
    }
}
