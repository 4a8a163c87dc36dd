import BatonCore
import Glibc
import TestSupport
import Testing

@testable import BatonLinux

@Suite struct ProcfsTests {
    @Test func thisProcessIsRead() {
        #expect(Procfs.parent(of: .own)?.value == getppid() && Procfs.processGroup(of: .own)?.value == getpgrp())
    }

    @Test func descendantsAreFound() throws {
        let shell = try RunningProcess(["sh", "-c", "sleep 100 & sleep 100 & echo up; wait"])
        try shell.waitForOutput("up")
        let pid = ProcessID(shell.pid)
        let found = Procfs.descendants(of: pid)
        #expect(found.count == 2)
        #expect(Procfs.descendantsAtAGlance(of: pid).sorted() == found.sorted())
        #expect(Procfs.descendants(of: .own).contains(pid))
        for child in found {
            #expect(Procfs.isDescendant(child, of: .own))
            kill(child.value, SIGKILL)
        }
        #expect(!Procfs.isDescendant(1, of: .own))
        try shell.wait()
    }
}
