import Glibc
import TestSupport
import Testing

/// The programs under test, and ways to run them as a container would.
enum Stand {
    /// Where the build put the programs: beside the test bundle.
    static let products: String = {
        var buffer = [CChar](repeating: 0, count: 4096)
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        let path = String(decoding: buffer.prefix(max(0, length)).map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
        return path.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 }
    }()

    /// BATON_TEST_BINARY names another build of it: the static one that is shipped.
    static let baton = getenv("BATON_TEST_BINARY").map { String(cString: $0) } ?? products + "/baton"
    /// Beside it, where Baton looks for it.
    static let agent = baton.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/baton-agent"
    static let probe = products + "/probe-app"
    static let server = products + "/quickstart-server"

    /// The demo server beside that build, static too: it runs in an image of its own.
    static let staticServer = baton.split(separator: "/").dropLast().reduce("") { $0 + "/" + $1 } + "/quickstart-server"

    /// The package's own folder.
    static let package = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }
    static func resource(_ name: String) -> String { package + "/Tests/EndToEndTests/Resources/" + name }

    static let isRoot = geteuid() == 0
    /// The system's own, which another user may run, too.
    static let python = "/usr/bin/python3"
    /// The loopback address of IPv6 is there.
    static let hasIPv6 = readFile("/proc/net/if_inet6").contains("00000000000000000000000000000001")
    static func has(_ program: String) -> Bool { find(program) != nil }

    static func find(_ program: String) -> String? {
        let path = getenv("PATH").map { String(cString: $0) } ?? "/usr/bin:/bin"
        return (path + ":/usr/sbin:/sbin").split(separator: ":").map { "\($0)/\(program)" }.first {
            access($0, X_OK) == 0
        }
    }

    /// Baton under its own name, not as PID 1.
    static func run(
        _ command: [String], _ settings: [String: String] = [:],
        _ change: (inout RunningProcess.Options) -> Void = { _ in }
    ) throws -> RunningProcess {
        var options = RunningProcess.Options()
        options.environment = settings
        change(&options)
        return try RunningProcess([baton, "--"] + command, options)
    }

    /// Baton's program to its end, as a person calls it.
    static func call(_ arguments: [String], _ settings: [String: String] = [:]) throws -> (
        code: Int32, output: String, error: String
    ) {
        var options = RunningProcess.Options()
        options.environment = settings
        let process = try RunningProcess([baton] + arguments, options)
        return (try process.wait(), process.output, process.error)
    }

    /// Before a command: it is run by somebody who may do nothing.
    static let asNobody = [
        "setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all",
    ]

    /// Baton as somebody who may do nothing; where the tests are not run by root, as whoever runs them.
    static func runAsNobody(
        _ command: [String], _ settings: [String: String], withoutNewPrivileges: Bool = false
    ) throws -> RunningProcess {
        var options = RunningProcess.Options()
        options.environment = settings
        let prefix = asNobody + (withoutNewPrivileges ? ["--no-new-privs"] : [])
        return try RunningProcess((isRoot ? prefix : []) + [baton, "--"] + command, options)
    }

    /// Baton as PID 1 of its own PID and mount namespaces, after `preparation` (shell) has run there.
    static func runAsPID1(_ command: [String], _ settings: [String: String] = [:], preparation: String = ":") throws
        -> Namespaced
    {
        var options = RunningProcess.Options()
        options.environment = settings
        let script = "\(preparation) && exec \"$0\" -- \"$@\""
        let outer = try RunningProcess(
            ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--mount", "sh", "-c", script, baton]
                + command,
            options)
        return Namespaced(outer: outer)
    }

    /// An app that prints what `cat` gives for `what` when it starts and at each SIGHUP.
    static func reader(_ what: String) -> [String] {
        ["sh", "-c", "show() { echo \"sees $(cat \(what)).\"; }; trap show HUP; show; while :; do sleep 0.02; done"]
    }

    /// A shell that says `shell` at SIGUSR1, and its child, which says what it gets. The trap comes first: the child says that it
    /// is ready.
    static let shellAndChild = [
        "bash", "-c",
        "trap 'echo shell' USR1; \"$0\" signals & child=$!; while kill -0 $child 2>/dev/null; do wait $child; done; exit 0",
        probe,
    ]

    /// Sends a terminal's stop, waits until Baton (or a peer of it) and its app are stopped, and lets both go on.
    static func suspendAndContinue(_ process: RunningProcess, app: pid_t, by signal: Int32) throws {
        process.signal(signal)
        try process.waitUntilStopped()
        try waitUntil("the app stopped") { state(of: app) == "T" }
        process.signal(SIGCONT)
        try waitUntil("the app goes on") { state(of: app) == "S" }
    }

    /// The value of `name` in what `probe-app state` printed.
    static func line(_ name: String, in output: String) -> String? {
        output.split(separator: "\n").first { $0.hasPrefix(name) }.map { line in
            String(line.dropFirst(name.count).drop { $0 == " " || $0 == "\t" })
        }
    }
}

/// Baton behind `unshare`, which waits for it and ends as it does.
final class Namespaced {
    let outer: RunningProcess

    init(outer: RunningProcess) { self.outer = outer }

    /// Baton's pid as this side sees it, once it runs.
    func pid() throws -> pid_t {
        var found: pid_t?
        try waitUntil("Baton as PID 1") {
            guard let child = children(of: outer.pid).first else { return false }
            let name = readFile("/proc/\(child)/cmdline").split(separator: "\0").first.map(String.init)
            if name == Stand.baton { found = child }
            return found != nil
        }
        return found ?? 0
    }

    func signal(_ number: Int32) throws { kill(try pid(), number) }

    /// As `RunningProcess` has them.
    @discardableResult
    func stop() throws -> Int32 {
        try signal(SIGTERM)
        return try outer.wait()
    }

    func stop(
        expecting code: Int32, _ another: Int32? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let found = try stop()
        #expect(found == code || found == another, "\(outer.error.suffix(2000))", sourceLocation: sourceLocation)
    }

    /// A path as Baton sees it, for this side to write to.
    func path(_ path: String) throws -> String { "/proc/\(try pid())/root\(path)" }
}

extension RunningProcess {
    /// Asks Baton to stop, and expects that it ends with this code, or with the other; else its log is told.
    func stop(
        expecting code: Int32, _ another: Int32? = nil, sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let found = try stop()
        #expect(found == code || found == another, "\(error.suffix(2000))", sourceLocation: sourceLocation)
    }
}

extension Trait where Self == ConditionTrait {
    static var needsRoot: Self {
        .enabled(if: Stand.isRoot && Stand.has("unshare"), "needs root and unshare(1) for namespaces")
    }

    static func needs(_ program: String) -> Self { .enabled(if: Stand.has(program), "needs \(program)") }

    static var needsPython: Self {
        .enabled(if: access(Stand.python, X_OK) == 0, "needs /usr/bin/python3")
    }

    static var needsAgent: Self {
        .enabled(
            if: access(Stand.agent, X_OK) == 0 && access(Stand.python, X_OK) == 0 && Stand.has("openssl"),
            "needs the build of baton-agent, /usr/bin/python3 and openssl")
    }

    /// What takes long and compares rather than judges.
    static var onlyWithAll: Self { .enabled(if: getenv("BATON_TEST_ALL") != nil, "only with ./Tests/run --all") }

    static var servers: Self { .enabled(if: !RealServer.installed.isEmpty, "needs one of the real servers") }
}
