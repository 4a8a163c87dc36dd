import Glibc
import TestSupport
import Testing

/// A container that is restarted on a stage that outlives it: what the app starts with.
@Suite(.serialized) struct FirstSnapshotTests: StagingSuite {
    let directory = TemporaryDirectory()

    // MARK: validated

    @Test func aRejectedOneGivesWayToTheLastGoodOne() throws {
        try leaveGood("good1")
        write("bad")
        let baton = try start(Stand.reader(stagedPage), ["BATON_VALIDATE": validator(), "BATON_RESTART": "always"])
        try baton.waitForError(
            "the validator rejected the configuration: the validator exited with code 1; its output is in the log; "
                + "starting the app with the last good "
                + "one from the stage")
        try baton.waitForOutput("sees good1.")
        try baton.waitForError("generation 1 is ready")
        // It is told as a change is.
        let history = try ask("history")
        #expect(history.output.contains("rejected") && history.output.contains("exited with code 1"), "\(history)")
        #expect(try ask("status").output.contains("changes: 0 applied, 0 superseded, 1 rejected"))
        // A restart after a crash starts with it, too.
        kill(try #require(children(of: baton.pid).first), SIGKILL)
        try baton.waitForOutput("sees good1.", count: 2)
        try baton.waitForError("generation 2 is ready")
        // What mends the configuration is an ordinary change.
        write("good2")
        try baton.waitForOutput("sees good2.")
        try baton.waitForError("change 2 is applied")
        #expect(!baton.output.contains("sees bad") && occurrences(of: "checks bad", in: baton.output) == 1)
        // The last good one is what can be gone back to.
        try waitUntil("the others to go") { versions() == 2 }
        try baton.stop(expecting: 0, 143)
    }

    @Test func withoutALastGoodOneTheAppStartsWithAWarning() throws {
        write("bad")
        let baton = try start(Stand.reader(stagedPage), ["BATON_VALIDATE": validator()])
        try baton.waitForError(
            "the stage has no last good one, so starting the app with the rejected one")
        try baton.waitForOutput("sees bad.")
        try baton.stop(expecting: 0, 143)
    }

    @Test(arguments: [
        ("exit 126", "the validator exited with code 126"),
        ("exit 127", "the validator exited with code 127"),
        ("kill -9 $$", "the validator was killed by signal KILL"),
        ("exec sleep 100", "the validator did not finish within 300ms"),
        ("/no/such/program", "the validator exited with code 127 (command not found, or not executable)"),
        ("/etc/passwd", "validator"),
    ]) func aValidatorThatGivesNoVerdictHoldsNothingUp(_ body: String, _ words: String) throws {
        try leaveGood("good1")
        write("new")
        let command = body.hasPrefix("/") ? body : script("validate", body)
        let baton = try start(
            Stand.reader(stagedPage), ["BATON_VALIDATE": command, "BATON_VALIDATE_TIMEOUT": "300ms"])
        try baton.waitForError("starting the app with a configuration that is not validated: ")
        #expect(baton.error.contains(words), "\(baton.error)")
        try baton.waitForOutput("sees new.")
        try baton.waitForError("generation 1 is ready")
        #expect(!baton.output.contains("sees good1"))
        try baton.stop(expecting: 0, 143)
        #expect(children(of: getpid()).allSatisfy { !readFile("/proc/\($0)/cmdline").hasPrefix("sleep\u{0}100") })
    }

    @Test func aStopDuringTheValidationEndsBaton() throws {
        write("page")
        let check = script("validate", "echo $$ >\(directory.file("pid")); trap '' TERM; while :; do sleep 1; done")
        let baton = try start(
            Stand.reader(stagedPage),
            ["BATON_VALIDATE": check, "BATON_VALIDATE_TIMEOUT": "100s", "BATON_STOP_TIMEOUT": "2s"])
        try waitUntil("the validator") { readFile(directory.file("pid")).hasSuffix("\n") }
        let validator = try #require(pid_t(readFile(directory.file("pid")).dropLast()))
        #expect(try baton.stop(seconds: 10) == 143)
        #expect(!baton.error.contains("starting generation") && !baton.output.contains("sees"))
        try waitUntil("the validator to be gone") { state(of: validator) == nil || state(of: validator) == "Z" }
    }

    @Test func itCanBeSwitchedOff() throws {
        try leaveGood("good1")
        write("bad")
        let baton = try start(
            Stand.reader(stagedPage), ["BATON_VALIDATE": validator(), "BATON_VALIDATE_START": "off"])
        try baton.waitForOutput("sees bad.")
        try baton.waitForError("generation 1 is ready")
        #expect(!baton.output.contains("checks"))
        // Changes are validated all the same.
        write("bad too")
        try baton.waitForError("change 1 is rejected")
        try baton.stop(expecting: 0, 143)
    }

    @Test func whatChangesMeanwhileIsValidatedInItsPlace() throws {
        try leaveGood("good1")
        write("slow")
        let go = directory.file("go")
        let check = script(
            "validate",
            "page=$BATON_SNAPSHOT/files\(page); echo \"checks $(cat $page)\"; grep -q slow $page || exit 0; "
                + "while ! [ -e \(go) ]; do sleep 0.02; done; exit 1")
        let baton = try start(Stand.reader(stagedPage), ["BATON_VALIDATE": check, "BATON_VALIDATE_TIMEOUT": "100s"])
        try baton.waitForOutput("checks slow")
        write("good2")
        try baton.waitForOutput("checks good2")
        try baton.waitForOutput("sees good2.")
        #expect(!baton.error.contains("rejected") && !baton.output.contains("sees good1"))
        writeFile(go, "")
        try baton.stop(expecting: 0, 143)
    }

    // MARK: held

    /// The app dies of it: it is rolled back, and the next container does not try it again, unless somebody asks for it.
    @Test(arguments: ["restart", "reload"]) func whatTheAppFailedWithIsTriedAgainOnlyByHand(_ way: String) throws {
        write("good1")
        let settings = ["BATON_ON_CHANGE": way, "BATON_RESTART": "on-failure"]
        let first = try start(fragile(), settings)
        try first.waitForOutput("sees good1.")
        try waitUntil("the record") { fileExists(record) }
        write("bad")
        try first.waitForError("change 1 is rolled back")
        try first.waitForOutput("sees good1.", count: 2)
        try first.waitForError("is ready", count: 2)
        try first.stop()
        // The next container.
        let second = try start(fragile(), settings)
        try second.waitForError("starting the app with the last good configuration")
        try second.waitForError("generation 1 is ready")
        try second.waitForOutput("sees good1.")
        // Touched, it is the same still.
        write("bad")
        try second.stop()
        #expect(!second.output.contains("sees bad"))
        // And the one after that, in which somebody has mended the app.
        let third = try start(fragile(), settings)
        try third.waitForError("generation 1 is ready")
        #expect(!third.output.contains("sees bad"))
        writeFile(directory.file("mended"), "")
        let reload = try ask("reload")
        #expect(reload.code == 0 && reload.output.contains("applied"), "\(reload) \(third.error)")
        try third.waitForOutput("sees bad.")
        try third.stop()
        let last = try start(fragile(), settings)
        try last.waitForOutput("sees bad.")
        #expect(!last.output.contains("sees good1"))
        try last.stop(expecting: 0, 143)
    }

    /// It failed before the first snapshot had proven itself.
    @Test func aFailureSoonAfterTheStartIsRemembered() throws {
        write("good1")
        let settings = ["BATON_ON_CHANGE": "restart", "BATON_RESTART": "on-failure"]
        let first = try start(fragile(), settings)
        try first.waitForError("generation 1 is ready")
        write("bad")
        try first.waitForError("change 1 is rolled back")
        try waitUntil("the record") { readFile(record).contains("held ") }
        try first.stop()
        let second = try start(fragile(), settings)
        try second.waitForOutput("sees good1.")
        #expect(!second.output.contains("sees bad"))
        try second.stop(expecting: 0, 143)
    }
}
