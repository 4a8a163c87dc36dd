import BatonAgentCore
import BatonCore
import BatonLinux
import Dispatch
import Glibc
import NIOConcurrencyHelpers

/// The socket to Baton: messages to it, and its answers to questions.
actor Link {
    private nonisolated let fd: Int32
    /// Who waits for an answer, in the order of the questions.
    private nonisolated let waiting = NIOLockedValueBox<[CheckedContinuation<[StatusRecord], Never>]>([])

    init(_ fd: Int32) { self.fd = fd }

    /// Waits where Baton is slow: nothing is lost, and nothing piles up.
    func send(_ message: AgentMessage) { writeAll(fd, Array(message.line.utf8)) }

    func log(_ record: LogRecord) { send(.log(record)) }

    /// Empty where Baton has gone.
    func ask(_ request: StatusRequest) async -> [StatusRecord] {
        await withCheckedContinuation { continuation in
            waiting.withLockedValue { $0.append(continuation) }
            send(.ask(request.rawValue))
        }
    }

    /// Reads what Baton says until it closes its end.
    nonisolated func untilClosed() async {
        await withCheckedContinuation { continuation in
            DispatchQueue(label: "link").async { [self] in
                read()
                for waiting in waiting.withLockedValue({ all in
                    defer { all = [] }
                    return all
                }) { waiting.resume(returning: []) }
                continuation.resume()
            }
        }
    }

    private nonisolated func read() {
        var lines = LineSplitter(limit: StatusRecord.lineLimit)
        var answer: [StatusRecord] = []
        while let bytes = try? readAvailable(fd, limit: 64 * 1024), !bytes.isEmpty,
            let complete = try? lines.add(bytes)
        {
            for line in complete {
                guard let record = StatusRecord(line: line) else { continue }
                guard record.kind == .end else {
                    answer.append(record)
                    continue
                }
                let next = waiting.withLockedValue { $0.isEmpty ? nil : $0.removeFirst() }
                next?.resume(returning: answer)
                answer = []
            }
        }
    }
}
