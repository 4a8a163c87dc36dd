import BatonCore
import Glibc
import TestSupport
import Testing

@testable import BatonLinux

@Suite struct SignalDispositionTests {
    @Test func dispositionsAreToldAsLongAsTheProcessLives() throws {
        let script = "trap 'trap - HUP; trap : TERM 31 64; echo changed' HUP; echo up; while :; do sleep 0.05; done"
        let shell = try RunningProcess(["bash", "-c", "echo -n ') R 1 (' > /proc/self/comm; " + script])
        try shell.waitForOutput("up")
        let hangUp = try SignalDisposition(of: ProcessID(shell.pid), .hangUp)
        let terminate = try SignalDisposition(of: ProcessID(shell.pid), .terminate)
        let lastOfOld = try SignalDisposition(of: ProcessID(shell.pid), #require(Signal(number: 31)))
        let last = try SignalDisposition(of: ProcessID(shell.pid), #require(Signal(number: 64)))
        #expect(hangUp.isCaught == true)
        #expect(terminate.isCaught == false && lastOfOld.isCaught == false && last.isCaught == false)
        shell.signal(SIGHUP)
        try shell.waitForOutput("changed")
        #expect(hangUp.isCaught == false)
        #expect(terminate.isCaught == true && lastOfOld.isCaught == true && last.isCaught == true)
        #expect(hangUp.isIgnored == false && last.isIgnored == false)
        shell.signal(SIGKILL)
        try shell.wait()
        #expect(hangUp.isCaught == nil && last.isCaught == nil && hangUp.isIgnored == nil)
        #expect(throws: LinuxError.self) { _ = try SignalDisposition(of: 0x3fff_ffff, .hangUp) }
    }

    @Test func anIgnoredSignalIsNotOneThatWouldEndTheProcess() throws {
        let shell = try RunningProcess([
            "bash", "-c", "trap '' HUP 64; trap : TERM; echo up; while :; do sleep 0.05; done",
        ])
        try shell.waitForOutput("up")
        for (number, isIgnored) in [(SIGHUP, true), (64, true), (SIGTERM, false), (SIGUSR1, false), (63, false)] {
            let disposition = try SignalDisposition(of: ProcessID(shell.pid), #require(Signal(number: number)))
            #expect(disposition.isIgnored == isIgnored && disposition.isCaught == (number == SIGTERM), "\(number)")
        }
    }
}
