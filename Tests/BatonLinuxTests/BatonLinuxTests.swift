import BatonCore
import Glibc
import TestSupport
import Testing

@testable import BatonLinux

@Suite struct MountinfoTests {
    private let text = """
        22 28 0:20 / / rw,relatime shared:7 - ext4 /dev/root rw
        30 22 0:26 / /proc rw - proc proc rw
        31 22 0:40 / /etc/tls\\040files ro master:2 - tmpfs tmpfs rw
        32 22 8:1 /var/lib/kubelet/pods/0/volumes/kubernetes.io~configmap/v/..2026_11_22_10_00_00.123/app.yaml /etc/app.yaml ro - ext4 /dev/sda1 rw
        33 22 0:41 /..2026_11_22_10_00_00.9/tls.crt//deleted /etc/tls.crt ro - tmpfs tmpfs rw
        34 22 8:1 /host/f.conf /etc/f.conf rw - ext4 /dev/sda1 rw
        nonsense
        35 22 8:1 / /short - ext4
        """

    @Test func linesAreRead() {
        let table = MountTable(parsing: text)
        #expect(table.mounts.count == 6)
        #expect(table.mount(of: "/etc/tls files/x")?.fileSystem == "tmpfs")
        #expect(table.mount(of: "/etc/tls filesystem")?.mountPoint == "/")
        #expect(table.mount(at: "/etc/app.yaml")?.kubeletSubpath != nil)
        #expect(table.mount(at: "/etc/app.yaml")?.isSuperseded == false)
        #expect(table.mount(at: "/etc/tls.crt")?.kubeletSubpath != nil)
        #expect(table.mount(at: "/etc/tls.crt")?.isSuperseded == true)
        #expect(table.mount(at: "/etc/f.conf")?.kubeletSubpath == nil)
        #expect(table.kubeletSubpathPoints == ["/etc/app.yaml", "/etc/tls.crt"])
        #expect(
            table.mount(at: "/etc/app.yaml")?.kubeletSubpath
                == SubpathMount(point: "/etc/app.yaml", volume: "v", path: "app.yaml"))
        #expect(
            table.mount(at: "/etc/tls.crt")?.kubeletSubpath
                == SubpathMount(point: "/etc/tls.crt", volume: nil, path: "tls.crt"))
    }

    /// Names are bytes: "é" in one code point and in two are two directories, and an accent may begin a name.
    @Test func namesThatOnlyLookTheSameAreNotTheSame() {
        let table = MountTable(
            parsing: """
                22 28 0:20 / / rw - ext4 /dev/root rw
                30 22 0:26 / /mnt/\u{E9} rw - nfs4 server:/share rw
                31 22 0:27 / /mnt/x rw - tmpfs \u{301}odd rw
                32 22 0:28 /v/..2026_11_22_10_00_00.1/\u{301}key /mnt/key rw - ext4 /dev/sda1 rw\r
                33 22 0:29 / /mnt/last rw - tmpfs tmpfs rw
                34 22 0:29 / /mnt/\u{301}\\040y rw - tmpfs tmpfs rw
                """)
        #expect(table.mounts.count == 6)
        #expect(table.mount(of: "/mnt/e\u{301}/app.yaml")?.mountPoint == "/")
        #expect(table.mount(of: "/mnt/\u{E9}/app.yaml")?.fileSystem == "nfs4")
        #expect(table.mount(of: "/mnt/\u{E9}/\u{301}app.yaml")?.fileSystem == "nfs4")
        #expect(table.mount(of: "/mnt/x\u{301}/app.yaml")?.mountPoint == "/")
        #expect(table.mount(at: "/mnt/e\u{301}") == nil)
        #expect(table.mount(at: "/mnt/key")?.kubeletSubpath?.path == "\u{301}key")
        #expect(table.mount(at: "/mnt/\u{301} y") != nil)
    }

    @Test func directoriesWhoseNamesBeginWithAnAccentAreMade() throws {
        let directory = TemporaryDirectory()
        try makeDirectories(Path(directory.file("\u{301}one/\u{301}two")))
        #expect(listDirectory(directory.file("\u{301}one")).map { Array($0.utf8) } == [Array("\u{301}two".utf8)])
    }

    @Test func garbageDoesNotTrap() {
        var random = RandomSource(seed: 3)
        let alphabet = Array("0/ -\\04\n~.".utf8)
        for _ in 0..<3000 {
            let bytes = (0..<Int.random(in: 0..<120, using: &random)).map { _ in
                alphabet.randomElement(using: &random) ?? 0
            }
            _ = MountTable(parsing: String(decoding: bytes, as: UTF8.self)).mount(of: "/a/b")
        }
    }

    @Test func thisMachinesOwnTableIsRead() throws {
        #expect(try MountTable.current().mount(of: "/proc/self")?.fileSystem == "proc")
    }

    @Test(arguments: [
        ("nfs4", true), ("fuse.sshfs", true), ("fuse", true), ("virtiofs", true), ("9p", true), ("ext4", false),
        ("overlay", false), ("fusectl", false),
    ])
    func blindFileSystems(_ name: String, _ isBlind: Bool) { #expect(FileSystemType.isBlind(name) == isBlind) }
}

