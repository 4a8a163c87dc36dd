import Glibc
import TestSupport
import Testing

/// What the app is given: signal state, descriptors, arguments, group and share of the processor.
@Suite(.serialized) struct PID1InheritanceTests {
    /// In nanoseconds, as /proc/PID/sched has it; nil where the kernel does not tell.
    private static func slice(of pid: String) -> Int? {
        readFile("/proc/\(pid)/sched").split(separator: "\n").first { $0.hasPrefix("se.slice ") }
            .flatMap { $0.split(separator: " ").last }.flatMap { Int($0) }
    }

    @Test(.enabled(if: slice(of: "self") != nil, "needs slices in /proc/PID/sched"))
    func batonAsksForLittleOfTheProcessorAndTheAppForWhatItWasGiven() throws {
        let usual = Self.slice(of: "self")
        let baton = try Stand.run(["sh", "-c", "echo $$; exec sleep 100"])
        try baton.waitForOutput("\n")
        #expect(Self.slice(of: "\(baton.pid)") == 400_000)
        #expect(Self.slice(of: baton.output.filter(\.isNumber)) == usual)
    }

    private func state(_ change: @escaping (inout RunningProcess.Options) -> Void) throws -> (
        bare: String, under: String
    ) {
        var options = RunningProcess.Options()
        change(&options)
        let bare = try RunningProcess([Stand.probe, "state"], options)
        try bare.wait()
        let under = try Stand.run([Stand.probe, "state"], [:], change)
        try under.wait()
        return (bare.output, under.output)
    }

    @Test(
        arguments: [
            ([], []), ([SIGUSR1, 34], [SIGPIPE]), ([SIGTERM, SIGCHLD], [SIGCHLD, SIGHUP, 64]),
            ([], [SIGXFSZ, SIGTTOU]),
        ] as [([Int32], [Int32])])
    func theAppGetsTheSignalStateThatBatonWasGiven(_ blocked: [Int32], _ ignored: [Int32]) throws {
        let (bare, under) = try state {
            $0.blockedSignals = blocked; $0.ignoredSignals = ignored
        }
        for name in ["SigBlk:", "SigIgn:", "SigCgt:"] {
            #expect(Stand.line(name, in: bare) == Stand.line(name, in: under), "\(name)")
            #expect(Stand.line(name, in: bare) != nil)
        }
    }

    @Test func noDescriptorLeaksToTheApp() throws {
        let (bare, under) = try state { _ in }
        func numbers(_ output: String) -> [String] {
            output.split(separator: "\n").filter { $0.hasPrefix("fd ") }.map { String($0.split(separator: " ")[1]) }
                .sorted()
        }
        #expect(numbers(bare) == numbers(under) && Set(numbers(under)).isSuperset(of: ["0", "1", "2"]))
    }

    @Test func closedStandardDescriptorsAreOpenedOnNull() throws {
        let directory = TemporaryDirectory()
        let baton = try Stand.run(["sh", "-c", "exec \"$0\" state > \"$1\"", Stand.probe, directory.file("out")]) {
            $0.closedDescriptors = [0, 1, 2]
        }
        #expect(try baton.wait() == 0)
        let output = readFile(directory.file("out"))
        #expect(Stand.line("fd 0", in: output) == "/dev/null" && Stand.line("fd 2", in: output) == "/dev/null")
    }

    @Test func argumentsAndVariablesNeedNotBeUTF8() throws {
        let directory = TemporaryDirectory()
        let shell = try RunningProcess([
            "sh", "-c",
            "X=$(printf 'a\\377b') exec \"$0\" -- sh -c 'printf %s \"$X$1\" > \"$2\"' sh \"$(printf '\\200c')\" \"$1\"",
            Stand.baton, directory.file("out"),
        ])
        #expect(try shell.wait() == 0)
        let fd = open(directory.file("out"), O_RDONLY)
        defer { close(fd) }
        var bytes = [UInt8](repeating: 0, count: 16)
        let count = read(fd, &bytes, 16)
        #expect(Array(bytes.prefix(max(0, count))) == [0x61, 0xff, 0x62, 0x80, 0x63])
    }

    @Test(arguments: ["$2", "$1/$2"]) func theProgramsPathNeedNotBeUTF8(_ program: String) throws {
        let directory = TemporaryDirectory()
        let shell = try RunningProcess([
            "sh", "-c",
            "set -- \"$1/$(printf 'd\\351')\" \"$(printf 'p\\351')\"; mkdir \"$1\"; printf '#!/bin/sh\\nexit 7\\n' > \"$1/$2\"; "
                + "chmod +x \"$1/$2\"; PATH=\"$1:$PATH\" exec \"$0\" -- \"\(program)\"",
            Stand.baton, directory.path,
        ])
        #expect(try shell.wait() == 7, "\(shell.error)")
    }

    @Test func theAppLeadsItsOwnGroupUnderBaton() throws {
        let baton = try Stand.run([Stand.probe, "state"])
        try baton.wait()
        #expect(Stand.line("pid", in: baton.output) == Stand.line("pgid", in: baton.output))
        #expect(Stand.line("ppid", in: baton.output) == "\(baton.pid)")
    }
}
