import Glibc
import TestSupport
import Testing

/// Snapshots that are copied, checked, put in force and taken back.
@Suite(.serialized) struct StageTests {
    private let directory = TemporaryDirectory()
    private var stage: String { directory.file("stage") }
    private var staged: String { stage + "/files" + directory.file("config") }

    /// Prints what it reads on the stage when it starts and when it is told.
    private func reader(_ file: String) -> [String] {
        ["sh", "-c", "show() { echo \"sees $(cat \(file)).\"; }; trap show HUP; show; while :; do sleep 0.02; done"]
    }

    private func start(_ command: [String], _ settings: [String: String]) throws -> RunningProcess {
        let base = [
            "BATON_WATCH": directory.file("config"), "BATON_STAGE": stage, "BATON_ON_CHANGE": "reload",
            "BATON_STAGE_FILES": "on", "BATON_SETTLE": "10ms",
        ]
        return try Stand.run(command, base.merging(settings) { _, new in new })
    }

    private func stop(_ baton: RunningProcess) throws {
        baton.signal(SIGTERM)
        #expect([0, 143].contains(try baton.wait()), "\(baton.error.suffix(2000))")
    }

    private func versions() -> Int { listDirectory(stage).filter { $0.hasPrefix("..20") }.count }

    // MARK: the stage

    @Test func theAppReadsWholeSnapshotsOfItsFiles() throws {
        let volume = KubeletVolume(directory.file("config"))
        volume.write(["a": "1", "b": "1", "deep/er": "x"])
        let baton = try start(reader("\(staged)/a \(staged)/b \(staged)/deep/er"), [:])
        try baton.waitForOutput("sees 11x.")
        for number in 2...5 {
            volume.write(["a": "\(number)", "b": "\(number)", "deep/er": "x"])
            try baton.waitForOutput("sees \(number)\(number)x.")
        }
        // Nothing but the one in force is left.
        try waitUntil("the old ones to go") { versions() == 1 }
        // The source vanishes: its last good content stays, for whoever is started next, too.
        removeTree(directory.file("config"))
        try baton.waitForError("the last good snapshot stays")
        #expect(readFile("\(staged)/a") == "5")
        try stop(baton)
    }

    /// A writer that is at work before Baton begins, and for a while after: what it has written last is what the app starts with.
    @Test(arguments: [1, 27 << 20]) func whatChangesWhileBatonStartsIsStagedBeforeTheAppStarts(_ size: Int) throws {
        mkdir(directory.file("config"), 0o755)
        writeFile(directory.file("config/large"), "")
        truncate(directory.file("config/large"), size)
        writeFile(directory.file("config/page"), "0")
        let writer = try RunningProcess([
            "sh", "-c",
            "echo at work; i=0; while [ $i -lt 200 ]; do i=$((i + 1)); printf $i >$0; sleep 0.01; done",
            directory.file("config/page"),
        ])
        try writer.waitForOutput("at work")
        let baton = try start(reader("\(staged)/page"), ["BATON_WATCH": directory.file("config")])
        try writer.wait()
        try baton.waitForOutput("sees 200.", seconds: 60)
        // It never ran on an empty stage.
        #expect(!baton.error.contains("No such file"), "\(baton.error.suffix(2000))")
        try stop(baton)
    }

