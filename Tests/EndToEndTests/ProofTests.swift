import Glibc
import TestSupport
import Testing

/// Each change is proven, or undone, however it was applied: real processes, under load.
@Suite(.serialized, .needsPython) struct ProofTests {
    /// At most so many requests are with the app at any moment: who asks waits for the answer.
    private static let inFlight = ProofTrial.clients
    /// Of reloads and restarts where nothing is set, and of all in these tests.
    private static let probation = 3.0

    private func isRolledBack(_ record: String, _ reason: String) -> Bool {
        record.contains("\"outcome\":\"rolled_back\"") && record.contains("\"reason\":\"\(reason)")
    }

    private func isApplied(_ record: String, _ proof: String) -> Bool {
        record.contains("\"outcome\":\"applied\"") && record.contains("\"proof\":\"\(proof)\"")
    }

    // MARK: each way, each way to fail

    enum Way: String, CaseIterable {
        case signal, command, handover, restart

        var settings: [String: String] {
            switch self {
            case .signal: ["BATON_ON_CHANGE": "reload"]
            case .command:
                ["BATON_ON_CHANGE": "reload", "BATON_RELOAD_COMMAND": "sh -c 'kill -HUP $BATON_PID'"]
            case .handover, .restart: ["BATON_ON_CHANGE": rawValue]
            }
        }

        var isReload: Bool { self == .signal || self == .command }
    }

    /// What a bad content does, and how that has to end.
    private struct Case {
        let bad: ProofTrial.Bad
        /// BATON_READY=http:/ready
        var isProbed = false
        /// Why it is rolled back; nil where nothing shows that it is bad.
        let reason: String?
        /// Requests at most, of all clients and both changes.
        let lost: Int
    }

    private func cases(_ way: Way) -> [Case] {
        let isDeadOnArrival = "generation 2 exited with code 3 before it was ready"
        let isNeverReady = "generation 2 failed to become ready: it was not ready within 3s"
        guard way.isReload else {
            return [
                Case(bad: .exits, reason: isDeadOnArrival, lost: 0),
                Case(bad: .exitsLater, reason: "generation 2 exited with code 3 on probation", lost: Self.inFlight),
                Case(bad: .isSick, isProbed: true, reason: "generation 2 is no longer ready", lost: 0),
                // Without a handover those who came while nobody served are with the one that hangs.
                Case(bad: .hangs, isProbed: true, reason: isNeverReady, lost: way == .handover ? 0 : Self.inFlight),
                Case(bad: .isIgnored, isProbed: true, reason: isNeverReady, lost: 0),
                Case(bad: .hangs, reason: nil, lost: Self.inFlight),
                Case(bad: .isIgnored, reason: nil, lost: 0),
            ]
        }
        let isSeen = "generation 1 is no longer ready"
        return [
            Case(bad: .exits, reason: "generation 1 exited with code 3", lost: Self.inFlight),
            Case(bad: .exitsLater, reason: "generation 1 exited with code 3 after its reload", lost: Self.inFlight),
            Case(bad: .isSick, isProbed: true, reason: isSeen, lost: 0),
            Case(bad: .hangs, isProbed: true, reason: isSeen, lost: Self.inFlight),
            Case(bad: .isIgnored, isProbed: true, reason: isSeen, lost: 0),
            // It hears the next signal.
            Case(bad: .hangs, reason: nil, lost: 0),
            Case(bad: .isIgnored, reason: nil, lost: 0),
        ]
    }

    @Test(arguments: Way.allCases) func badContentIsUndoneWhereItShowsAndTheNextGoodOneIsApplied(_ way: Way) throws {
        let cases = cases(way)
        let trials = try cases.map {
            var settings = way.settings
            settings["BATON_PROBATION"] = "3s"
            if $0.isProbed { settings["BATON_READY"] = "http:/ready" }
            return try ProofTrial("\(way), \($0.bad)\($0.isProbed ? " with a probe" : "")", settings)
        }
        for trial in trials { try trial.begin() }
        for (trial, item) in zip(trials, cases) { trial.change(to: item.bad.rawValue) }
        let times = try ProofTrial.wait("the end of each change", trials) {
            cases[$0].reason == nil ? trials[$0].says("change 1 is applied") : trials[$0].isBack
        }
        for (index, trial) in trials.enumerated() {
            let seconds = try #require(times[index], trial.story)
            let record = try trial.record(of: 1)
            if let reason = cases[index].reason {
                #expect(seconds < Self.probation + 2, trial.story)
                #expect(isRolledBack(record, reason), "\(record)")
                #expect(!trial.says("change 1 is applied"), trial.story)
            } else {
                #expect(isApplied(record, "alive"), "\(record)")
                #expect(readFile(trial.staged) == cases[index].bad.rawValue, trial.story)
            }
        }
        for trial in trials { trial.change(to: "good2") }
        _ = try ProofTrial.wait("the good change", trials) {
            trials[$0].says("change 2 is applied") && trials[$0].isServed("good2")
        }
        for (trial, item) in zip(trials, cases) {
            try #require(trial.baton.isRunning, trial.story)
            let proof = item.isProbed ? "probe" : "alive"
            let record = try trial.record(of: 2)
            #expect(isApplied(record, proof), "\(record)")
            #expect(readFile(trial.staged) == "good2", trial.story)
            let result = try trial.end()
            #expect(result.failed <= item.lost, "\(result.failures)\n\(trial.story)")
        }
    }

