public import Glibc

/// A child with its output in files, so that nothing it writes can block it and every condition can be looked at.
public final class RunningProcess {
    public let pid: pid_t
    public let outputPath: String
    public let errorPath: String
    private let directory: TemporaryDirectory
    private var ended: Int32?

    public struct Options {
        public var environment: [String: String] = [:]
        /// Keep the test's own PATH only.
        public var inheritsEnvironment = true
        public var closedDescriptors: [Int32] = []
        public var ignoredSignals: [Int32] = []
        public var blockedSignals: [Int32] = []
        /// Opened for stdin instead of /dev/null.
        public var input: Int32?
        public var output: Int32?
        public var error: Int32?
        public var newGroup = true
        public init() {}
    }

    public init(_ arguments: [String], _ options: Options = Options()) throws {
        directory = TemporaryDirectory()
        outputPath = directory.file("stdout")
        errorPath = directory.file("stderr")
        writeFile(outputPath, "")
        writeFile(errorPath, "")

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        if let input = options.input {
            posix_spawn_file_actions_adddup2(&actions, input, 0)
        } else {
            posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        }
        if let output = options.output {
            posix_spawn_file_actions_adddup2(&actions, output, 1)
        } else {
            posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_APPEND, 0)
        }
        if let error = options.error {
            posix_spawn_file_actions_adddup2(&actions, error, 2)
        } else {
            posix_spawn_file_actions_addopen(&actions, 2, errorPath, O_WRONLY | O_APPEND, 0)
        }
        for fd in options.closedDescriptors { posix_spawn_file_actions_addclose(&actions, fd) }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var mask = sigset_t()
        sigemptyset(&mask)
        for signal in options.blockedSignals { sigaddset(&mask, signal) }
        posix_spawnattr_setsigmask(&attributes, &mask)
        var defaults = sigset_t()
        sigfillset(&defaults)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        var flags = Int16(POSIX_SPAWN_SETSIGMASK) | Int16(POSIX_SPAWN_SETSIGDEF)
        if options.newGroup { flags |= Int16(POSIX_SPAWN_SETPGROUP) }
        posix_spawnattr_setflags(&attributes, flags)

        // By way of env(1): to ignore them here, even for a moment, would touch every other child of this process.
        let ignored = options.ignoredSignals.map(String.init).joined(separator: ",")
        let arguments = ignored.isEmpty ? arguments : ["env", "--ignore-signal=\(ignored)"] + arguments
        var environment = options.environment
        if options.inheritsEnvironment {
            for name in ["PATH", "HOME", "LD_LIBRARY_PATH", "ASAN_OPTIONS", "TSAN_OPTIONS"]
            where environment[name] == nil {
                if let value = getenv(name) { environment[name] = String(cString: value) }
            }
        }
        var argv: [UnsafeMutablePointer<CChar>?] = arguments.map { strdup($0) } + [nil]
        var envp: [UnsafeMutablePointer<CChar>?] = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }

        var child: pid_t = 0
        let result = posix_spawnp(&child, arguments[0], &actions, &attributes, &argv, &envp)
        guard result == 0 else { throw TimedOut("cannot spawn \(arguments[0]): \(String(cString: strerror(result)))") }
        pid = child
    }

    public var output: String { readFile(outputPath) }
    public var error: String { readFile(errorPath) }

    public func signal(_ number: Int32) { kill(pid, number) }

    /// The exit code, or 128 + the signal.
    @discardableResult
    public func wait(seconds: Double = 20) throws -> Int32 {
        if let ended { return ended }
        var status: Int32 = 0
        do {
            try waitUntil("end of process \(pid)", seconds: seconds) { waitpid(pid, &status, WNOHANG) == pid }
        } catch {
            throw TimedOut("\(error)\n\(self.error.suffix(3000))")
        }
        let code = status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
        ended = code
        return code
    }

    /// Asks it to end, and gives what `wait` gives.
    @discardableResult
    public func stop(by number: Int32 = SIGTERM, seconds: Double = 20) throws -> Int32 {
        signal(number)
        return try wait(seconds: seconds)
    }

    public var isRunning: Bool {
        if ended != nil { return false }
        var info = siginfo_t()
        return waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && siginfoPID(&info) == 0
    }

    /// Stopped by a signal, as its parent sees it.
    public func waitUntilStopped() throws {
        var status: Int32 = 0
        try waitUntil("stop of process \(pid)") {
            waitpid(pid, &status, WNOHANG | WUNTRACED) == pid && status & 0xff == 0x7f
        }
    }

    public func waitForError(_ text: String, count: Int = 1, seconds: Double = 20) throws {
        do {
            try waitUntil("\"\(text)\" on stderr", seconds: seconds) { occurrences(of: text, in: error) >= count }
        } catch {
            throw TimedOut("\(error)\n\(self.error.suffix(4000))")
        }
    }

    public func waitForOutput(_ text: String, count: Int = 1, seconds: Double = 20) throws {
        do {
            try waitUntil("\"\(text)\" on stdout", seconds: seconds) { occurrences(of: text, in: output) >= count }
        } catch {
            throw TimedOut("\(error)\n\(output.suffix(2000))\n\(self.error.suffix(3000))")
        }
    }

    deinit {
        guard ended == nil else { return }
        kill(pid, SIGKILL)
        waitpid(pid, nil, 0)
    }
}

public func occurrences(of text: String, in whole: String) -> Int {
    let whole = Array(whole.utf8)
    let text = Array(text.utf8)
    guard !text.isEmpty, whole.count >= text.count else { return 0 }
    var count = 0
    var index = 0
    while index + text.count <= whole.count {
        if whole[index] == text[0], whole[index..<(index + text.count)].elementsEqual(text) {
            count += 1
            index += text.count
        } else {
            index += 1
        }
    }
    return count
}

private func siginfoPID(_ info: inout siginfo_t) -> pid_t {
    // si_pid stands behind si_signo, si_errno, si_code and, on 64-bit machines, four bytes of padding.
    withUnsafeBytes(of: &info) { $0.load(fromByteOffset: 16, as: pid_t.self) }
}
