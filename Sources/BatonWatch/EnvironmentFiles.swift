public import BatonCore
public import BatonLinux
import Glibc

/// The environment that a generation is given from files: a directory has a file for each variable, any other file is in `.env`
/// form. What a source said last stays where it cannot be read.
public final class EnvironmentFiles {
    private let paths: [String]
    private var lastGood: [String: [EnvironmentVariable]] = [:]

    private enum Limits {
        static let variables = 10_000
        /// Of one file; the kernel takes no longer string (MAX_ARG_STRLEN, execve(2)).
        static let bytes = 128 * 1024 - 1
    }

    /// - Parameter paths: later ones win.
    public init(_ paths: [String]) { self.paths = paths }

    public func read() -> (variables: [EnvironmentVariable], [LogRecord]) {
        var variables: [EnvironmentVariable] = []
        var records: [LogRecord] = []
        for path in paths {
            do throws(LinuxError) {
                lastGood[path] = try read(path, &records)
            } catch {
                let kept = lastGood[path] == nil ? "" : "; what it said last is kept"
                records.append(record(path, "cannot be read for the environment: \(error)\(kept)"))
            }
            variables += lastGood[path] ?? []
        }
        return (variables, records)
    }

    private func read(_ path: String, _ records: inout [LogRecord]) throws(LinuxError) -> [EnvironmentVariable] {
        guard try FileStatus.following(path).kind == .directory else {
            let (variables, problems) = DotEnv.parse(try content(path))
            for problem in problems.prefix(10) {
                records.append(record(path, "line \(problem.line) is left out: \(problem.reason)"))
            }
            return variables.map { EnvironmentVariable(name: $0.name, bytes: $0.value) }
        }
        let directory = SourceScanner.dataLink(in: Path(path)).map { Path(path).appending($0) } ?? Path(path)
        var variables: [EnvironmentVariable] = []
        for name in try directoryEntries(directory.text, limit: Limits.variables)
        where !Path(name).hasPrefix("..") {
            let file = directory.appending(name).text
            guard (try? FileStatus.following(file).kind) == .file else { continue }
            guard DotEnv.isName(name) else {
                records.append(record(path, "\(name) is left out: it is no name of a variable"))
                continue
            }
            var value = try content(file)
            // The end of the last line is the editor's, not the value's.
            if value.last == UInt8(ascii: "\n") {
                value.removeLast()
                if value.last == UInt8(ascii: "\r") { value.removeLast() }
            }
            variables.append(EnvironmentVariable(name: name, bytes: value))
        }
        return variables
    }

    private func content(_ file: String) throws(LinuxError) -> [UInt8] {
        let bytes = try readBytes(file, limit: Limits.bytes + 1)
        guard bytes.count <= Limits.bytes else { throw LinuxError("read all of", file, errno: E2BIG) }
        guard !bytes.contains(0) else { throw LinuxError("take a NUL byte from", file, errno: EINVAL) }
        return bytes
    }

    private func record(_ path: String, _ reason: String) -> LogRecord {
        LogRecord(.warn, "environment_file", "\(path): \(reason)", [.text("source", path)])
    }
}
