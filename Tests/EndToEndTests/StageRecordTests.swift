import Glibc
import TestSupport
import Testing

/// What a container leaves on the stage for the next one, under circumstances that are not the usual ones.
@Suite(.serialized) struct StageRecordTests: StagingSuite {
    let directory = TemporaryDirectory()

    /// The app gets ready once there is the file `go`: until then there is time to spoil the stage.
    private func startOnVolume(_ options: String, _ command: [String]) throws -> Namespaced {
        write("one")
        return try Stand.runAsPID1(
            command,
            environment([
                "BATON_READY": "exec:test -e \(directory.file("go"))", "BATON_PROBATION": "0s",
                "BATON_ON_CHANGE": "restart", "BATON_RESTART": "always",
            ]), preparation: "mkdir -p \(stage) && mount -t tmpfs -o \(options) none \(stage)")
    }

    private func go() { writeFile(directory.file("go"), "") }

    // MARK: users

    @Test(.needsRoot) func itBelongsToTheAppsUserAndServesTheNextContainer() throws {
        let settings = ["BATON_USER": "65534"]
        try leaveGood("good1", settings)
        var info = stat()
        #expect(lstat(record, &info) == 0 && info.st_uid == 65534 && info.st_mode & 0o777 == 0o600)
        write("bad")
        let baton = try start(
            Stand.reader(stagedPage),
            ["BATON_VALIDATE": validator(), "BATON_PROBATION": "0s"].merging(settings) { own, _ in own })
        try baton.waitForOutput("sees good1.")
        try baton.waitForError("generation 1 is ready")
        try prove("good2", 2, baton)
        #expect(try ask("rollback").code == 0)
        try baton.waitForOutput("sees good1.", count: 2)
        try waitUntil("the others to go") { versions() == 2 }
        try baton.stop(expecting: 0, 143)
    }

    @Test(.needsRoot) func whoeverReadsItHasToBeAllowedTo() throws {
        try leaveGood("good1")
        #expect(try RunningProcess(Stand.asNobody + ["cat", record]).wait() == 1)
    }

    // MARK: disks

    @Test(.needsRoot, .needs("nsenter")) func aStageThatIsReadOnlyByNowHoldsNothingUp() throws {
        let baton = try startOnVolume("size=1m", Stand.reader(stagedPage))
        try baton.outer.waitForOutput("sees one.")
        let remount = try RunningProcess([
            "nsenter", "--target", "\(try baton.pid())", "--mount", "mount", "-o", "remount,ro", stage,
        ])
        #expect(try remount.wait() == 0, "\(remount.error)")
        go()
        try baton.outer.waitForError("generation 1 is ready")
        try baton.outer.waitForError("cannot record the last good configuration for the next start of the container")
        write("two")
        try baton.outer.waitForError("change 1 is rejected: cannot write it to the stage")
        // The app is started again from what is there.
        kill(try #require(children(of: baton.pid()).first), SIGKILL)
        try baton.outer.waitForOutput("sees one.", count: 2)
        try baton.stop()
    }

    @Test(.needsRoot) func aFullDiskCostsTheRecordAndNothingElse() throws {
        let baton = try startOnVolume("size=64k", Stand.reader(stagedPage))
        try baton.outer.waitForOutput("sees one.")
        let filler = try baton.path("\(stage)/filler")
        func fill() { writeFile(filler, String(repeating: "x", count: 200_000)) }
        fill()
        go()
        try baton.outer.waitForError("generation 1 is ready")
        try baton.outer.waitForError("cannot record the last good configuration for the next start of the container")
        #expect(try !fileExists(baton.path(record)) && !fileExists(baton.path(record + "_tmp")))
        unlink(filler)
        write("two")
        try baton.outer.waitForError("change 1 is applied")
        try waitUntil("the record") { try readFile(baton.path(record)).contains("before ") }
        let before = try readFile(baton.path(record))
        // The old one makes room for the new one.
        fill()
        #expect(try ask("rollback").code == 0)
        try waitUntil("another record") { try readFile(baton.path(record)) != before }
        #expect(try readFile(baton.path(record)).contains("good "))
        #expect(occurrences(of: "cannot record", in: baton.outer.error) == 1)
        try baton.stop()
    }

    // MARK: what is none

    @Test(arguments: ["garbage", "directory", "fifo", "outside", "missing"])
    func aRecordThatIsNoneIsNotInTheWay(_ what: String) throws {
        try leaveGood("good1")
        let name = listDirectory(stage).first { $0.hasPrefix("..20") } ?? ""
        let text = readFile(record)
        unlink(record)
        mkdir(directory.file("outside"), 0o755)
        writeFile(directory.file("outside/page"), "outside")
        switch what {
        case "garbage": writeFile(record, String(repeating: "\u{1}good \n", count: 100_000))
        case "directory": mkdir(record, 0o755)
        case "fifo": mkfifo(record, 0o600)
        case "outside": writeFile(record, text.split(separator: name).joined(separator: "../outside"))
        default: writeFile(record, text.split(separator: name).joined(separator: "..2026_11_22_10_00_00.5.7.1"))
        }
        write("bad")
        let baton = try start(Stand.reader(stagedPage), ["BATON_VALIDATE": validator(), "BATON_PROBATION": "0s"])
        try baton.waitForError("the stage has no last good one, so starting the app with the rejected one")
        try baton.waitForOutput("sees bad.")
        try baton.waitForError("generation 1 is ready")
        if what == "directory" {
            try baton.waitForError("cannot record the last good configuration for the next start of the container")
        } else {
            try waitUntil("a record") { readFile(record).hasPrefix("good ..20") }
        }
        #expect(readFile(directory.file("outside/page")) == "outside")
        try waitUntil("the others to go") { versions() == 1 }
        try baton.stop(expecting: 0, 143)
    }
}

/// The digests of secrets are salted: the next container must have the same salt.
@Suite(.serialized, .needsAgent) struct SecretRecordTests: AgentSuite {
    let directory = TemporaryDirectory()
    private static let values = ["good1": "Z29vZDE=", "good2": "Z29vZDI=", "bad": "YmFk"]

