import BatonCore
import BatonLinux
import CBatonShims
import Glibc
import TestSupport
import Testing

@testable import BatonLaunch

@Suite struct SocketConventionTests {
    private let sockets: [ListenSockets.Description] = [
        .init(name: "http", endpoint: .tcp(.any, port: 0), port: 8080),
        .init(name: "dns", endpoint: .udp(.ipv4("127.0.0.1"), port: 53), port: 53),
        .init(name: "admin", endpoint: .tcp(.ipv6("::1"), port: 81), port: 81),
        .init(name: "run/a.sock", endpoint: .unix(path: "/run/a.sock"), port: nil),
    ]

    @Test func everyConventionNamesTheSameDescriptors() {
        let variables = Dictionary(
            uniqueKeysWithValues: SocketConventions.variables(sockets, generation: 7).map { ($0.name, $0.value) })
        #expect(
            variables == [
                "LISTEN_FDS": "4", "LISTEN_FDNAMES": "http:dns:admin:run/a.sock", "NGINX": "3;4;5;6;",
                "SERVER_STARTER_PORT": "8080=3;[::1]:81=5;/run/a.sock=6", "SERVER_STARTER_GENERATION": "7",
                "FPM_SOCKETS": "[::]:8080=3,0.0.0.0:8080=3,[::1]:81=5,/run/a.sock=6", "EINHORN_FD_COUNT": "4",
                "EINHORN_FD_0": "3", "EINHORN_FD_1": "4", "EINHORN_FD_2": "5", "EINHORN_FD_3": "6",
                "BATON_FD_HTTP": "3",
                "BATON_FD_DNS": "4", "BATON_FD_ADMIN": "5", "BATON_FD_RUN_A_SOCK": "6",
            ])
        #expect(SocketConventions.variables([], generation: 1).isEmpty)
    }

    @Test func whatBatonItselfWasGivenIsNotPassedOn() {
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "EINHORN_FD_COUNT", "NGINX"] {
            #expect(SocketConventions.isInherited(EnvironmentVariable(name: name, value: "1")))
        }
        #expect(!SocketConventions.isInherited(EnvironmentVariable(name: "PATH", value: "/bin")))
    }
}

@Suite struct AppIdentityTests {
    private let users = UserDatabase.users(parsing: "app:x:1000:1000::/home/app:/bin/sh\n33:x:77:78::/odd:\n")
    private let groups = UserDatabase.groups(parsing: "app:x:1000:\nweb:x:33:app\nlog:x:44:other\n")

    private func resolve(_ text: String) throws -> AppIdentity {
        let (settings, _) = Settings.parse([("BATON_USER", text)])
        return try AppIdentity.resolve(try #require(settings.user), users, groups)
    }

    @Test func namesAndNumbers() throws {
        let app = try resolve("app")
        #expect(app.uid == 1000 && app.gid == 1000 && app.supplementary == [33] && app.user?.home == "/home/app")
        let bare = try resolve("65532")
        #expect(bare.uid == 65532 && bare.gid == 65532 && bare.supplementary.isEmpty && bare.user == nil)
        let explicit = try resolve("app:web,44,log")
        #expect(explicit.gid == 33 && explicit.supplementary == [44, 44])
        // A name that looks like a number is a name first, as in chown(1).
        #expect(try resolve("33").uid == 77)
        #expect(try resolve("1000").user?.name == "app")
    }

    @Test func unknownOnesAreToldSo() {
        #expect(
            throws: AppIdentity.Unknown(reason: "there is no user \"nobody2\" in /etc/passwd; a number always works")
        ) {
            try resolve("nobody2")
        }
        #expect(throws: AppIdentity.Unknown.self) { try resolve("app:nogroup2") }
        #expect(throws: AppIdentity.Unknown.self) { try resolve("4294967295") }
    }
}

@Suite struct PrivilegePlanTests {
    private let all = CapabilitySet(rawValue: 1 << 41 - 1)

    private func plan(
        root: Bool = true, noNew: Bool = false, user: Bool = false, passedOn: CapabilitySet? = nil,
        sources: Bool = true,
        permitted: CapabilitySet? = nil
    ) -> PrivilegePlan {
        PrivilegePlan(
            .init(
                permitted: permitted ?? all, isRoot: root, hasNoNewPrivileges: noNew, changesUser: user,
                passedOn: passedOn,
                hasSources: sources))
    }

