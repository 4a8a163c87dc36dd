import BatonCore
import BatonLinux
import CBatonShims
import Glibc

/// What one process runs, recognised anew only where its command line is another one: by an exec, or since it has written a title.
///
/// The file stays open: this is on the way from a change to its signal, and one pread tells that all is as it was.
final class RunningProgram {
    private let pid: ProcessID
    private var lineFile: FileDescriptor?
    private var line: [UInt8] = []
    private var known: Program?

    /// Of a command line, as much as names the program and what it was given to run.
    private static let lineLimit = 4096
    /// Of /proc/PID/maps, in which a JVM's own library comes long before its heap's end.
    private static let mapsLimit = 1 << 20

    init(of pid: ProcessID) {
        self.pid = pid
        lineFile = try? openForReading("/proc/\(pid)/cmdline")
    }

    /// - Parameter access: the rights that the app's files in /proc need; with less, less is recognised.
    func program(_ access: ForeignAccess) -> Program {
        if let known, isLineUnchanged { return known }
        let program = access.run {
            let whole = (try? readBytes("/proc/\(pid)/cmdline", limit: RunningProgram.lineLimit)) ?? []
            line = Array(whole.prefix(RunningProgram.lineLimit))
            return Program(recognising: facts(try? readLink("/proc/\(pid)/exe"), line))
        }
        known = program
        return program
    }

    private var isLineUnchanged: Bool {
        guard let number = lineFile?.number else { return false }
        return withUnsafeTemporaryAllocation(byteCount: RunningProgram.lineLimit, alignment: 1) { buffer in
            let count = pread(number, buffer.baseAddress, buffer.count, 0)
            return count == line.count && line.elementsEqual(UnsafeRawBufferPointer(rebasing: buffer.prefix(count)))
        }
    }

    private func facts(_ executable: String?, _ line: [UInt8]) -> Program.Facts {
        let words = line.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
        var facts = Program.Facts(executable: executable, words: words)
        if let file = try? openForReading(Program.loadedFile(facts) ?? "/proc/\(pid)/exe") {
            facts.isGo = GoBuildNote.isIn(file)
        } else if let file = RunningProgram.file(named: words.first ?? "") {
            // Of another user's process the link is not shown; most say themselves what they are.
            facts.isGo = GoBuildNote.isIn(file)
        }
        let maps = (try? readBytes("/proc/\(pid)/maps", limit: RunningProgram.mapsLimit)) ?? []
        facts.hasJVM = RunningProgram.contains(maps, "/libjvm.so\n")
        return facts
    }

    private static func file(named word: String) -> FileDescriptor? {
        let name = word.split(separator: " ").first.map(String.init) ?? ""
        let path = getenv("PATH").map { CText(String(cString: $0)) }
        for candidate in CommandPaths.candidates(CText(name), path: path) {
            if let file = try? openForReading(candidate.text) { return file }
        }
        return nil
    }

    private static func contains(_ text: [UInt8], _ part: StaticString) -> Bool {
        text.withUnsafeBytes { baton_find($0.baseAddress, $0.count, part.utf8Start, part.utf8CodeUnitCount) != nil }
    }
}
