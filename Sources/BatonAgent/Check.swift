import BatonAgentCore
import BatonCore
import BatonLinux
import Glibc

/// BATON_VALIDATE=json, yaml or both: run by Baton as any other validator is.
enum Check {
    /// - Parameter words: the rest of the command: `json`, `yaml`.
    /// - Returns: the exit code.
    static func run(_ words: [String], _ environment: [EnvironmentVariable]) -> Int32 {
        let syntaxes = words.compactMap(Syntax.init)
        guard let snapshot = environment.last(where: { $0.isNamed("BATON_SNAPSHOT") })?.value,
            !syntaxes.isEmpty, syntaxes.count == words.count
        else {
            complain("check: only baton can start this check, with json or yaml as arguments and BATON_SNAPSHOT set")
            return 64
        }
        do throws(LinuxError) {
            let problems = try problems(snapshot, syntaxes)
            for problem in problems.prefix(20) { complain(problem) }
            return problems.isEmpty ? 0 : 1
        } catch {
            complain(error.description)
            return 1
        }
    }

    private static func problems(_ snapshot: String, _ syntaxes: [Syntax]) throws(LinuxError) -> [String] {
        let files = try files(below: snapshot, "", depth: 0)
        var work = files.compactMap { file in syntaxes.first { $0.names(file) }.map { (file, $0) } }
        // Configuration goes by all sorts of names: where one syntax is asked for and none is called by it, it is meant for all.
        if work.isEmpty, syntaxes.count == 1 { work = files.map { ($0, syntaxes[0]) } }
        var problems: [String] = []
        for (file, syntax) in work {
            let content = try readWhole(snapshot + "/" + file)
            if let problem = SyntaxCheck.problem(in: content, as: syntax) { problems.append("\(file): \(problem)") }
        }
        return problems
    }

    /// Relative names.
    private static func files(below directory: String, _ prefix: String, depth: Int) throws(LinuxError) -> [String] {
        guard depth < 64 else { return [] }
        var files: [String] = []
        for name in try directoryEntries(directory + "/" + prefix, limit: 100_000) {
            switch try FileStatus.ofLink(directory + "/" + prefix + name).kind {
            case .directory: files += try Self.files(below: directory, prefix + name + "/", depth: depth + 1)
            case .file: files.append(prefix + name)
            case .link, .other: break
            }
        }
        return files
    }

    private static func readWhole(_ path: String) throws(LinuxError) -> [UInt8] {
        let file = try openForReading(path)
        var bytes: [UInt8] = []
        while let part = try readAvailable(file.number, limit: 1 << 20), !part.isEmpty { bytes += part }
        return bytes
    }

    private static func complain(_ text: String) { StandardError().write("baton-agent: \(text)") }
}