    /// Nothing of it is ever whole: the app waits, the log says for what, and a stop is a stop.
    @Test func anAppWhoseConfigurationIsNeverWholeIsNotStartedOnNothing() throws {
        mkdir(directory.file("config"), 0o755)
        writeFile(directory.file("config/large"), "")
        truncate(directory.file("config/large"), 27 << 20)
        writeFile(directory.file("config/page"), "0")
        let writer = try RunningProcess([
            "sh", "-c", "while :; do i=$((i + 1)); printf $i >\(directory.file("config/page")); done",
        ])
        defer { writer.signal(SIGKILL) }
        try waitUntil("the writer at work") { readFile(directory.file("config/page")).count > 2 }
        let baton = try start(reader("\(staged)/page"), ["BATON_WATCH": directory.file("config")])
        try baton.waitForError(
            "the app is not started yet: its configuration could not be read and copied whole", seconds: 60)
        #expect(!baton.error.contains("starting generation") && !baton.output.contains("sees"))
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 143)
    }

    @Test func modesAreKeptAndTheAppsUserOwnsThem() throws {
        guard Stand.isRoot else { return }
        chmod(directory.path, 0o755)
        mkdir(directory.file("config"), 0o755)
        writeFile(directory.file("config/key"), "hunter2", mode: 0o600)
        let baton = try start(reader("\(staged)/key"), ["BATON_USER": "65534"])
        try baton.waitForOutput("sees hunter2.")
        var info = stat()
        #expect(stat("\(staged)/key", &info) == 0 && info.st_mode & 0o777 == 0o600 && info.st_uid == 65534)
        writeFile(directory.file("config/key"), "sesame", mode: 0o600)
        try baton.waitForOutput("sees sesame.")
        try stop(baton)
    }

    @Test(.needsRoot) func aFullDiskRejectsTheChangeAndTheAppGoesOn() throws {
        mkdir(directory.file("config"), 0o755)
        writeFile(directory.file("config/page"), "small")
        let path = directory.path
        let baton = try Stand.runAsPID1(
            reader("\(staged)/page | wc -c"),
            [
                "BATON_WATCH": "\(path)/config", "BATON_STAGE": stage, "BATON_ON_CHANGE": "reload",
                "BATON_STAGE_FILES": "on",
            ], preparation: "mkdir -p \(stage) && mount -t tmpfs -o size=64k none \(stage)")
        try baton.outer.waitForOutput("sees 5.")
        replaceFile(directory.file("config/page"), String(repeating: "x", count: 200_000))
        try baton.outer.waitForError("change 1 is rejected: it cannot be laid on the stage: cannot write")
        try baton.outer.waitForError("No space left on device (ENOSPC)")
        replaceFile(directory.file("config/page"), "smaller")
        try baton.outer.waitForOutput("sees 7.")
        try baton.signal(SIGTERM)
        try baton.outer.wait()
    }

    @Test(.needs("setpriv")) func aStageThatCannotBeMadeIsToldAtTheStart() throws {
        writeFile(directory.file("config"), "x")
        chmod(directory.path, 0o755)
        let baton = try Stand.runAsNobody(
            ["true"],
            [
                "BATON_WATCH": directory.file("config"), "BATON_STAGE": directory.file("no/stage"),
                "BATON_STAGE_FILES": "on",
            ])
        if Stand.isRoot {
            #expect(try baton.wait() == 71)
            #expect(baton.error.contains("Permission denied (EACCES)") && baton.error.contains("mount an emptyDir"))
        } else {
            try baton.wait()
        }
    }

    // MARK: what is not Baton's

    private func status(_ socket: String) throws -> (code: Int32, text: String) {
        var options = RunningProcess.Options()
        options.environment = ["BATON_CONTROL": socket]
        let client = try RunningProcess([Stand.baton, "status"], options)
        return (try client.wait(), client.output + client.error)
    }

    /// As the documents advise it where nothing else can be written.
    @Test func theControlSocketAndWhatIsForeignOutliveTheChanges() throws {
        mkdir(directory.file("config"), 0o755)
        writeFile(directory.file("config/page"), "1")
        mkdir(stage, 0o755)
        mkdir(directory.file("important"), 0o755)
        writeFile(directory.file("important/file"), "x")
        symlink("../important", "\(stage)/..data")
        writeFile("\(stage)/notes", "mine")
        mkfifo("\(stage)/pipe", 0o600)
        mkdir("\(stage)/folder", 0o755)
        symlink("/etc/hostname", "\(stage)/link")
        mkdir("\(stage)/..2026_report", 0o755)
        writeFile("\(stage)/..2026_report/file", "x")
        let socket = "\(stage)/control.sock"
        let baton = try start(reader("\(staged)/page"), ["BATON_CONTROL": socket])
        try baton.waitForOutput("sees 1.")
        try baton.waitForError("generation 1 is ready")
        for number in 2...5 {
            replaceFile(directory.file("config/page"), "\(number)")
            try baton.waitForOutput("sees \(number).")
            if number == 3 { writeFile("\(stage)/late", "mine") }
        }
        let answer = try status(socket)
        #expect(answer.code == 0 && answer.text.contains("running, ready"), "\(answer.text)")
        for name in ["notes", "pipe", "folder", "link", "..2026_report", "late"] {
            let words = "\(stage)/\(name) is on the stage and is not Baton's: Baton leaves it alone"
            #expect(occurrences(of: words, in: baton.error) == 1, "\(words) in \(baton.error)")
        }
        // Nothing of Baton's own is among them.
        #expect(occurrences(of: "leaves", in: baton.error) == 7)
        #expect(occurrences(of: "led to ../important, which is no version of Baton's", in: baton.error) == 1)
        var info = stat()
        #expect(lstat("\(stage)/pipe", &info) == 0 && info.st_mode & S_IFMT == S_IFIFO)
        #expect(lstat("\(stage)/folder", &info) == 0 && lstat("\(stage)/link", &info) == 0)
        #expect(readFile("\(stage)/notes") == "mine" && readFile("\(stage)/late") == "mine")
        #expect(readFile("\(stage)/..2026_report/file") == "x" && readFile(directory.file("important/file")) == "x")
        try stop(baton)
        #expect(!fileExists(socket))
    }

    @Test func whatIsInTheWayIsToldUntilItIsMovedAway() throws {
        mkdir(directory.file("config"), 0o755)
        writeFile(directory.file("config/page"), "1")
        mkdir(stage, 0o755)
        writeFile("\(stage)/files", "foreign")
        let words =
            "\(stage)/files is there already and is not Baton's: move it away, or set BATON_STAGE to another directory"
        let baton = try start(reader("\(staged)/page"), [:])
        try baton.waitForError(words)
        #expect(!baton.error.contains("starting generation 1") && readFile("\(stage)/files") == "foreign")
        rename("\(stage)/files", directory.file("away"))
        try baton.waitForOutput("sees 1.")
        try baton.waitForError("generation 1 is ready")
        // And later: the app would read it for ever.
        unlink("\(stage)/files")
        mkdir("\(stage)/files", 0o755)
        writeFile("\(stage)/files/page", "foreign")
        replaceFile(directory.file("config/page"), "2")
        try baton.waitForError("change 1 is rejected: it cannot be laid on the stage: \(words)")
        #expect(readFile("\(stage)/files/page") == "foreign")
        rename("\(stage)/files", directory.file("away-too"))
        replaceFile(directory.file("config/page"), "3")
        try baton.waitForOutput("sees 3.")
        try stop(baton)
    }

    /// Two containers of a Pod with one volume see each other's files, and not each other's processes.
    @Test(.needsRoot) func aStageThatAnotherBatonHasIsRefusedAndLeftAsItIs() throws {
        mkdir(directory.file("config"), 0o755)
        writeFile(directory.file("config/page"), "1")
        let settings = [
            "BATON_WATCH": directory.file("config"), "BATON_STAGE": stage, "BATON_ON_CHANGE": "reload",
            "BATON_STAGE_FILES": "on", "BATON_SETTLE": "10ms",
        ]
        let first = try Stand.runAsPID1(reader("\(staged)/page"), settings)
        try first.outer.waitForOutput("sees 1.")
        let before = listDirectory(stage)
        let second = try Stand.runAsPID1(["true"], settings)
        #expect(try second.outer.wait() == 71)
        #expect(
            second.outer.error.contains("cannot use the stage \(stage): another Baton that runs has it"),
            "\(second.outer.error)")
        #expect(listDirectory(stage) == before)
        replaceFile(directory.file("config/page"), "2")
        try first.outer.waitForOutput("sees 2.")
        // Whatever ends it: its lock goes with it.
        try first.signal(SIGKILL)
        try first.outer.wait()
        let third = try Stand.runAsPID1(reader("\(staged)/page"), settings)
        try third.outer.waitForOutput("sees 2.")
        try waitUntil("the versions of the first to go") { versions() == 1 }
        try third.signal(SIGTERM)
        try third.outer.wait()
    }

    // MARK: validate

    private func validator(_ body: String) -> String {
        writeFile(directory.file("validate"), "#!/bin/sh\n\(body)\n", mode: 0o755)
        return directory.file("validate")
    }

    @Test func aRejectedChangeLeavesTheOldInForceForACrashRestartToo() throws {
        chmod(directory.path, 0o755)
        mkdir(directory.file("config"), 0o755)
        writeFile(directory.file("config/page"), "good1")
        let check = validator(
            "echo \"checks $(cat $BATON_SNAPSHOT/files\(directory.path)/config/page)\"; grep -q good $BATON_SNAPSHOT/files\(directory.path)/config/page"
        )
        let baton = try start(reader("\(staged)/page"), ["BATON_VALIDATE": check, "BATON_RESTART": "always"])
        try baton.waitForOutput("sees good1.")
        try baton.waitForError("generation 1 is ready")
        replaceFile(directory.file("config/page"), "bad")
        try baton.waitForError("change 1 is rejected: the validator exited with code 1")
        try baton.waitForOutput("checks bad")
        // Whoever is started now reads what is in force.
        let child = readFile("/proc/\(baton.pid)/task/\(baton.pid)/children").split(separator: " ").first.flatMap {
            pid_t($0)
        }
        kill(try #require(child), SIGKILL)
        try baton.waitForOutput("sees good1.", count: 2)
        try baton.waitForError("generation 2 is ready")
        // Touched, with the same content: not tried again.
        replaceFile(directory.file("config/page"), "bad")
        replaceFile(directory.file("config/page"), "good2")
        try baton.waitForOutput("sees good2.")
        #expect(occurrences(of: "is rejected", in: baton.error) == 1 && !baton.output.contains("sees bad"))
        try waitUntil("the old ones to go") { versions() == 1 }
        try stop(baton)
    }

    @Test(arguments: [
        ("exec sleep 100", "the validator has not ended within 300ms"),
        ("kill -9 $$", "the validator was ended by signal KILL"),
        ("/no/such/program", "the validator exited with code 127 (it cannot be found, or not be run)"),
    ]) func aValidatorThatGivesNoAnswerHasRefused(_ body: String, _ words: String) throws {
        chmod(directory.path, 0o755)
        writeFile(directory.file("config"), "1")
        let command = body.hasPrefix("/") ? body : validator(body)
        let baton = try start(
            reader(stage + "/files" + directory.file("config")),
            ["BATON_VALIDATE": command, "BATON_VALIDATE_TIMEOUT": "300ms"])
        try baton.waitForOutput("sees 1.")
        try baton.waitForError("generation 1 is ready")
        replaceFile(directory.file("config"), "2")
        try baton.waitForError("change 1 is rejected: \(words)")
        #expect(readFile(stage + "/files" + directory.file("config")) == "1")
        try stop(baton)
    }

    @Test(.needsAgent, arguments: [("app.yaml", "yaml", "a: 1\n", "a: [\n"), ("app.conf", "json", "{}", "{} x")])
    func whatCannotBeReadIsRejectedByItsPlace(_ name: String, _ syntax: String, _ good: String, _ bad: String) throws {
        mkdir(directory.file("config"), 0o755)
        writeFile(directory.file("config/\(name)"), good)
        let baton = try Stand.run(
            reader("\(staged)/\(name)"),
            [
                "BATON_WATCH": directory.file("config"), "BATON_STAGE": stage, "BATON_ON_CHANGE": "reload",
                "BATON_VALIDATE": syntax,
            ])
        try baton.waitForOutput("sees ")
        replaceFile(directory.file("config/\(name)"), bad)
        try baton.waitForError("baton-agent: files\(directory.file("config/\(name)")): ")
        try baton.waitForError("change 1 is rejected: the validator exited with code 1")
        #expect(readFile("\(staged)/\(name)") == good)
        replaceFile(directory.file("config/\(name)"), good + "\n")
        try baton.waitForError("change 2 is applied")
        try stop(baton)
    }

    @Test(.needsRoot) func theValidatorRunsAsTheAppsUser() throws {
        chmod(directory.path, 0o755)
        writeFile(directory.file("config"), "1")
        let check = validator("id -u; exit 0")
        let baton = try start(
            reader(stage + "/files" + directory.file("config")), ["BATON_VALIDATE": check, "BATON_USER": "65534"])
        try baton.waitForOutput("sees 1.")
        try baton.waitForError("generation 1 is ready")
        replaceFile(directory.file("config"), "2")
        try baton.waitForOutput("sees 2.")
        #expect(baton.output.contains("65534\n"))
        try stop(baton)
    }

    // MARK: back to last good

    /// A server that answers with its page; one with `bad` in it does not last.
    private func server(_ port: UInt16, _ page: String, dies: String) -> [String] {
        writeFile(
            directory.file("app.js"),
            """
            const page = require("fs").readFileSync("\(page)", "utf8");
            let healthy = true;
            require("http").createServer((request, response) => {
              response.statusCode = request.url === "/ready" && !healthy ? 500 : 200;
              response.end(page);
            }).listen(\(port), "127.0.0.1");
            if (page.includes("bad")) setTimeout(() => { \(dies) }, 700);
            """)
        return ["node", directory.file("app.js")]
    }

    @Test(.needs("node"), arguments: ["process.exit(3)", "healthy = false"])
    func whatFailsOnProbationIsTakenBackAndTheNextGoodOneIsApplied(_ dies: String) throws {
        mkdir(directory.file("config"), 0o755)
        writeFile(directory.file("config/page"), "good1")
        let port = freePort()
        var settings = ["BATON_ON_CHANGE": "handover", "BATON_PROBATION": "30s"]
        if dies == "healthy = false" { settings["BATON_READY"] = "http:/ready" }
        let baton = try start(server(port, "\(staged)/page", dies: dies), settings)
        try baton.waitForError("generation 1 is ready")
        let load = HTTPLoad(port: port)
        replaceFile(directory.file("config/page"), "bad")
        try baton.waitForError("generation 2 serves on probation for 30s")
        try baton.waitForError("change 1 is rolled back: generation 2 ")
        #expect(readFile("\(staged)/page") == "good1")
        let before = load.current.bodies["good1", default: 0]
        try waitUntil("answers of the first again") { load.current.bodies["good1", default: 0] > before + 100 }
        replaceFile(directory.file("config/page"), "good2")
        try baton.waitForError("generation 3 serves on probation")
        try waitUntil("answers of the third") { load.current.bodies["good2", default: 0] > 10 }
        let result = load.stop()
        // What a generation that crashes had accepted, or had waiting, goes with it: two a client at most.
        #expect(result.failed <= (dies == "healthy = false" ? 0 : 12), "\(result.failures)")
        try stop(baton)
    }

    @Test(.needs("node")) func afterProbationTheOldOneGoes() throws {
        mkdir(directory.file("config"), 0o755)
        writeFile(directory.file("config/page"), "good1")
        let port = freePort()
        let baton = try start(
            server(port, "\(staged)/page", dies: ""), ["BATON_ON_CHANGE": "handover", "BATON_PROBATION": "1s"])
        try baton.waitForError("generation 1 is ready")
        replaceFile(directory.file("config/page"), "good2")
        try baton.waitForError("on probation")
        #expect(!baton.error.contains("generation 1 drains"))
        try baton.waitForError("change 1 is applied by handover")
        try baton.waitForError("generation 1 drains")
        // A newer change ends a probation that has gone well so far.
        replaceFile(directory.file("config/page"), "good3")
        try baton.waitForError("generation 3 serves on probation")
        replaceFile(directory.file("config/page"), "good4")
        try baton.waitForError("change 2 is applied by handover")
        try baton.waitForError("change 3 is applied by handover")
        try stop(baton)
    }
}