    @Test func onlyWhatIsNeededIsKept() {
        #expect(plan().permitted == [.kill, .dacReadSearch])
        #expect(plan(user: true, sources: false).permitted == [.kill, .setUID, .setGID])
        let bind = CapabilitySet.netBindService
        #expect(
            plan(user: true, passedOn: [bind], sources: false).permitted == [.kill, .setUID, .setGID, .setPCap, bind])
    }

    /// With no_new_privs an exec gains nothing, so what Baton gives up its app could never have again.
    @Test func anAppThatCannotGainKeepsWhatItWouldHaveHad() {
        #expect(plan(noNew: true).permitted == all)
        #expect(plan(noNew: true).effective == [.kill, .dacReadSearch])
        #expect(plan(root: false).permitted == all)
    }

    @Test func nothingIsInvented() {
        #expect(plan(root: false, permitted: []).permitted.isEmpty)
        #expect(plan(permitted: [.kill]).effective == [.kill])
    }
}

@Suite struct CommandPathTests {
    @Test(
        arguments: [
            ("app", "/a:/b", ["/a/app", "/b/app"]), ("./app", "/a", ["./app"]),
            ("app", nil, ["/bin/app", "/usr/bin/app"]),
            ("app", "/a:", ["/a/app", "./app"]), ("", "/a", []),
        ] as [(String, String?, [String])])
    func candidatesFollowExecvp(_ name: String, _ path: String?, _ expected: [String]) {
        #expect(CommandPaths.candidates(CText(name), path: path.map { CText($0) }).map(\.text) == expected)
    }
}

@Suite(.serialized) struct AdoptionProbeTests {
    private func openDescriptors() -> Int {
        (0..<256).count { fcntl(Int32($0), F_GETFD) >= 0 }
    }

    /// Neither a descriptor nor a zombie is left, whatever has come of it.
    @Test(arguments: [Interval.seconds(2), .zero]) func nothingOfTheTryIsLeft(_ patience: Interval) {
        let before = openDescriptors()
        let finding = AdoptionProbe.run(asksOptions: true, patience: patience)
        if patience == .zero { #expect(finding == .noAnswer) } else { #expect(finding != .noAnswer) }
        #expect(openDescriptors() == before)
        let children = readFile("/proc/self/task/\(getpid())/children").split(separator: " ")
        let names = children.map { readFile("/proc/\($0)/comm") }
        #expect(names.isEmpty, "\(names)")
    }

    @Test(
        arguments: [
            (.fails(.filter, errno: EINVAL), "gVisor"), (.fails(.filter, errno: ENOSYS), "forbids seccomp(2)"),
            (.fails(.filter, errno: EBUSY), "asks somebody already"), (.fails(.receive, errno: EMFILE), "ulimit -n"),
            (.fails(.replace, errno: EINVAL), "older than 5.9"), (.fails(.replace, errno: 0), "does nothing"),
            (.fails(.letThrough, errno: EINVAL), "older than 5.5"),
            (.fails(.answer, errno: EPERM), "profile forbids it"),
            (.ended(.signalled(SIGSYS)), "SYS (bad system call): the container's seccomp profile forbids seccomp(2)"),
            (.ended(.signalled(SIGKILL)), "was ended by signal KILL"), (.noAnswer, "did not answer within 2s"),
            (.cannotTell(LinuxError("fork", "it", errno: EAGAIN)), "cannot be told: cannot fork it"),
        ] as [(AdoptionProbe.Finding, String)])
    func whatFailedIsToldInWords(_ finding: AdoptionProbe.Finding, _ words: String) {
        #expect(
            LaunchWording.adoptionRefusal(finding)?.contains(words) == true,
            "\(LaunchWording.adoptionRefusal(finding) ?? "")")
    }

    /// In a process of its own, whose limit is nobody else's.
    @Test func aListenerForWhichThereIsNoRoomIsLostAndSaidToBe() async {
        await #expect(processExitsWith: .exitCode(3)) {
            var ends: [Int32] = [-1, -1]
            guard socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0 else { exit(1) }
            baton_send_report(ends[1], Int32(BATON_LAUNCH_STAGE_ADOPT.rawValue), 0, 0)
            while dup(0) >= 0 {
                var limit = rlimit(rlim_cur: 64, rlim_max: 64)
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            }
            var report = baton_launch_report()
            var listener: Int32 = 7
            let count = baton_receive_report(ends[0], &report, &listener)
            exit(count == 1 && listener == Int32(BATON_LISTENER_LOST) && report.error == 0 ? 3 : 4)
        }
        let words = LaunchWording.adoptionRefusal(LaunchWording.lostListener)
        #expect(words.contains("(EMFILE); Baton has no descriptor left") && words.contains("(ENOSYS)"))
    }

    @Test func nothingIsToldWhereItWorks() { #expect(LaunchWording.adoptionRefusal(.works) == nil) }
}
