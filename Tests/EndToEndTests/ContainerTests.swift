import Glibc
import TestSupport
import Testing

/// The Dockerfile, built and run for real. No registry is needed: where the image compiles its program, it does so in an empty
/// one into which this machine's own system and Swift toolchain are mounted.
@Suite(.serialized) struct ContainerTests {
    private static let tools = ["buildah", "podman", "runc", "cc"]
    private static var canRun: Bool { Stand.isRoot && tools.allSatisfy(Stand.has) && hasStaticBuild }
    private static var hasStaticBuild: Bool {
        getenv("BATON_TEST_BINARY") != nil && access(Stand.staticServer, X_OK) == 0
    }

    private let directory = TemporaryDirectory()
    private var storage: [String] {
        ["--root", directory.file("storage"), "--runroot", directory.file("run"), "--storage-driver", "vfs"]
    }

    private func run(_ arguments: [String], seconds: Double = 60) throws -> String {
        let process = try RunningProcess(arguments)
        let code = try process.wait(seconds: seconds)
        guard code == 0 else {
            throw TimedOut(
                "\(arguments.joined(separator: " ")) ended with \(code):\n\(process.output.suffix(2000))\(process.error.suffix(2000))"
            )
        }
        return process.output
    }

    private func realPath(_ path: String) -> String {
        guard let resolved = realpath(path, nil) else { return path }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private func build(_ tag: String, _ dockerfile: String, _ context: String, _ extra: [String] = []) throws {
        _ = try run(
            ["buildah"] + storage + ["bud", "--isolation=chroot"] + extra + ["-t", tag, "-f", dockerfile, context],
            seconds: 600)
    }

    /// An image with the directories of a system and nothing in them.
    private func buildEmptySystem(path: String) throws {
        let skeleton = directory.file("skeleton")
        for name in ["", "/usr", "/etc", "/proc", "/sys", "/dev", "/tmp", "/root"] { mkdir(skeleton + name, 0o755) }
        chmod(skeleton + "/tmp", 0o1777)
        for name in ["bin", "sbin", "lib", "lib64"] { symlink("usr/" + name, skeleton + "/" + name) }
        writeFile(directory.file("Skeleton"), "FROM scratch\nCOPY skeleton/ /\nENV PATH=\(path)\n")
        try build("baton-empty-system", directory.file("Skeleton"), directory.path)
    }

    /// A git that is set up to read repositories from folders of this machine (url.FOLDER.insteadOf) does so in the build, too.
    private var repositoryMounts: [String] {
        let git = try? RunningProcess(["git", "config", "--get-regexp", #"^url\..*\.insteadof$"#])
        _ = try? git?.wait()
        let folders = (git?.output ?? "").split(separator: "\n").compactMap { line in
            line.hasPrefix("url./") ? line.dropFirst(4).split(separator: " ").first?.dropLast(".insteadof".count) : nil
        }
        return Set(folders).flatMap { ["-v", "\($0):\($0):ro"] }
    }

    /// The program compiled in it, by this machine's toolchain.
    private func buildBatonFromItsSource() throws {
        let toolchain = realPath(Stand.find("swift") ?? "").split(separator: "/").dropLast(2).reduce("") {
            $0 + "/" + $1
        }
        try buildEmptySystem(path: "\(toolchain)/bin:/usr/bin:/bin")
        var mounts = ["-v", "/usr:/usr:ro", "-v", "/etc:/etc:ro"]
        if !toolchain.hasPrefix("/usr") { mounts += ["-v", "\(toolchain):\(toolchain):ro"] }
        try build(
            "baton", Stand.package + "/Dockerfile", Stand.package,
            mounts + repositoryMounts + [
                "--target", "baton", "--build-arg", "BUILD_IMAGE=localhost/baton-empty-system",
            ])
    }

    /// The Dockerfile's last stage, around the program that is under test.
    private func buildBatonAroundTheProgram() throws {
        try buildEmptySystem(path: "/usr/bin:/bin")
        _ = try run(["cp", Stand.baton, directory.file("program")])
        let stages = readFile(Stand.package + "/Dockerfile").split(separator: "\nFROM ")
        let last = try #require(stages.last)
        writeFile(
            directory.file("Around"),
            "ARG FINAL_IMAGE=scratch\nFROM scratch AS build\nCOPY program /tmp/baton\nFROM \(last)\n")
        try build("baton", directory.file("Around"), directory.path)
    }

    private func expectVersion() throws {
        let version = try RunningProcess(
            ["podman", "--runtime", "runc"] + storage
                + [
                    "run", "--rm", "--network=host", "--ulimit", "nofile=1024:4096", "--ulimit", "nproc=1000:1000",
                    "--entrypoint", "/usr/local/bin/baton", "localhost/baton", "--version",
                ])
        #expect(try version.wait(seconds: 60) == 0, "\(version.error)")
        #expect(version.output.hasPrefix("baton "))
    }

    private func buildImages() throws {
        try buildBatonAroundTheProgram()
        // As a user does it: the binary taken out of one image into another.
        let parts = ["main.c", "without.c"].map { Stand.package + "/Tests/ProbeApp/" + $0 }
        _ = try run(["cc", "-O1", "-static", "-o", directory.file("probe-app")] + parts)
        _ = try run(["cp", Stand.staticServer, directory.file("server")])
        writeFile(
            directory.file("App"),
            """
            FROM scratch
            COPY --from=localhost/baton /usr/local/bin/baton /usr/local/bin/baton
            COPY probe-app /app
            COPY server /server
            ENTRYPOINT ["/usr/local/bin/baton", "--"]

            """)
        try build("app", directory.file("App"), directory.path)
        // This machine's own system, for servers that are installed here.
        writeFile(
            directory.file("Installed"),
            """
            FROM localhost/baton-empty-system
            COPY --from=localhost/baton /usr/local/bin/baton /baton
            ENV PATH=/usr/sbin:/usr/bin
            ENTRYPOINT ["/baton", "--"]

            """)
        try build("installed", directory.file("Installed"), directory.path)
    }

    /// A container that may do nothing: another user, no capability, nothing writable.
    private func start(_ name: String, _ options: [String], _ command: [String], image: String = "app") throws
        -> RunningProcess
    {
        try RunningProcess(
            ["podman", "--runtime", "runc"] + storage
                + [
                    "run", "--rm", "--name", name, "--network=host", "--ulimit", "nofile=1024:4096", "--ulimit",
                    "nproc=1000:1000",
                    "--user", "1000", "--cap-drop=ALL", "--security-opt", "no-new-privileges", "--read-only",
                    "--read-only-tmpfs=false",
                ] + options + ["localhost/\(image)"] + command)
    }

    /// Steering, adopting, counting connections and looking whether a generation waits: all of it without any right, and
    /// through the container's own seccomp filter.
    private func loseNothingInTenHandovers(
        _ name: String, port: UInt16, requestsPerConnection: Int, container: RunningProcess, change: (Int) -> Void,
        text: (Int) -> String
    ) throws {
        try container.waitForError("generation 1 is ready", seconds: 60)
        try waitForAnswer(port: port, text(0))
        let load = HTTPLoad(port: port, requestsPerConnection: requestsPerConnection)
        for number in 1...10 {
            change(number)
            try container.waitForError("change \(number) is applied by handover")
            try waitUntil("an answer with it") { load.current.firstSeen[text(number)] != nil }
            try waitUntil("a thousand requests for each handover") { load.current.requests >= number * 1000 }
        }
        try container.waitForError("after its drain", count: 10, seconds: 40)
        let result = load.stop()
        #expect(result.failed == 0 && result.requests >= 10_000, "\(result.failures)\n\(container.error.suffix(3000))")
        for words in ["cannot check whether", "cannot count", "share one socket", "cannot adopt", "still open ("] {
            #expect(!container.error.contains(words))
        }
        print(
            "load: \(name), in a container without rights, \(requestsPerConnection) a connection: 10 handovers, "
                + "\(result.failed) of \(result.requests) failed")
    }

    private func kill(_ name: String, _ container: RunningProcess, codes: Set<Int32> = [0]) throws {
        _ = try run(["podman", "--runtime", "runc"] + storage + ["kill", "--signal", "TERM", name])
        #expect(codes.contains(try container.wait(seconds: 60)), "\(container.error)")
    }

    private func loseNothing(_ socket: RealServer.Socket) throws {
        let volume = KubeletVolume(directory.file("pages"))
        volume.write(["page": "0"])
        let port = freePort()
        let name = "baton-load-\(getpid())-\(socket)"
        let setting = socket == .handed ? "BATON_LISTEN=tcp://127.0.0.1:\(port)" : "PORT=\(port)"
        let container = try start(
            name,
            [
                "-v", "\(volume.directory):/etc/app:ro", "-e", "BATON_WATCH=/etc/app", "-e",
                "BATON_ON_CHANGE=handover", "-e", setting,
            ], ["/server", "/etc/app/page"])
        try loseNothingInTenHandovers(
            "static demo server, \(socket == .handed ? "handed its socket" : "adopted")", port: port,
            requestsPerConnection: 1, container: container, change: { volume.write(["page": "\($0)"]) },
            text: { "\($0)" })
        try kill(name, container)
    }

    private func loseNothing(_ server: RealServer, _ requestsPerConnection: Int) throws {
        let scratch = directory.file("scratch-\(server.name)-\(requestsPerConnection)")
        mkdir(scratch, 0o777)
        chmod(scratch, 0o777)
        let volume = KubeletVolume(scratch + "/config")
        let site = RealServer.Site(port: freePort(), volume: "/scratch/config", scratch: "/scratch")
        for (name, content) in server.files(site, .own) { writeFile(scratch + "/" + name, content) }
        func change(_ number: Int) { volume.write(server.configuration(site, .own, server.text(number))) }
        change(0)
        let name = "baton-real-\(getpid())-\(server.name)-\(requestsPerConnection)"
        let container = try start(
            name,
            [
                "-v", "/usr:/usr:ro", "-v", "/etc:/etc:ro", "-v", "\(scratch):/scratch", "--tmpfs", "/var",
                "-e", "BATON_WATCH=/scratch/config", "-e", "BATON_ON_CHANGE=handover", "-e",
                "BATON_DRAIN_SIGNAL=\(server.drainSignal)", "-e", "TMPDIR=/scratch",
            ], server.command(site, .own), image: "installed")
        try loseNothingInTenHandovers(
            "\(server.name), adopted", port: site.port, requestsPerConnection: requestsPerConnection,
            container: container, change: change, text: server.text)
        try kill(name, container, codes: server.cleanCodes)
    }

    @Test(
        .onlyWithAll, .needs("swift"),
        .enabled(if: canRun, "needs root, cc, buildah, podman, runc and the static builds"))
    func theDockerfileCompilesTheProgram() throws {
        try buildBatonFromItsSource()
        try expectVersion()
    }

    @Test(.enabled(if: canRun, "needs root, cc, buildah, podman, runc and the static builds"))
    func theImageRunsAsPID1WithoutAnyRight() throws {
        try buildImages()
        try expectVersion()

        let volume = KubeletVolume(directory.file("config"))
        volume.write(["app.yaml": "0"])
        let port = freePort()
        let container = try start(
            "baton-test-\(getpid())",
            [
                "-v", "\(volume.directory):/etc/app:ro", "-e", "BATON_WATCH=/etc/app", "-e",
                "BATON_LISTEN=tcp://127.0.0.1:\(port)",
                "-e", "BATON_LOG=json",
            ], ["/app", "reloadable"])
        try container.waitForOutput("ready", seconds: 60)
        #expect(container.error.contains("\"message\":\"watching /etc/app (kubelet volume) by inotify"))
        for change in 1...3 {
            volume.write(["app.yaml": "\(change)"])
            try container.waitForOutput("reload \(change) ")
        }
        _ = try run(
            ["podman", "--runtime", "runc"] + storage + ["kill", "--signal", "TERM", "baton-test-\(getpid())"])
        #expect(try container.wait(seconds: 60) == 0, "\(container.error)")

        let state = try start("baton-state-\(getpid())", [], ["/app", "state"])
        #expect(try state.wait(seconds: 60) == 0, "\(state.error)")
        #expect(Stand.line("ppid", in: state.output) == "1")
        #expect(Stand.line("Uid:", in: state.output)?.hasPrefix("1000") == true)
        #expect(
            Stand.line("CapBnd:", in: state.output) == "0000000000000000"
                && Stand.line("NoNewPrivs:", in: state.output) == "1")

        try loseNothing(.handed)
        try loseNothing(.own)
        for server in RealServer.installed {
            for requestsPerConnection in [1, 100] { try loseNothing(server, requestsPerConnection) }
        }

        let missing = try start("baton-missing-\(getpid())", [], ["/nope"])
        #expect(try missing.wait(seconds: 60) == 127)
    }
}
