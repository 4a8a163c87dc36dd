import Glibc
import TestSupport
import Testing

/// Adoption where the kernel, a seccomp profile or a limit takes away a part of what it needs (`probe-app without`): the app is
/// served as it would be without Baton, no call of it is left unanswered, and the log says why.
@Suite(.serialized, .needsPython) struct AdoptLimitsTests: AdoptingSuite {
    let directory = TemporaryDirectory()

    /// Ends with 3 where it cannot bind.
    private func server(_ port: UInt16) -> [String] {
        server(
            """
            try: listening("127.0.0.1", \(port))
            except OSError as error: print("cannot bind", error.errno, flush=True); sys.exit(3)
            """, serve: "serve_blocking(listeners[0])")
    }

    /// What is missing, and what the log says of it.
    private static let missing: [([String], String)] = [
        (["addfd"], "(SECCOMP_IOCTL_NOTIF_ADDFD): Invalid argument (EINVAL); the kernel is older than 5.9"),
        (["continue"], "(SECCOMP_USER_NOTIF_FLAG_CONTINUE): Invalid argument (EINVAL); the kernel is older than 5.5"),
        // Linux 5.0 to 5.4.
        (["continue", "addfd"], "the kernel is older than 5.9"),
        (["answers"], "cannot answer calls of the app (SECCOMP_IOCTL_NOTIF_SEND): Operation not permitted (EPERM)"),
        (["seccomp \(EPERM)"], "Operation not permitted (EPERM); the container's seccomp profile forbids it"),
        (["seccomp \(ENOSYS)"], "Function not implemented (ENOSYS); the kernel has no seccomp filters, or"),
        (["seccomp \(EINVAL)"], "Invalid argument (EINVAL); the kernel is older than 5.0, or a sandbox"),
        (
            ["seccomp kill"],
            "was killed by signal SYS (bad system call): the container's seccomp profile forbids seccomp(2)"
        ),
    ]

    @Test(arguments: missing) func anAppServesWithoutAdoptionAndAChangeRestartsIt(_ missing: [String], _ words: String)
        throws
    {
        let port = freePort()
        let baton = try start(server(port), without: missing)
        try baton.waitForOutput("open")
        try waitForAnswer(port: port, "1")
        try baton.waitForError(words)
        #expect(occurrences(of: "so a change restarts the app instead", in: baton.error) == 1)
        try baton.waitForError("generation 1 is ready")
        replaceFile(config, "2")
        try baton.waitForError("change 1 is applied by restart")
        try waitForAnswer(port: port, "2")
        #expect(occurrences(of: "so a change restarts the app instead", in: baton.error) == 1)
        try baton.stop(expecting: 0)
    }

    @Test(arguments: missing) func onEndsBeforeTheAppIsStarted(_ missing: [String], _ words: String) throws {
        let baton = try start(server(freePort()), ["BATON_ADOPT": "on", "BATON_ON_CHANGE": "auto"], without: missing)
        #expect(try baton.wait() == 71)
        #expect(baton.error.contains(words) && baton.error.contains("(BATON_ADOPT=on)"), "\(baton.error)")
        #expect(!baton.error.contains("generation 1") && baton.output.isEmpty)
    }

    /// The trial was right and the kernel is not what it was then: an error is better than a call without end.
    @Test(arguments: ["auto", "on"]) func aCallThatCannotGoOnFails(_ adopt: String) throws {
        let baton = try start(server(freePort()), ["BATON_ADOPT": adopt], without: ["later-continue"])
        #expect(try baton.wait() == 3)
        #expect(baton.output.contains("cannot bind \(ENOSYS)"), "\(baton.output)")
        #expect(baton.error.contains("the call failed with Function not implemented (ENOSYS) for that reason"))
    }

    @Test func callsThatNobodyWouldSeeFail() throws {
        let baton = try start(server(freePort()), without: ["watch"])
        #expect(try baton.wait() == 3)
        #expect(baton.output.contains("cannot bind \(ENOSYS)"), "\(baton.output)")
        #expect(
            baton.error.contains(
                "No space left on device (ENOSPC); from now on bind(2) and listen(2) of this generation fail"))
    }

    /// However few descriptors there are: Baton starts and serves, or ends and says why; nothing waits without end.
    @Test(arguments: 9...22) func fewDescriptorsHangNobody(_ limit: Int) throws {
        let port = freePort()
        let command = ["sh", "-c", "ulimit -n 1024; exec \"$@\"", "sh"] + server(port)
        var options = RunningProcess.Options()
        writeFile(config, "0")
        options.environment = ["BATON_WATCH": config, "BATON_ON_CHANGE": "handover"]
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
