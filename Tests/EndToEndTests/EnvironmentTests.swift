import Glibc
import TestSupport
import Testing

/// What Kubernetes cannot do with envFrom: an environment that follows its source.
@Suite(.serialized) struct EnvironmentTests {
    private let directory = TemporaryDirectory()
    private let show = ["sh", "-c", "trap 'exit 0' TERM; echo \"has $A-$B-$C.\"; while :; do sleep 0.02; done"]

    private func start(_ settings: [String: String]) throws -> RunningProcess {
        try Stand.run(show, ["A": "inherited", "BATON_SETTLE": "10ms"].merging(settings) { _, new in new })
    }

    @Test func aDirectoryIsAFileForEachVariable() throws {
        let volume = KubeletVolume(directory.file("env"))
        volume.write(["A": "one\n", "B": "two words", "not a name": "x"])
        let baton = try start(["BATON_ENV_FROM": directory.file("env"), "BATON_PROBATION": "0s"])
        try baton.waitForOutput("has one-two words-.")
        try baton.waitForError("not a name is ignored: it is not a valid name of a variable")
        try baton.waitForError("generation 1 is ready")
        volume.write(["B": "three", "C": "four"])
        // What is gone from the source is what it was before.
        try baton.waitForOutput("has inherited-three-four.")
        try baton.waitForError("change 1 is applied by restart")
        try baton.stop(expecting: 0)
    }

    @Test func aFileIsInDotEnvFormAndLaterSourcesWin() throws {
        writeFile(directory.file("first.env"), "A=1\nB='x y'\nhunter2\n")
        writeFile(directory.file("second.env"), "export A=2 # comment\n")
        let baton = try start(["BATON_ENV_FROM": "\(directory.file("first.env")),\(directory.file("second.env"))"])
        try baton.waitForOutput("has 2-x y-.")
        try baton.waitForError("first.env: line 3 is ignored: it has no =")
        #expect(!baton.error.contains("hunter2"))
        try baton.waitForError("generation 1 is ready")
        replaceFile(directory.file("second.env"), "C=3")
        try baton.waitForOutput("has 1-x y-3.")
        // Gone: what it said last stays.
        unlink(directory.file("second.env"))
        try baton.waitForError("the last good snapshot stays")
        replaceFile(directory.file("first.env"), "B=z")
        try baton.waitForOutput("has inherited-z-3.")
        try baton.stop(expecting: 0)
    }

    @Test(.needsAgent) func aConfigMapIsAnEnvironmentThatFollows() throws {
        let cluster = try Cluster(directory, ["configmap/fixture/env": ["A": "one", "B": "b"]])
        var settings = cluster.settings("", stage: directory.file("stage"))
        settings["BATON_ENV_FROM"] = "configmap/env"
        let baton = try start(settings)
        try baton.waitForOutput("has one-b-.")
        try baton.waitForError("generation 1 is ready")
        cluster.set("configmap/fixture/env", ["A": "two"])
        try baton.waitForOutput("has two--.")
        try baton.stop(expecting: 0)
    }

    @Test func reloadCannotChangeAnEnvironment() throws {
        let baton = try start(["BATON_ENV_FROM": "/etc/hosts", "BATON_ON_CHANGE": "reload"])
        #expect(try baton.wait() == 78)
        #expect(baton.error.contains("reload cannot change the environment of a running process"))
    }
}