@Suite struct UserDatabaseTests {
    @Test func entriesAreReadAndNonsenseIsLeftOut() {
        let users = UserDatabase.users(
            parsing: "root:x:0:0:root:/root:/bin/sh\n# comment\nbad\napp:x:1000:1001::/app:\nneg:x:-1:0::/:\n")
        #expect(users.map(\.name) == ["root", "app"] && users[1].gid == 1001 && users[1].home == "/app")
        let groups = UserDatabase.groups(parsing: "web:x:33:app,other\nempty:x:5:\nbad:x:y:\n")
        #expect(groups.map(\.gid) == [33, 5] && groups[0].members == ["app", "other"] && groups[1].members.isEmpty)
    }
}

@Suite struct SocketTests {
    private func open(_ text: String) throws -> UInt16? {
        let (settings, problems) = Settings.parse([("BATON_LISTEN", text)])
        #expect(problems.isEmpty)
        let fd = try Sockets.open(try #require(settings.listen.first).endpoint)
        #expect(fcntl(fd.number, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(fd.number, F_GETFL) & O_NONBLOCK == 0)
        return Sockets.port(of: fd)
    }

    @Test(arguments: [
        "tcp://127.0.0.1:0", "tcp://[::1]:0", "tcp://*:0", "tcp://:0", "udp://127.0.0.1:0", "udp://[::]:0",
        "tcp://localhost:0",
    ])
    func internetSocketsAreOpened(_ text: String) throws {
        do {
            #expect(try #require(try open(text)) > 0)
        } catch let error as LinuxError where error.errno == EAFNOSUPPORT || error.errno == EADDRNOTAVAIL {
            withKnownIssue("this machine has no IPv6", isIntermittent: true) { Issue.record("\(error)") }
        }
    }

    @Test func anAddressInUseIsToldSo() throws {
        let fd = try Sockets.open(.tcp(.ipv4("127.0.0.1"), port: 0))
        let bound = Sockets.port(of: fd)
        let port = try #require(bound)
        #expect(throws: LinuxError("bind", "tcp://127.0.0.1:\(port)", errno: EADDRINUSE)) {
            _ = try Sockets.open(.tcp(.ipv4("127.0.0.1"), port: port))
        }
        #expect(
            LinuxError("bind", "tcp://127.0.0.1:80", errno: EADDRINUSE).description
                == "cannot bind tcp://127.0.0.1:80: Address already in use (EADDRINUSE)")
    }

    @Test func aDeadSocketsFileIsReplacedALivingOnesIsNot() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("a.sock")
        do { _ = try Sockets.open(.unix(path: path)) }
        #expect(fileExists(path))
        let living = try Sockets.open(.unix(path: path))
        #expect(throws: LinuxError("bind", "unix://\(path)", errno: EADDRINUSE)) {
            _ = try Sockets.open(.unix(path: path))
        }
        _ = consume living
        writeFile(directory.file("plain"), "keep me")
        #expect(throws: LinuxError.self) { _ = try Sockets.open(.unix(path: directory.file("plain"))) }
        #expect(readFile(directory.file("plain")) == "keep me")
    }

    @Test func acceptedConnectionsInheritNoDelay() throws {
        let listener = try Sockets.open(.tcp(.ipv4("127.0.0.1"), port: 0))
        var on: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        let noDelay: Int32 = 1
        #expect(getsockopt(listener.number, Int32(IPPROTO_TCP), noDelay, &on, &size) == 0 && on != 0)
    }
}

