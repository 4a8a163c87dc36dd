import Glibc
import TestSupport
import Testing

/// Snapshots that are checked before they are put in force.
@Suite(.serialized) struct StageValidateTests: StagingSuite {
    let directory = TemporaryDirectory()

    private func validator(_ body: String) -> String {
        writeFile(directory.file("validate"), "#!/bin/sh\n\(body)\n", mode: 0o755)
        return directory.file("validate")
    }

    @Test func aRejectedChangeLeavesTheOldInForceForACrashRestartToo() throws {
        chmod(directory.path, 0o755)
        mkdir(config, 0o755)
        writeFile(directory.file("config/page"), "good1")
        let check = validator(
            "echo \"checks $(cat $BATON_SNAPSHOT/files\(directory.path)/config/page)\"; grep -q good $BATON_SNAPSHOT/files\(directory.path)/config/page"
        )
        let baton = try start(Stand.reader("\(staged)/page"), ["BATON_VALIDATE": check, "BATON_RESTART": "always"])
        try baton.waitForOutput("sees good1.")
        try baton.waitForError("generation 1 is ready")
        replaceFile(directory.file("config/page"), "bad")
        try baton.waitForError("change 1 is rejected: the validator exited with code 1")
        try baton.waitForOutput("checks bad")
        // Whoever is started now reads what is in force.
        kill(try #require(children(of: baton.pid).first), SIGKILL)
        try baton.waitForOutput("sees good1.", count: 2)
        try baton.waitForError("generation 2 is ready")
        // Touched, with the same content: not tried again.
        replaceFile(directory.file("config/page"), "bad")
        replaceFile(directory.file("config/page"), "good2")
        try baton.waitForOutput("sees good2.")
        #expect(occurrences(of: "is rejected", in: baton.error) == 1 && !baton.output.contains("sees bad"))
        try waitUntil("the old ones to go") { versions() == 2 }
        try baton.stop(expecting: 0, 143)
    }

    @Test(arguments: [
        ("exec sleep 100", "the validator did not finish within 300ms"),
        ("kill -9 $$", "the validator was killed by signal KILL"),
        ("/no/such/program", "the validator exited with code 127 (command not found, or not executable)"),
    ]) func aValidatorThatGivesNoAnswerHasRefused(_ body: String, _ words: String) throws {
        chmod(directory.path, 0o755)
        writeFile(config, "1")
        let command = body.hasPrefix("/") ? body : validator(body)
        let baton = try start(
            Stand.reader(staged),
            ["BATON_VALIDATE": command, "BATON_VALIDATE_TIMEOUT": "300ms"])
        try baton.waitForOutput("sees 1.")
        try baton.waitForError("generation 1 is ready")
        replaceFile(config, "2")
        try baton.waitForError("change 1 is rejected: \(words)")
        #expect(readFile(staged) == "1")
        try baton.stop(expecting: 0, 143)
    }

    @Test(.needsAgent, arguments: [("app.yaml", "yaml", "a: 1\n", "a: [\n"), ("app.conf", "json", "{}", "{} x")])
    func whatCannotBeReadIsRejectedByItsPlace(_ name: String, _ syntax: String, _ good: String, _ bad: String) throws {
        mkdir(config, 0o755)
        writeFile(directory.file("config/\(name)"), good)
        let baton = try Stand.run(
            Stand.reader("\(staged)/\(name)"),
            [
                "BATON_WATCH": config, "BATON_STAGE": stage, "BATON_ON_CHANGE": "reload",
                "BATON_VALIDATE": syntax, "BATON_PROBATION": "0s",
            ])
        try baton.waitForOutput("sees ")
        replaceFile(directory.file("config/\(name)"), bad)
        try baton.waitForError("baton-agent: files\(directory.file("config/\(name)")): ")
        try baton.waitForError("change 1 is rejected: the validator exited with code 1")
        #expect(readFile("\(staged)/\(name)") == good)
        replaceFile(directory.file("config/\(name)"), good + "\n")
        try baton.waitForError("change 2 is applied")
        try baton.stop(expecting: 0, 143)
    }

    @Test(.needsRoot) func theValidatorRunsAsTheAppsUser() throws {
        chmod(directory.path, 0o755)
        writeFile(config, "1")
        let check = validator("id -u; exit 0")
        let baton = try start(
            Stand.reader(staged), ["BATON_VALIDATE": check, "BATON_USER": "65534"])
        try baton.waitForOutput("sees 1.")
        try baton.waitForError("generation 1 is ready")
        replaceFile(config, "2")
        try baton.waitForOutput("sees 2.")
        #expect(baton.output.contains("65534\n"))
        try baton.stop(expecting: 0, 143)
    }
}
