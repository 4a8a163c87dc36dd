import BatonCore
import BatonLinux

/// Puts records on stderr, as BATON_LOG and BATON_LOG_LEVEL have it.
final class Logger {
    private let stderr = StandardError()
    private let format: LogFormat
    private let level: LogLevel
    private var reportedDrops: UInt64 = 0

    init(format: LogFormat, level: LogLevel) {
        self.format = format
        self.level = level
    }

    func log(_ record: LogRecord) {
        guard record.level <= level else { return }
        reportDrops()
        stderr.write(record.line(format, time: Clock.wallTime()))
    }

    /// Lines that nobody read in time.
    var dropped: UInt64 { stderr.dropped }

    /// Lines wait for the reader of stderr; `flush` should be called again soon.
    var hasKept: Bool { stderr.hasKept }

    func flush() {
        stderr.flush()
        reportDrops()
    }

    private func reportDrops() {
        guard !stderr.hasKept, stderr.dropped > reportedDrops else { return }
        let count = stderr.dropped - reportedDrops
        reportedDrops = stderr.dropped
        let record = LogRecord(
            .warn, "log_dropped", "\(count) log lines were dropped: nobody read stderr",
            [.number("count", Int64(clamping: count))])
        stderr.write(record.line(format, time: Clock.wallTime()))
    }
}
