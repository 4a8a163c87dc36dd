import Glibc
import TestSupport
import Testing

/// Snapshots that are copied and put in force as a whole.
@Suite(.serialized) struct StageTests: StagingSuite {
    let directory = TemporaryDirectory()

    // MARK: the stage

    @Test func theAppReadsWholeSnapshotsOfItsFiles() throws {
        let volume = KubeletVolume(config)
        volume.write(["a": "1", "b": "1", "deep/er": "x"])
        let baton = try start(Stand.reader("\(staged)/a \(staged)/b \(staged)/deep/er"), [:])
        try baton.waitForOutput("sees 11x.")
        for number in 2...5 {
            volume.write(["a": "\(number)", "b": "\(number)", "deep/er": "x"])
            try baton.waitForOutput("sees \(number)\(number)x.")
        }
        // Nothing but the one in force and the good one before it is left.
        try waitUntil("the old ones to go") { versions() == 2 }
        // The source vanishes: its last good content stays, for whoever is started next, too.
        removeTree(config)
        try baton.waitForError("the last good snapshot stays")
        #expect(readFile("\(staged)/a") == "5")
        try baton.stop(expecting: 0, 143)
    }

    /// A writer that is at work before Baton begins, and for a while after: what it has written last is what the app starts with.
    @Test(arguments: [1, 27 << 20]) func whatChangesWhileBatonStartsIsStagedBeforeTheAppStarts(_ size: Int) throws {
        mkdir(config, 0o755)
        writeFile(directory.file("config/large"), "")
        truncate(directory.file("config/large"), size)
        writeFile(directory.file("config/page"), "0")
        let writer = try RunningProcess([
            "sh", "-c",
            "echo at work; i=0; while [ $i -lt 200 ]; do i=$((i + 1)); printf $i >$0; sleep 0.01; done",
            directory.file("config/page"),
        ])
        try writer.waitForOutput("at work")
        let baton = try start(Stand.reader("\(staged)/page"), ["BATON_WATCH": config])
        try writer.wait()
        try baton.waitForOutput("sees 200.", seconds: 60)
        // It never ran on an empty stage.
        #expect(!baton.error.contains("No such file"), "\(baton.error.suffix(2000))")
        try baton.stop(expecting: 0, 143)
    }

    /// Nothing of it is ever whole: the app waits, the log says for what, and a stop is a stop.
    @Test func anAppWhoseConfigurationIsNeverWholeIsNotStartedOnNothing() throws {
        mkdir(config, 0o755)
        writeFile(directory.file("config/large"), "")
        truncate(directory.file("config/large"), 27 << 20)
        writeFile(directory.file("config/page"), "0")
        let writer = try RunningProcess([
            "sh", "-c", "while :; do i=$((i + 1)); printf $i >\(directory.file("config/page")); done",
        ])
        defer { writer.signal(SIGKILL) }
        try waitUntil("the writer at work") { readFile(directory.file("config/page")).count > 2 }
        let baton = try start(Stand.reader("\(staged)/page"), ["BATON_WATCH": config])
        try baton.waitForError(
            "not starting the app yet: its configuration could not be read and copied as a whole", seconds: 60)
        #expect(!baton.error.contains("starting generation") && !baton.output.contains("sees"))
        try baton.stop(expecting: 143)
    }

    @Test(.needsRoot) func modesAreKeptAndTheAppsUserOwnsThem() throws {
        chmod(directory.path, 0o755)
        mkdir(config, 0o755)
        writeFile(directory.file("config/key"), "hunter2", mode: 0o600)
        let baton = try start(Stand.reader("\(staged)/key"), ["BATON_USER": "65534"])
        try baton.waitForOutput("sees hunter2.")
        var info = stat()
        #expect(stat("\(staged)/key", &info) == 0 && info.st_mode & 0o777 == 0o600 && info.st_uid == 65534)
        writeFile(directory.file("config/key"), "sesame", mode: 0o600)
        try baton.waitForOutput("sees sesame.")
        try baton.stop(expecting: 0, 143)
    }

    @Test(.needsRoot) func aFullDiskRejectsTheChangeAndTheAppGoesOn() throws {
        mkdir(config, 0o755)
        writeFile(directory.file("config/page"), "small")
        let path = directory.path
        let baton = try Stand.runAsPID1(
            Stand.reader("\(staged)/page | wc -c"),
            [
                "BATON_WATCH": "\(path)/config", "BATON_STAGE": stage, "BATON_ON_CHANGE": "reload",
                "BATON_STAGE_FILES": "on",
            ], preparation: "mkdir -p \(stage) && mount -t tmpfs -o size=64k none \(stage)")
        try baton.outer.waitForOutput("sees 5.")
        replaceFile(directory.file("config/page"), String(repeating: "x", count: 200_000))
        try baton.outer.waitForError("change 1 is rejected: cannot write it to the stage: cannot write")
        try baton.outer.waitForError("No space left on device (ENOSPC)")
        replaceFile(directory.file("config/page"), "smaller")
        try baton.outer.waitForOutput("sees 7.")
        try baton.stop()
    }

