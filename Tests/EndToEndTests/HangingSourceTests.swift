import Glibc
import TestSupport
import Testing

/// A file system whose server has died holds whoever touches it. Baton is not to touch it.
@Suite(.serialized, .needsRoot, .needs("bindfs"))
final class HangingSourceTests {
    private let directory = TemporaryDirectory()
    private let server: RunningProcess
    private let mount: String

    init() throws {
        mkdir(directory.file("content"), 0o755)
        mkdir(directory.file("mount"), 0o755)
        mount = directory.file("mount")
        let mount = mount
        server = try RunningProcess(["bindfs", "-f", directory.file("content"), mount])
        try waitUntil("the mount") { readFile("/proc/self/mountinfo").contains(" \(mount) ") }
    }

    deinit {
        // Its end answers whoever waits for it.
        server.signal(SIGKILL)
        _ = umount2(mount, Int32(MNT_DETACH))
    }

    private func hang() throws {
        server.signal(SIGSTOP)
        try server.waitUntilStopped()
    }

    private let show = ["sh", "-c", "trap 'exit 0' TERM; echo \"has $A-$B.\"; while :; do sleep 0.02; done"]

    private func start(_ settings: [String: String] = [:]) throws -> RunningProcess {
        let own = [
            "A": "inherited", "BATON_ENV_FROM": "\(mount)/one.env,\(directory.file("two.env"))", "BATON_SETTLE": "10ms",
            "BATON_CONTROL": directory.file("control"), "BATON_POLL_INTERVAL": "50ms",
        ]
        return try Stand.run(show, own.merging(settings) { _, new in new })
    }

    private func status() throws -> String {
        var options = RunningProcess.Options()
        options.environment = ["BATON_CONTROL": directory.file("control")]
        let client = try RunningProcess([Stand.baton, "status"], options)
        #expect(try client.wait() == 0)
        return client.output
    }

