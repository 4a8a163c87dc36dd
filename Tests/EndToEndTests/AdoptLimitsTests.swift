import Glibc
import TestSupport
import Testing

/// Adoption where the kernel, a seccomp profile or a limit takes away a part of what it needs (`probe-app without`): the app is
/// served as it would be without Baton, no call of it is left unanswered, and the log says why.
@Suite(.serialized, .enabled(if: access("/usr/bin/python3", X_OK) == 0, "needs /usr/bin/python3"))
struct AdoptLimitsTests {
    private let directory = TemporaryDirectory()

    /// Binds by itself, and answers with the generation's number; ends with 3 where it cannot bind.
    private func server(_ port: UInt16) -> [String] {
        writeFile(
            directory.file("server.py"),
            """
            import os, signal, socket, sys
            generation = os.environ["BATON_GENERATION"].encode()
            signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
            s = socket.socket()
            s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try: s.bind(("127.0.0.1", \(port))); s.listen(64)
            except OSError as error: print("cannot bind", error.errno, flush=True); sys.exit(3)
            print("open", flush=True)
            while True:
                c, _ = s.accept(); c.recv(4096)
                c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n%s"
                          % (len(generation), generation)); c.close()
            """)
        return ["/usr/bin/python3", directory.file("server.py")]
    }

    /// Baton where one or several things are missing.
    private func start(_ missing: [String], _ command: [String], _ settings: [String: String] = [:]) throws
        -> RunningProcess
    {
        writeFile(directory.file("config"), "0")
        var options = RunningProcess.Options()
        options.environment = ["BATON_WATCH": directory.file("config")].merging(settings) { _, new in new }
        let without = missing.flatMap { [Stand.probe, "without"] + $0.split(separator: " ").map(String.init) + ["--"] }
        return try RunningProcess(without + [Stand.baton, "--"] + command, options)
    }

    /// What is missing, and what the log says of it.
    private static let missing: [([String], String)] = [
        (["addfd"], "(SECCOMP_IOCTL_NOTIF_ADDFD): Invalid argument (EINVAL); the kernel is older than 5.9"),
        (["continue"], "(SECCOMP_USER_NOTIF_FLAG_CONTINUE): Invalid argument (EINVAL); the kernel is older than 5.5"),
        // Linux 5.0 to 5.4.
        (["continue", "addfd"], "the kernel is older than 5.9"),
        (["answers"], "cannot answer the app's calls (SECCOMP_IOCTL_NOTIF_SEND): Operation not permitted (EPERM)"),
        (["seccomp \(EPERM)"], "Operation not permitted (EPERM); the container's seccomp profile forbids it"),
        (["seccomp \(ENOSYS)"], "Function not implemented (ENOSYS); the kernel has no seccomp filters, or"),
        (["seccomp \(EINVAL)"], "Invalid argument (EINVAL); the kernel is older than 5.0, or a sandbox's"),
        (
            ["seccomp kill"],
            "was ended by signal SYS (bad system call): the container's seccomp profile forbids seccomp(2)"
        ),
    ]

    @Test(arguments: missing) func anAppServesWithoutAdoptionAndAChangeRestartsIt(_ missing: [String], _ words: String)
        throws
    {
        let port = freePort()
        let baton = try start(missing, server(port), ["BATON_ON_CHANGE": "handover"])
        try baton.waitForOutput("open")
        try waitUntil("an answer") { (try? httpGet(port: port).get()) == "1" }
        #expect(baton.error.contains(words), "\(baton.error)")
        #expect(occurrences(of: "stay its own, and a change restarts it", in: baton.error) == 1)
        try baton.waitForError("generation 1 is ready")
        replaceFile(directory.file("config"), "2")
        try baton.waitForError("change 1 is applied by restart")
        try waitUntil("an answer of the second") { (try? httpGet(port: port).get()) == "2" }
        #expect(occurrences(of: "stay its own, and a change restarts it", in: baton.error) == 1)
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0)
    }

    @Test(arguments: missing) func onEndsBeforeTheAppIsStarted(_ missing: [String], _ words: String) throws {
        let baton = try start(missing, server(freePort()), ["BATON_ADOPT": "on"])
        #expect(try baton.wait() == 71)
        #expect(baton.error.contains(words) && baton.error.contains("(BATON_ADOPT=on)"), "\(baton.error)")
        #expect(!baton.error.contains("generation 1") && baton.output.isEmpty)
    }

    /// The trial was right and the kernel is not what it was then: an error is better than a call without end.
    @Test(arguments: ["auto", "on"]) func aCallThatCannotGoOnFails(_ adopt: String) throws {
        let baton = try start(
            ["later-continue"], server(freePort()), ["BATON_ON_CHANGE": "handover", "BATON_ADOPT": adopt])
        #expect(try baton.wait() == 3)
        #expect(baton.output.contains("cannot bind \(ENOSYS)"), "\(baton.output)")
        #expect(baton.error.contains("which has failed with Function not implemented (ENOSYS) for that"))
    }

    @Test func callsThatNobodyWouldSeeFail() throws {
        let baton = try start(["watch"], server(freePort()), ["BATON_ON_CHANGE": "handover"])
        #expect(try baton.wait() == 3)
        #expect(baton.output.contains("cannot bind \(ENOSYS)"), "\(baton.output)")
        #expect(baton.error.contains("No space left on device (ENOSPC); bind(2) and listen(2) of this generation fail"))
    }

    /// However few descriptors there are: Baton starts and serves, or ends and says why; nothing waits without end.
    @Test(arguments: 9...22) func fewDescriptorsHangNobody(_ limit: Int) throws {
        let port = freePort()
        let command = ["sh", "-c", "ulimit -n 1024; exec \"$@\"", "sh"] + server(port)
        var options = RunningProcess.Options()
        writeFile(directory.file("config"), "0")
        options.environment = ["BATON_WATCH": directory.file("config"), "BATON_ON_CHANGE": "handover"]
        let baton = try RunningProcess(
            ["prlimit", "--nofile=\(limit):1024", Stand.baton, "--"] + command, options)
        try waitUntil("an answer or the end") { (try? httpGet(port: port).get()) == "1" || !baton.isRunning }
        if !baton.isRunning { #expect(baton.error.contains("(EMFILE)"), "\(baton.error)") }
        #expect(!baton.error.contains("Success"), "\(baton.error)")
    }

    /// As before, without sources: nothing is tried.
    @Test func nothingIsTriedWhereNothingIsAdopted() throws {
        let baton = try Stand.run([
            Stand.probe, "without", "seccomp", "kill", "--", Stand.baton, "--", Stand.probe, "exit", "5",
        ])
        #expect(try baton.wait() == 5)
        #expect(!baton.error.contains("seccomp"))
    }
}
