import BatonCore
import BatonLinux
import Glibc

/// Puts records on stderr, as BATON_LOG and BATON_LOG_LEVEL have it.
final class Logger {
    private let stderr = StandardError()
    private let format: LogFormat
    private let level: LogLevel
    private var reportedDrops: UInt64 = 0
    /// stderr is a terminal that understands more than lines.
    let isForTerminal: Bool
    private let isColoured: Bool
    /// What stands on the terminal's last line.
    private var progress: String?
    /// Records that are written later, in their order, each with its own time.
    private var held: [(record: LogRecord, milliseconds: Int64)] = []
    private var holdsBack = false
    private static let heldLimit = 256

    init(format: LogFormat, level: LogLevel) {
        self.format = format
        self.level = level
        isForTerminal = format == .text && isatty(2) == 1 && getenv("TERM").map { strcmp($0, "dumb") } ?? 0 != 0
        // https://no-color.org
        isColoured = isForTerminal && getenv("NO_COLOR") == nil
    }

    func log(_ record: LogRecord) {
        guard record.level <= level else { return }
        guard holdsBack else { return write(record, Clock.wallMilliseconds()) }
        held.append((record, Clock.wallMilliseconds()))
        if held.count >= Self.heldLimit { writeHeld() }
    }

    /// What `body` does goes before the lines that tell of it: an app that is to get its signal does not wait for the log.
    func holdingBack(_ body: () -> Void) {
        holdsBack = true
        body()
        holdsBack = false
        writeHeld()
    }

    /// To be called before a program is started, so that its own first words come after.
    func writeHeld() {
        for (record, milliseconds) in held { write(record, milliseconds) }
        held.removeAll(keepingCapacity: true)
    }

    private func write(_ record: LogRecord, _ milliseconds: Int64) {
        reportDrops()
        let line = record.line(format, time: Clock.wallTime(milliseconds), isColoured: isColoured)
        guard let progress else { return stderr.write(line) }
        stderr.write(Self.emptyLine + line)
        stderr.write(progress, isWhole: false)
    }

    /// It wants to be brought up to date now and then.
    var showsProgress: Bool { progress != nil }

    private static let emptyLine = "\r\u{1b}[K"

    /// Keeps this on the terminal's last line, below the log; nil: nothing.
    func show(_ text: String?) {
        guard isForTerminal, text != progress else { return }
        progress = text
        stderr.write(Self.emptyLine + (text ?? ""), isWhole: false)
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
            .logDropped, "dropped \(plural(count, "log line")): stderr was not read",
            [.number("count", Int64(clamping: count))])
        stderr.write(record.line(format, time: Clock.wallTime()))
    }
}
