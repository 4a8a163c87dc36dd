import Glibc
import TestSupport
import Testing

/// `baton check`: settings, plan, and what the validator says of the present content.
@Suite(.serialized) struct CheckTests {
    private let directory = TemporaryDirectory()
    private var config: String { directory.file("config") }
    private var temporary: String { directory.file("tmp") }

    private func check(
        _ content: String, _ validator: String?, _ settings: [String: String] = [:], _ options: [String] = []
    ) throws -> (code: Int32, output: String, error: String) {
        try Stand.call(["check"] + options, prepared(content, validator, settings))
    }

    private func prepared(_ content: String, _ validator: String?, _ settings: [String: String] = [:]) -> [String:
        String]
    {
        chmod(directory.path, 0o755)
        mkdir(temporary, 0o755)
        writeFile(config, content)
        var all = ["BATON_WATCH": config, "TMPDIR": temporary]
        if let validator {
            writeFile(directory.file("validate"), "#!/bin/sh\n\(validator)\n", mode: 0o755)
            all["BATON_VALIDATE"] = directory.file("validate")
        }
        return all.merging(settings) { _, new in new }
    }

    private var isTidy: Bool { listDirectory(temporary).isEmpty }

    private var grep: String { "echo \"no good in it\" >&2; grep -q good \"$BATON_SNAPSHOT/files\(config)\"" }

    @Test func goodContentIsAccepted() throws {
        let result = try check("good", grep)
        #expect(result.code == 0, "\(result.error)")
        #expect(result.output.contains("settings: good\n"))
        #expect(result.output.contains("source: \(config) (file) by inotify"))
        #expect(result.output.contains("stage: yes, as "))
        #expect(result.output.hasSuffix("content: the validator accepts what the sources hold now\n"))
        #expect(isTidy)
    }

    @Test func refusedContentIsToldWithItsReason() throws {
        let result = try check("bad", grep)
        #expect(result.code == 1)
        #expect(result.error.contains("no good in it"))
        #expect(result.output.contains("content: the validator exited with code 1: a running Baton would reject"))
        #expect(isTidy)
    }

    @Test(arguments: [
        ("exec sleep 100", "has not ended within 300ms"), ("kill -9 $$", "was killed by signal KILL"),
        ("exit 127", "exited with code 127"), ("exit 126", "exited with code 126"),
    ]) func noVerdictIsNoAcceptance(_ body: String, _ words: String) throws {
        let result = try check("x", body, ["BATON_VALIDATE_TIMEOUT": "300ms"])
        #expect(result.code == 1)
        #expect(result.output.contains("content: nothing is known of this content: the validator \(words)"))
        #expect(isTidy)
    }

    @Test func allBadSettingsAreTold() throws {
        let result = try check("x", nil, ["BATON_WATHC": "/x", "BATON_SETTLE": "soon"])
        #expect(result.code == 78 && result.error.split(separator: "\n").count == 2, "\(result.error)")
        #expect(try check("x", nil, ["BATON_USER": "no-such-user"]).code == 78)
        #expect(try Stand.call(["check", "--all"]).code == 64)
    }

    @Test func whatIsNotCheckedIsSaid() throws {
        let result = try check("x", nil, ["BATON_WATCH": "\(config),configmap/web,https://example.com/a.json"])
        #expect(result.code == 0)
        #expect(result.output.contains("source: configmap/web is fetched by the agent, and not checked here"))
        #expect(result.output.contains("source: https://example.com/a.json is fetched by the agent"))
        #expect(result.output.contains("content: not checked: BATON_VALIDATE is not set"))
    }

    /// Whatever the validator prints.
    @Test func theDocumentStandsAlone() throws {
        let result = try check("good", "echo words; exit 3", [:], ["--json"])
        #expect(result.code == 1)
        #expect(
            result.output.hasPrefix("{\"baton\":{\"type\":\"baton\",\"verdict\":\"refused\",\"reason\":\"the validator")
        )
        #expect(result.output.contains("\"plan\":[{\"type\":\"plan\",\"name\":\"on change\""))
        #expect(!result.output.contains("words") && result.error.contains("words"))
    }

    @Test(.needsRoot) func theValidatorRunsAsTheAppsUser() throws {
        let result = try check("good", "id -u; cat \"$BATON_SNAPSHOT/files\(config)\"", ["BATON_USER": "65534"])
        #expect(result.code == 0 && result.output.contains("65534\ngood"), "\(result.output) \(result.error)")
        #expect(isTidy)
    }

    @Test(.needsAgent, arguments: [("a: 1\n", Int32(0)), ("a: [\n", 1)]) func syntaxIsChecked(
        _ content: String, _ code: Int32
    ) throws {
        let result = try check(content, nil, ["BATON_VALIDATE": "yaml"])
        #expect(result.code == code, "\(result.error)")
        #expect(isTidy)
    }

    @Test(arguments: [SIGTERM, SIGINT]) func nothingIsLeftWhereItIsInterrupted(_ signal: Int32) throws {
        var options = RunningProcess.Options()
        options.environment = prepared("x", "echo begins; exec sleep 100")
        let process = try RunningProcess([Stand.baton, "check"], options)
        try process.waitForOutput("begins")
        let validator = try #require(children(of: process.pid).first)
        process.signal(signal)
        #expect(try process.wait() == 128 + signal)
        #expect(isTidy)
        #expect(kill(validator, 0) != 0)
    }

    /// Of the one that runs with the same settings.
    @Test func aRunningBatonIsNotDisturbed() throws {
        var settings = prepared("good", grep)
        settings["BATON_STAGE"] = directory.file("stage")
        settings["BATON_CONTROL"] = directory.file("control")
        settings["BATON_LISTEN"] = "tcp://127.0.0.1:\(freePort())"
        settings["BATON_READY"] = "delay:0s"
        let baton = try Stand.run([Stand.probe, "wait"], settings)
        try baton.waitForError("generation 1 is ready")
        let staged = listDirectory(directory.file("stage"))
        let log = baton.error
        #expect(try Stand.call(["check"], settings).code == 0)
        #expect(listDirectory(directory.file("stage")) == staged)
        #expect(try Stand.call(["status"], settings).code == 0)
        #expect(baton.error == log)
        try baton.stop()
    }
}