@Suite struct EnvironmentVariableTests {
    @Test func namesAndValuesAreReadFromTheBytes() throws {
        let variable = try #require(EnvironmentVariable(entry: CText("PATH=/bin:a=b")))
        #expect(variable.name == "PATH" && variable.value == "/bin:a=b")
        #expect(variable.isNamed("PATH") && !variable.isNamed("PAT") && !variable.isNamed("PATHS"))
        #expect(variable.hasName(withPrefix: "PA") && !variable.hasName(withPrefix: "PATH="))
        #expect(variable.hasName(of: EnvironmentVariable(name: "PATH", value: "")))
        #expect(!variable.hasName(of: EnvironmentVariable(name: "PATHS", value: "")))
        #expect(EnvironmentVariable(entry: CText("PATH")) == nil)
        let cut = EnvironmentVariable(name: "A\0\0\0", value: "x")
        #expect(cut.name == "A" && cut.value == "x" && !cut.isNamed("A==x"))
    }
}

@Suite struct ProcfsTests {
    @Test func thisProcessIsRead() {
        #expect(Procfs.parent(of: getpid()) == getppid() && Procfs.processGroup(of: getpid()) == getpgrp())
    }

    @Test func dispositionsAreToldAsLongAsTheProcessLives() throws {
        let script = "trap 'trap - HUP; trap : TERM 31 64; echo changed' HUP; echo up; while :; do sleep 0.05; done"
        let shell = try RunningProcess(["bash", "-c", "echo -n ') R 1 (' > /proc/self/comm; " + script])
        try shell.waitForOutput("up")
        let hangUp = try SignalDisposition(of: shell.pid, .hangUp)
        let terminate = try SignalDisposition(of: shell.pid, .terminate)
        let lastOfOld = try SignalDisposition(of: shell.pid, #require(Signal(number: 31)))
        let last = try SignalDisposition(of: shell.pid, #require(Signal(number: 64)))
        #expect(hangUp.isCaught == true)
        #expect(terminate.isCaught == false && lastOfOld.isCaught == false && last.isCaught == false)
        shell.signal(SIGHUP)
        try shell.waitForOutput("changed")
        #expect(hangUp.isCaught == false)
        #expect(terminate.isCaught == true && lastOfOld.isCaught == true && last.isCaught == true)
        shell.signal(SIGKILL)
        try shell.wait()
        #expect(hangUp.isCaught == nil && last.isCaught == nil)
        #expect(throws: LinuxError.self) { _ = try SignalDisposition(of: 0x3fff_ffff, .hangUp) }
    }

    @Test func descendantsAreFound() throws {
        let shell = try RunningProcess(["sh", "-c", "sleep 100 & sleep 100 & echo up; wait"])
        try shell.waitForOutput("up")
        #expect(Procfs.descendants(of: shell.pid).count == 2)
        #expect(Procfs.descendantsAtAGlance(of: shell.pid).sorted() == Procfs.descendants(of: shell.pid).sorted())
        #expect(Procfs.descendants(of: getpid()).contains(shell.pid))
        for pid in Procfs.descendants(of: shell.pid) {
            #expect(Procfs.isDescendant(pid, of: getpid()))
            kill(pid, SIGKILL)
        }
        #expect(!Procfs.isDescendant(1, of: getpid()))
        try shell.wait()
    }
}

@Suite struct ClockTests {
    @Test(
        arguments: [
            (0, 0, "1970-01-01T00:00:00.000Z"), (951_827_696, 7, "2000-02-29T12:34:56.007Z"),
            (1_709_251_199, 999, "2024-02-29T23:59:59.999Z"),
            (1_709_251_200, 0, "2024-03-01T00:00:00.000Z"), (4_107_542_400, 0, "2100-03-01T00:00:00.000Z"),
            (1_798_761_599, 12, "2026-12-31T23:59:59.012Z"),
        ] as [(Int64, Int64, String)])
    func timesAreWrittenAsInRFC3339(_ seconds: Int64, _ milliseconds: Int64, _ text: String) {
        #expect(Clock.rfc3339(seconds: seconds, milliseconds: milliseconds) == text)
    }
}