    @Test func anEnvironmentThatHangsHoldsNobodyUp() throws {
        writeFile(directory.file("content/one.env"), "A=one\n")
        writeFile(directory.file("two.env"), "B=two\n")
        let baton = try start()
        try baton.waitForOutput("has one-two.")
        try baton.waitForError("generation 1 is ready")
        try hang()
        // What can be read is new, what cannot is what it was.
        replaceFile(directory.file("two.env"), "B=three\n")
        try baton.waitForError("starting generation 2")
        #expect(try status().contains("generation"))
        try baton.waitForOutput("has one-three.", seconds: 20)
        try baton.waitForError("one.env: reading it for the environment timed out")
        #expect(baton.error.contains("its last variables stay in force"))
        #expect(try status().contains("generation"))
        server.signal(SIGCONT)
        replaceFile(directory.file("content/one.env"), "A=four\n")
        try baton.waitForOutput("has four-three.", seconds: 40)
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0, "\(baton.error.suffix(2000))")
    }

    @Test func theFirstStartDoesWithoutAnEnvironmentThatHangs() throws {
        writeFile(directory.file("content/one.env"), "A=one\n")
        writeFile(directory.file("two.env"), "B=two\n")
        try hang()
        let baton = try start()
        try baton.waitForError("starting generation 1")
        #expect(try status().contains("generation"))
        try baton.waitForOutput("has inherited-two.", seconds: 20)
        try baton.waitForError("generation 1 is ready")
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0, "\(baton.error.suffix(2000))")
    }

    @Test func aStopIsNotHeldUpByAStartThatWaits() throws {
        try hang()
        let baton = try start()
        try baton.waitForError("starting generation 1")
        let began = ContinuousClock.now
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 128 + SIGTERM, "\(baton.error.suffix(2000))")
        #expect(ContinuousClock.now - began < .seconds(3))
        #expect(!baton.output.contains("has"))
    }

    /// A request that the dead server had taken cannot be interrupted: whoever made it does not die by SIGKILL.
    @Test func aStopDoesNotWaitForAHelperThatCannotDie() throws {
        mkdir(directory.file("slow"), 0o755)
        let slow = try RunningProcess([
            "bindfs", "-f", "--read-rate=1", directory.file("content"), directory.file("slow"),
        ])
        defer {
            slow.signal(SIGKILL)
            _ = umount2(directory.file("slow"), Int32(MNT_DETACH))
        }
        try waitUntil("the mount") { readFile("/proc/self/mountinfo").contains(" \(self.directory.file("slow")) ") }
        writeFile(directory.file("content/one.env"), "A=" + String(repeating: "x", count: 100))
        writeFile(directory.file("two.env"), "B=two\n")
        let baton = try start([
            "BATON_ENV_FROM": "\(directory.file("slow"))/one.env,\(directory.file("two.env"))",
            "BATON_STOP_TIMEOUT": "60s",
        ])
        try waitUntil("a helper that waits for the server") {
            children(of: baton.pid).contains { readFile("/proc/\($0)/wchan").contains("request_wait_answer") }
        }
        slow.signal(SIGSTOP)
        try slow.waitUntilStopped()
        try baton.waitForOutput("has inherited-two.")
        baton.signal(SIGTERM)
        #expect(try baton.wait(seconds: 20) == 0, "\(baton.error.suffix(2000))")
    }

    /// A stop with a delay serves on, and begins nobody.
    @Test func aStopWithADelayBeginsNobodyWhoWaits() throws {
        try hang()
        let baton = try start(["BATON_STOP_DELAY": "60s"])
        try baton.waitForError("starting generation 1")
        baton.signal(SIGTERM)
        #expect(try baton.wait(seconds: 20) == 128 + SIGTERM, "\(baton.error.suffix(2000))")
        #expect(!baton.output.contains("has"))
    }

    /// It is no program that cannot be run: the restart policy decides.
    @Test func aSignalThatEndsAStartThatWaitsIsNoReasonToEnd() throws {
        writeFile(directory.file("two.env"), "B=two\n")
        try hang()
        let baton = try start(["BATON_RESTART": "always"])
        try baton.waitForError("starting generation 1")
        baton.signal(SIGQUIT)
        try baton.waitForOutput("has inherited-two.", seconds: 40)
        try baton.stop(expecting: 0)
    }

    /// Each change puts a new generation in the place of the one that waits.
    @Test func changesDoNotPutAStartOffForEver() throws {
        writeFile(directory.file("two.env"), "B=0\n")
        try hang()
        let baton = try start(["BATON_ON_CHANGE": "restart"])
        var number = 0
        try waitUntil("a start between changes", seconds: 40, pause: 200) {
            number += 1
            replaceFile(directory.file("two.env"), "B=\(number)\n")
            return baton.output.contains("has inherited-")
        }
        try baton.stop(expecting: 0)
    }

    @Test func aChangeWhileAStartWaitsIsNotLost() throws {
        writeFile(directory.file("content/one.env"), "A=one\n")
        writeFile(directory.file("two.env"), "B=two\n")
        let baton = try start()
        try baton.waitForOutput("has one-two.")
        try baton.waitForError("generation 1 is ready")
        try hang()
        replaceFile(directory.file("two.env"), "B=three\n")
        try baton.waitForError("starting generation 2")
        replaceFile(directory.file("two.env"), "B=four\n")
        try baton.waitForOutput("has one-four.", seconds: 40)
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0, "\(baton.error.suffix(2000))")
    }

    /// As one that comes between a fork and the exec.
    @Test(.needsPython) func aSignalForAnAppThatIsNotStartedYetIsKeptForIt() throws {
        try hang()
        let tell = """
            import signal, sys
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            print("pending", [int(number) for number in signal.sigpending()], flush=True)
            while True: signal.pause()
            """
        let baton = try RunningProcess(
            [Stand.baton, "--", "/usr/bin/python3", "-c", tell],
            {
                var options = RunningProcess.Options()
                options.environment = ["BATON_ENV_FROM": "\(mount)/one.env", "BATON_CONTROL": "off"]
                // The app inherits it blocked, and so it waits there.
                options.blockedSignals = [SIGUSR1]
                return options
            }())
        try baton.waitForError("starting generation 1")
        baton.signal(SIGUSR1)
        try baton.waitForOutput("pending [\(SIGUSR1)]")
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0, "\(baton.error.suffix(2000))")
    }

    /// No more time than half of what a generation has to get ready: it is to be started, too.
    @Test func aShortReadyTimeoutShortensTheWait() throws {
        writeFile(directory.file("two.env"), "B=two\n")
        try hang()
        let baton = try start(["BATON_READY_TIMEOUT": "3s", "BATON_RESTART": "never"])
        try baton.waitForOutput("has inherited-two.")
        try baton.waitForError("generation 1 is ready")
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 0, "\(baton.error.suffix(2000))")
    }
}