    // MARK: the settings beside it

    @Test func whoDiesOfItsContentGoesBackWhateverElseIsSet() throws {
        let reload = ["BATON_ON_CHANGE": "reload"]
        func with(_ more: [String: String]) -> [String: String] { reload.merging(more) { _, new in new } }
        let cases: [(bad: ProofTrial.Bad, settings: [String: String], app: ProofTrial.App, reason: String)] = [
            (
                .exits, with(["BATON_PROBATION": "10s", "BATON_RESTART": "on-failure"]), .handed,
                "generation 1 exited with code 3"
            ),
            (.exits, with(["BATON_RESTART": "never"]), .handed, "generation 1 exited with code 3"),
            (.exits, with(["BATON_RESTART": "always"]), .handed, "generation 1 exited with code 3"),
            (.isKilled, reload, .handed, "generation 1 was killed by signal KILL"),
            (.exitsWell, reload, .handed, "generation 1 exited with code 0"),
            (.exits, with(["BATON_VALIDATE": "true"]), .handed, "generation 1 exited with code 3"),
            (.exits, reload, .handedAsNobody, "generation 1 exited with code 3"),
            // A new process with a new environment.
            (.exits, [:], .readsItsEnvironment, "generation 2 exited with code 3 before it was ready"),
            // Under auto the reload may be at fault: a new process tries it.
            (.exits, [:], .opensItsSocket, "generation 2 exited with code 3 before it was ready"),
        ]
        let trials = try cases.map { try ProofTrial("\($0)", $0.settings, $0.app) }
        for trial in trials { try trial.begin() }
        for (trial, item) in zip(trials, cases) { trial.change(to: item.bad.rawValue) }
        let times = try ProofTrial.wait("the end of each change", trials) { trials[$0].isBack }
        for (index, trial) in trials.enumerated() {
            let seconds = try #require(times[index], trial.story)
            #expect(seconds < Self.probation + 2, trial.story)
            let record = try trial.record(of: 1)
            #expect(isRolledBack(record, cases[index].reason), "\(record)\n\(trial.story)")
            trial.change(to: "good2")
        }
        _ = try ProofTrial.wait("the good change", trials) { trials[$0].isServed("good2") }
        for (trial, item) in zip(trials, cases) {
            try #require(trial.baton.isRunning, trial.story)
            // Where the first one lives on it is told of the next, or a third one reads it.
            #expect(trial.starts <= 3, trial.story)
            let result = try trial.end()
            #expect(result.failed <= Self.inFlight, "\(result.failures)\n\(trial.story)")
        }
    }

    @Test func withoutAStageAFailureIsToldAndTheRestartPolicyDecides() throws {
        let trial = try ProofTrial(
            "no stage", ["BATON_ON_CHANGE": "reload", "BATON_STAGE_FILES": "off", "BATON_PROBATION": "10s"])
        try trial.baton.waitForError(
            "BATON_PROBATION=10s without a stage: if a reload or restart fails, there is no")
        try trial.begin()
        trial.change(to: "exit 3")
        #expect(try trial.baton.wait() == 3)
        #expect(
            trial.says(
                "change 1 failed, and there is no last good configuration to go back to: generation 1 exited with code 3"
            ),
            trial.story)
    }

    // MARK: what is believed at once, and what does not wait

    @Test func anAppThatSaysSoIsBelievedAtOnce() throws {
        let trial = try ProofTrial("says so", ["BATON_ON_CHANGE": "reload", "SPEAKS": "1"])
        try trial.begin()
        trial.change(to: "good2")
        try trial.baton.waitForError("change 1 is applied by reload")
        #expect(trial.seconds < Self.probation, trial.story)
        #expect(try trial.record(of: 1).contains("\"proof\":\"app\""))
        let status = try trial.ask("status", "--json")
        #expect(status.contains("\"name\":\"config_applied_total\",\"proof\":\"app\",\"value\":1"), "\(status)")
        #expect(try trial.end().failed == 0)
    }

    @Test func anUrgentFixDoesNotWaitForABadChange() throws {
        let trial = try ProofTrial(
            "a fix", ["BATON_ON_CHANGE": "reload", "BATON_READY": "http:/ready", "BATON_PROBATION": "60s"])
        try trial.begin()
        trial.change(to: "sick")
        try trial.baton.waitForError("sent HUP to generation 1 for change 1")
        trial.change(to: "good2")
        try waitUntil("the good change") { trial.isServed("good2") }
        #expect(trial.seconds < 2, trial.story)
        #expect(trial.says("change 1 is superseded") && !trial.says("rolled back"), trial.story)
        // The one before both is what there is to go back to.
        trial.change(to: "exit 3")
        try waitUntil("the first content again") { readFile(trial.staged) == "good1" }
        try trial.baton.waitForError("change 3 is rolled back")
        let result = try trial.end()
        #expect(result.failed <= Self.inFlight, "\(result.failures)\n\(trial.story)")
    }
}
