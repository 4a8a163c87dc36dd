import Glibc
import TestSupport
import Testing

@testable import BatonLinux

@Suite struct ProcfsTests {
    @Test func thisProcessIsRead() {
        #expect(Procfs.parent(of: getpid()) == getppid() && Procfs.processGroup(of: getpid()) == getpgrp())
    }

    @Test func descendantsAreFound() throws {
        let shell = try RunningProcess(["sh", "-c", "sleep 100 & sleep 100 & echo up; wait"])
        try shell.waitForOutput("up")
        #expect(Procfs.descendants(of: ProcessID(shell.pid)).count == 2)
        #expect(
            Procfs.descendantsAtAGlance(of: ProcessID(shell.pid)).sorted()
                == Procfs.descendants(of: ProcessID(shell.pid)).sorted())
        #expect(Procfs.descendants(of: .own).contains(ProcessID(shell.pid)))
        for pid in Procfs.descendants(of: ProcessID(shell.pid)) {
            #expect(Procfs.isDescendant(pid, of: getpid()))
            kill(pid, SIGKILL)
        }
        #expect(!Procfs.isDescendant(1, of: getpid()))
        try shell.wait()
    }
}
