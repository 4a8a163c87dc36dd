import BatonLinux
import Glibc
import TestSupport
import Testing

@testable import BatonLaunch

private let setcap = "/usr/sbin/setcap"

@Suite struct CommandKindTests {
    private func file(_ directory: borrowing TemporaryDirectory, mode: mode_t, owner: uid_t, group: gid_t) -> CText {
        let path = directory.file("program")
        writeFile(path, "\u{7f}ELF")
        #expect(chown(path, owner, group) == 0 && chmod(path, mode) == 0)
        return CText(path)
    }

    @Test(
        .enabled(if: geteuid() == 0, "only root gives files away"),
        arguments: [
            (0o4755, 1000, 0, true), (0o4755, 0, 0, false), (0o2755, 0, 1000, true), (0o2755, 0, 0, false),
            (0o755, 1000, 1000, false), (0o6755, 1000, 1000, true),
        ] as [(mode_t, uid_t, gid_t, Bool)])
    func aFileOfSomebodyElsesThatSetsTheUserGains(_ mode: mode_t, _ owner: uid_t, _ group: gid_t, _ gains: Bool) {
        let directory = TemporaryDirectory()
        let kind = CommandKind(file(directory, mode: mode, owner: owner, group: group), path: nil)
        #expect(kind.gainsPrivileges == gains && !kind.isShell)
    }

    /// In a process of its own, which becomes another user.
    @Test(.enabled(if: geteuid() == 0 && access(setcap, X_OK) == 0, "only root gives files capabilities, by setcap"))
    func fileCapabilitiesGainForAllButRoot() async {
        await #expect(processExitsWith: .exitCode(3)) {
            // Not below /tmp, whose file system may know no capabilities.
            let path = "/dev/shm/baton-command-kind-\(getpid())"
            writeFile(path, "\u{7f}ELF")
            defer { unlink(path) }
            chmod(path, 0o755)
            guard try RunningProcess([setcap, "cap_net_bind_service+ep", path]).wait() == 0 else { exit(1) }
            let asRoot = CommandKind(CText(path), path: nil).gainsPrivileges
            guard seteuid(1000) == 0 else { exit(2) }
            let asUser = CommandKind(CText(path), path: nil).gainsPrivileges
            guard seteuid(0) == 0 else { exit(2) }
            unlink(path)
            exit(!asRoot && asUser ? 3 : 4)
        }
    }

    @Test func whatIsNotThereIsNothing() {
        let kind = CommandKind(CText("/nowhere/at-all"), path: nil)
        #expect(!kind.isShell && !kind.gainsPrivileges)
    }
}
