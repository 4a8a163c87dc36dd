import BatonCore
import BatonLinux
import Glibc

/// What one source says for the environment: a directory has a file for each variable, any other file is in `.env` form. Read in a child
/// of its own, and handed to PID 1 as bytes.
struct EnvironmentSource {
    private(set) var variables: [EnvironmentVariable] = []
    /// What has been left out, and why.
    private(set) var problems: [String] = []
    /// Why it cannot be read at all.
    private(set) var failure: String?

    private enum Limits {
        static let variables = 10_000
        /// Of one file; the kernel takes no longer string (MAX_ARG_STRLEN, execve(2)).
        static let bytes = 128 * 1024 - 1
        /// Of all of it; the kernel takes no more of arguments and environment (execve(2)).
        static let allBytes = 6 << 20
        static let problems = 10
    }

    /// Of what `encoded` may be.
    static let answerLimit = 8 << 20

    // MARK: reading

    static func read(_ path: Path) -> EnvironmentSource {
        var source = EnvironmentSource()
        do throws(LinuxError) { try source.add(path) } catch {
            source = EnvironmentSource()
            source.failure = error.description
        }
        return source
    }

    private init() {}

    private mutating func add(_ path: Path) throws(LinuxError) {
        if try FileStatus.following(path.text).kind == .directory { return try addDirectory(path) }
        let (variables, problems) = DotEnv.parse(try content(path))
        for problem in problems { leaveOut("line \(problem.line) is ignored: \(problem.reason)") }
        self.variables = variables.map { EnvironmentVariable(name: $0.name, bytes: $0.value) }
    }

    private mutating func addDirectory(_ path: Path) throws(LinuxError) {
        let directory = SourceScanner.dataLink(in: path).map { path.appending($0) } ?? path
        var left = Limits.allBytes
        for name in try directoryEntries(directory.text, limit: Limits.variables) where !Path(name).hasPrefix("..") {
            let file = directory.appending(name)
            guard (try? FileStatus.following(file.text).kind) == .file else { continue }
            guard DotEnv.isName(name) else {
                leaveOut("\(name) is ignored: it is not a valid name of a variable")
                continue
            }
            let value = EnvironmentSource.withoutLineEnd(try content(file))
            left -= name.utf8.count + value.count
            guard left >= 0 else { throw LinuxError("read all of", path.text, errno: E2BIG) }
            variables.append(EnvironmentVariable(name: name, bytes: value))
        }
    }

    private mutating func leaveOut(_ problem: String) {
        if problems.count < Limits.problems { problems.append(problem) }
    }

    private func content(_ file: Path) throws(LinuxError) -> [UInt8] {
        let bytes = try readBytes(file.text, limit: Limits.bytes + 1)
        guard bytes.count <= Limits.bytes else { throw LinuxError("read all of", file.text, errno: E2BIG) }
        guard !bytes.contains(0) else { throw LinuxError("use a NUL byte in", file.text, errno: EINVAL) }
        return bytes
    }

    /// The end of the last line is the editor's, not the value's.
    private static func withoutLineEnd(_ value: [UInt8]) -> [UInt8] {
        guard value.last == UInt8(ascii: "\n") else { return value }
        let line = value.dropLast()
        return Array(line.last == UInt8(ascii: "\r") ? line.dropLast() : line)
    }
}

// The way to PID 1: parts with a kind and a length each, and an end, without which the reader has died on the way.
extension EnvironmentSource {
    private enum Part {
        static let variable = UInt8(ascii: "v")
        static let problem = UInt8(ascii: "p")
        static let failure = UInt8(ascii: "f")
        static let end = UInt8(ascii: ".")
    }

    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        func add(_ kind: UInt8, _ content: [UInt8]) {
            bytes.append(kind)
            withUnsafeBytes(of: UInt32(clamping: content.count)) { bytes += $0 }
            bytes += content
        }
        for variable in variables { add(Part.variable, variable.entry.bytes) }
        for problem in problems { add(Part.problem, Array(problem.utf8)) }
        if let failure { add(Part.failure, Array(failure.utf8)) }
        bytes.append(Part.end)
        return bytes
    }

    /// Nil where it is not whole.
    init?(decoding bytes: [UInt8]) {
        var rest = bytes[...]
        while let kind = rest.popFirst() {
            if kind == Part.end {
                guard rest.isEmpty else { return nil }
                return
            }
            guard rest.count >= 4 else { return nil }
            let length = Int(rest.withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) })
            rest = rest.dropFirst(4)
            guard rest.count >= length else { return nil }
            let content = Array(rest.prefix(length))
            rest = rest.dropFirst(length)
            switch kind {
            case Part.variable:
                guard let variable = EnvironmentVariable(entry: CText(bytes: content)) else { return nil }
                variables.append(variable)
            case Part.problem: problems.append(String(decoding: content, as: UTF8.self))
            case Part.failure: failure = String(decoding: content, as: UTF8.self)
            default: return nil
            }
        }
        return nil
    }
}