    @Test(.needs("setpriv")) func aStageThatCannotBeMadeIsToldAtTheStart() throws {
        writeFile(config, "x")
        chmod(directory.path, 0o755)
        let baton = try Stand.runAsNobody(
            ["true"],
            [
                "BATON_WATCH": config, "BATON_STAGE": directory.file("no/stage"),
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

    /// As the documents advise it where nothing else can be written.
    @Test func theControlSocketAndWhatIsForeignOutliveTheChanges() throws {
        mkdir(config, 0o755)
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
        let baton = try start(Stand.reader("\(staged)/page"), ["BATON_CONTROL": socket])
        try baton.waitForOutput("sees 1.")
        try baton.waitForError("generation 1 is ready")
        for number in 2...5 {
            replaceFile(directory.file("config/page"), "\(number)")
            try baton.waitForOutput("sees \(number).")
            if number == 3 { writeFile("\(stage)/late", "mine") }
        }
        let answer = try Stand.call(["status"], ["BATON_CONTROL": socket])
        #expect(answer.code == 0 && answer.output.contains("running, ready"), "\(answer)")
        for name in ["notes", "pipe", "folder", "link", "..2026_report", "late"] {
            let words = "\(stage)/\(name) is on the stage, and Baton did not create it: Baton does not touch it"
            #expect(occurrences(of: words, in: baton.error) == 1, "\(words) in \(baton.error)")
        }
        // Nothing of Baton's own is among them.
        #expect(occurrences(of: "does not touch", in: baton.error) == 7)
        #expect(occurrences(of: "led to ../important, which Baton did not create", in: baton.error) == 1)
        var info = stat()
        #expect(lstat("\(stage)/pipe", &info) == 0 && info.st_mode & S_IFMT == S_IFIFO)
        #expect(lstat("\(stage)/folder", &info) == 0 && lstat("\(stage)/link", &info) == 0)
        #expect(readFile("\(stage)/notes") == "mine" && readFile("\(stage)/late") == "mine")
        #expect(readFile("\(stage)/..2026_report/file") == "x" && readFile(directory.file("important/file")) == "x")
        try baton.stop(expecting: 0, 143)
        #expect(!fileExists(socket))
    }

    @Test func whatIsInTheWayIsToldUntilItIsMovedAway() throws {
        mkdir(config, 0o755)
        writeFile(directory.file("config/page"), "1")
        mkdir(stage, 0o755)
        writeFile("\(stage)/files", "foreign")
        let words =
            "\(stage)/files already exists, and Baton did not create it: move it, or set BATON_STAGE to another directory"
        let baton = try start(Stand.reader("\(staged)/page"), [:])
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
        // Where what `replaceFile` does first is seen alone it is change 2.
        try baton.waitForError("is rejected: cannot write it to the stage: \(words)")
        #expect(readFile("\(stage)/files/page") == "foreign")
        rename("\(stage)/files", directory.file("away-too"))
        replaceFile(directory.file("config/page"), "3")
        try baton.waitForOutput("sees 3.")
        try baton.stop(expecting: 0, 143)
    }

    /// Two containers of a Pod with one volume see each other's files, and not each other's processes.
    @Test(.needsRoot) func aStageThatAnotherBatonHasIsRefusedAndLeftAsItIs() throws {
        mkdir(config, 0o755)
        writeFile(directory.file("config/page"), "1")
        let settings = [
            "BATON_WATCH": config, "BATON_STAGE": stage, "BATON_ON_CHANGE": "reload",
            "BATON_STAGE_FILES": "on", "BATON_SETTLE": "10ms",
        ]
        let first = try Stand.runAsPID1(Stand.reader("\(staged)/page"), settings)
        try first.outer.waitForOutput("sees 1.")
        let before = listDirectory(stage)
        let second = try Stand.runAsPID1(["true"], settings)
        #expect(try second.outer.wait() == 71)
        #expect(
            second.outer.error.contains("cannot use the stage \(stage): another running Baton uses it"),
            "\(second.outer.error)")
        #expect(listDirectory(stage) == before)
        replaceFile(directory.file("config/page"), "2")
        try first.outer.waitForOutput("sees 2.")
        // Whatever ends it: its lock goes with it.
        try first.signal(SIGKILL)
        try first.outer.wait()
        let third = try Stand.runAsPID1(Stand.reader("\(staged)/page"), settings)
        try third.outer.waitForOutput("sees 2.")
        try waitUntil("the versions of the first to go") { versions() == 1 }
        try third.stop()
    }
}
