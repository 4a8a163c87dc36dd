import Glibc
import TestSupport
import Testing

/// Users, groups and capabilities as the app sees them, and what Baton keeps for itself.
@Suite(.serialized) struct PrivilegeTests {
    private func state(_ settings: [String: String]) throws -> String {
        let baton = try Stand.run([Stand.probe, "state"], settings)
        #expect(try baton.wait() == 0, "\(baton.error)")
        return baton.output
    }

    @Test(.needsRoot) func theAppRunsAsTheUserThatIsNamed() throws {
        let byNumber = try state(["BATON_USER": "1234:2345,3456"])
        #expect(Stand.line("Uid:", in: byNumber) == "1234\t1234\t1234\t1234")
        #expect(Stand.line("Gid:", in: byNumber) == "2345\t2345\t2345\t2345")
        #expect(Stand.line("Groups:", in: byNumber)?.split(separator: " ") == ["3456"])
        let byName = try state(["BATON_USER": "www-data"])
        #expect(Stand.line("Uid:", in: byName)?.hasPrefix("33\t33") == true)
        #expect(Stand.line("env HOME=", in: byName) == "/var/www" && Stand.line("env USER=", in: byName) == "www-data")
        #expect(
            Stand.line("CapEff:", in: byName) == "0000000000000000"
                && Stand.line("CapPrm:", in: byName) == "0000000000000000")
    }

    @Test(.needsRoot) func anUnprivilegedAppCanKeepOneCapability() throws {
        let output = try state(["BATON_USER": "1234", "BATON_CAPS": "^cap_net_bind_service,!cap_net_raw"])
        let bind: UInt64 = 1 << 10
        let raw: UInt64 = 1 << 13
        func set(_ name: String) -> UInt64 { Stand.line(name, in: output).flatMap { UInt64($0, radix: 16) } ?? 0 }
        #expect(set("CapEff:") == bind && set("CapAmb:") == bind && set("CapPrm:") == bind)
        #expect(set("CapBnd:") & raw == 0 && set("CapBnd:") & bind != 0)
    }

    @Test func noNewPrivilegesIsSet() throws {
        #expect(Stand.line("NoNewPrivs:", in: try state(["BATON_NO_NEW_PRIVS": "on"])) == "1")
    }

    @Test(.needsRoot) func withoutSettingsAnAppHasWhatItWouldHaveHad() throws {
        let bare = try RunningProcess([Stand.probe, "state"])
        try bare.wait()
        let under = try state(["BATON_WATCH": "/etc/passwd"])
        for name in ["CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "Uid:", "Groups:"] {
            #expect(Stand.line(name, in: bare.output) == Stand.line(name, in: under), "\(name)")
        }
    }

    @Test(
        .needsRoot,
        arguments: [
            ([:], 1 << 5), (["BATON_USER": "1234"], 1 << 5 | 1 << 6 | 1 << 7),
            (
                ["BATON_USER": "1234", "BATON_WATCH": "/etc/passwd", "BATON_ADOPT": "off"],
                1 << 2 | 1 << 5 | 1 << 6 | 1 << 7
            ),
            // Ports below 1024, which it binds for the app.
            (
                ["BATON_USER": "1234", "BATON_WATCH": "/etc/passwd"],
                1 << 2 | 1 << 5 | 1 << 6 | 1 << 7 | 1 << 10
            ),
        ] as [([String: String], UInt64)])
    func batonKeepsOnlyWhatItNeeds(_ settings: [String: String], _ kept: UInt64) throws {
        let baton = try Stand.run([Stand.probe, "wait"], settings)
        try baton.waitForOutput("ready")
        let status = readFile("/proc/\(baton.pid)/status")
        for name in ["CapPrm:", "CapEff:"] {
            #expect(Stand.line(name, in: status).flatMap { UInt64($0, radix: 16) } == kept)
        }
        // What it kept is enough to stop an app of another user.
        try baton.stop(expecting: 0)
    }

    @Test(.needsRoot) func aHandoverToAnotherUserWorksMoreThanOnce() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("app.conf")
        writeFile(path, "0")
        let baton = try Stand.run(
            [Stand.probe, "wait"],
            [
                "BATON_WATCH": path, "BATON_ON_CHANGE": "handover", "BATON_READY": "delay:10ms", "BATON_USER": "1234",
                "BATON_CAPS": "^cap_net_bind_service",
            ])
        // Ready after 10 ms, it may be told to go before it has said a word.
        func waitForWord(of generation: Int) throws {
            try waitUntil("the word of generation \(generation)") {
                occurrences(of: "Uid:\t1234", in: baton.output) == generation
            }
        }
        try baton.waitForError("generation 1 is ready")
        try waitForWord(of: 1)
        for change in 1...3 {
            replaceFile(path, "\(change)")
            try baton.waitForError("change \(change) is applied by handover")
            try waitForWord(of: change + 1)
        }
        try baton.stop(expecting: 0)
    }

    @Test(.needsRoot, .needs("setpriv")) func whatIsNotAllowedIsToldInWords() throws {
        let user = try Stand.runAsNobody(["true"], ["BATON_USER": "1234"])
        #expect(try user.wait() == 126)
        #expect(
            user.error.contains(
                "cannot change the groups (BATON_USER): Operation not permitted (EPERM); it needs CAP_SETGID"))
        let capabilities = try Stand.runAsNobody(["true"], ["BATON_CAPS": "^cap_net_bind_service"])
        #expect(try capabilities.wait() == 126)
        #expect(capabilities.error.contains("cannot set the capabilities (BATON_CAPS)"))
        let directory = TemporaryDirectory()
        let unreadable = directory.file("secret")
        writeFile(unreadable, "x", mode: 0o600)
        let watching = try Stand.runAsNobody(["true"], ["BATON_WATCH": unreadable])
        #expect(try watching.wait() == 0)
        #expect(watching.error.contains("\(unreadable): cannot open \(unreadable): Permission denied (EACCES)"))
    }

    @Test(.needsRoot, .needs("setpriv"), .needs("unshare")) func aPortWithoutPermissionIsToldInWords() throws {
        // In a network namespace of its own, where ports below 1024 are the owner's of CAP_NET_BIND_SERVICE.
        var options = RunningProcess.Options()
        options.environment = ["BATON_LISTEN": "tcp://127.0.0.1:80"]
        let baton = try RunningProcess(
            [
                "unshare", "--net", "sh", "-c",
                "echo 1024 > /proc/sys/net/ipv4/ip_unprivileged_port_start; exec \(Stand.asNobody.joined(separator: " ")) \"$0\" -- true",
                Stand.baton,
            ], options)
        #expect(try baton.wait() == 71)
        #expect(
            baton.error.contains("cannot bind tcp://127.0.0.1:80: Permission denied (EACCES); a port below 1024 needs"))
    }
}