    @Test func aRollbackAndWhatIsHeldOutliveTheContainer() throws {
        let cluster = try Cluster(directory, ["secret/fixture/tls": ["key": Self.values["good1"] ?? ""]])
        let control = ["BATON_CONTROL": directory.file("control.sock")]
        func start() throws -> RunningProcess {
            let app = """
                key=$(cat \(stage)/secret/tls/key); echo "sees $key."; [ $key != bad ] || exit 3
                trap 'exit 0' TERM; while :; do sleep 0.02; done
                """
            let own = ["BATON_ON_CHANGE": "restart", "BATON_RESTART": "on-failure"]
            return try self.start(cluster, "secret/tls", ["sh", "-c", app], own.merging(control) { _, new in new })
        }
        func set(_ name: String) { cluster.set("secret/fixture/tls", ["key": Self.values[name] ?? ""]) }

        let first = try start()
        try first.waitForError("generation 1 is ready")
        set("good2")
        try first.waitForError("change 1 is applied")
        #expect(try Stand.call(["rollback"], control).code == 0)
        try first.waitForOutput("sees good1.", count: 2)
        var info = stat()
        #expect(stat("\(stage)/..record", &info) == 0 && info.st_mode & 0o777 == 0o600)
        func line(_ name: String) -> Substring? {
            readFile("\(stage)/..record").split(separator: "\n").first { $0.hasPrefix(name + " ") }
        }
        let (salt, held) = (line("salt"), line("held"))
        #expect(salt != nil && held != nil)
        try first.stop()

        let second = try start()
        try second.waitForError("starting the app with the last good configuration")
        try second.waitForError("generation 1 is ready")
        set("bad")
        try second.waitForError("change 1 is rolled back")
        try second.waitForOutput("sees good1.", count: 2)
        #expect(line("salt") == salt && line("held") != held)
        try second.stop()

        let third = try start()
        try third.waitForError("starting the app with the last good configuration")
        try third.waitForOutput("sees good1.")
        #expect(!third.output.contains("sees bad"))
        set("good2")
        try third.waitForOutput("sees good2.")
        try third.stop(expecting: 0, 143)
    }
}
