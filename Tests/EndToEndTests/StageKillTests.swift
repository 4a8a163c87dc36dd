import Glibc
import TestSupport
import Testing

/// Containers that are killed at the worst moments, one after the other on the same stage.
@Suite(.serialized, .needsRoot) struct StageKillTests: StagingSuite {
    let directory = TemporaryDirectory()

    /// Large enough that a copy takes a while.
    private static let size = 300_000
    private static let files = ["a", "b", "c"]

    /// Says `whole N` where all files are there with all of the same content, otherwise what it has found.
    private func app() -> [String] {
        let body = """
            trap 'exit 0' TERM
            set -- $(for name in \(Self.files.joined(separator: " ")); do
                file=\(staged)/$name; echo $(head -c 9 $file).$(wc -c <$file); done)
            if [ "$1" = "$2" ] && [ "$2" = "$3" ] && [ "${1#*.}" = \(Self.size) ]; then echo "whole ${1%.*}"; else echo "half $*"; fi
            while :; do sleep 0.02; done
            """
        return [script("app", body)]
    }

    private func content(_ number: Int) -> [String: String] {
        let line = "\(100_000_000 + number)"
        let text = line + String(repeating: "x", count: Self.size - line.utf8.count)
        return Dictionary(uniqueKeysWithValues: Self.files.map { ($0, text) })
    }

    private func check(_ container: Namespaced, _ round: Int) {
        #expect(!container.outer.output.contains("half"), "round \(round): \(container.outer.output)")
        #expect(!container.outer.error.contains("No such file"), "round \(round): \(container.outer.error)")
    }

    /// What a container needs in the end: what is in force, and what can be gone back to.
    private func expectOrder(_ settings: [String: String], _ number: Int) throws {
        let last = try Stand.runAsPID1(app(), environment(settings))
        try last.outer.waitForOutput("whole \(100_000_000 + number)")
        try waitUntil("what the others have left to go") { versions() <= 2 }
        check(last, 0)
        #expect(
            listDirectory(stage).allSatisfy {
                ["..agent", "..data", "..record", "files"].contains($0) || $0.hasPrefix("..20")
            })
        try last.stop()
    }

    @Test func noneStartsOnHalfAStageAndNothingGrows() throws {
        let volume = KubeletVolume(config)
        volume.write(content(0))
        let settings = ["BATON_PROBATION": "0s", "BATON_ON_CHANGE": "restart"]
        var random = SystemRandomNumberGenerator()
        var number = 0
        for round in 1...50 {
            let baton = try Stand.runAsPID1(app(), environment(settings))
            let pid = try baton.pid()
            // What it waits for before it kills, and a moment more.
            switch round % 5 {
            case 0: break
            case 1: try baton.outer.waitForError("starting generation 1")
            case 2: try baton.outer.waitForOutput("whole")
            default:
                try baton.outer.waitForError("generation 1 is ready")
                number += 1
                volume.write(content(number))
                if round % 5 == 4 { try baton.outer.waitForError("change 1: ") }
            }
            poll(nil, 0, Int32.random(in: 0...30, using: &random))
            kill(pid, SIGKILL)
            try baton.outer.wait()
            check(baton, round)
            // In force, the good one, the one before it, and the one that is being copied; and what could not be removed any more.
            #expect(versions() <= 6, "round \(round): \(listDirectory(stage))")
        }
        try expectOrder(settings, number)
    }

    /// By strace(1), at each call in turn that changes the stage.
    @Test(.needs("strace"), arguments: ["/^rename", "/^unlink", "/^symlink", "/^rmdir"])
    func whateverItIsAboutToDo(_ call: String) throws {
        let volume = KubeletVolume(config)
        volume.write(content(0))
        let settings = ["BATON_PROBATION": "0s", "BATON_ON_CHANGE": "restart", "BATON_ADOPT": "off"]
        var number = 0
        for when in 1...7 {
            var options = RunningProcess.Options()
            options.environment = environment(settings)
            // The shell gets the orphans: strace would wait for them.
            let outer = try RunningProcess(
                [
                    "unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", "\"$@\"; exit 0", "sh",
                    "strace", "-qq", "-o", "/dev/null", "-e", "trace=\(call)", "-e",
                    "inject=\(call):signal=KILL:when=\(when)", Stand.baton, "--",
                ] + app(), options)
            let container = Namespaced(outer: outer)
            // Two changes, unless it is killed before.
            for change in 1...2 {
                try waitUntil("ready, or killed") {
                    !outer.isRunning || occurrences(of: "is ready", in: outer.error) == change
                }
                number += 1
                volume.write(content(number))
                try waitUntil("applied, or killed") {
                    !outer.isRunning || outer.error.contains("change \(change) is applied")
                }
            }
            if outer.isRunning { kill(try #require(children(of: outer.pid).first), SIGKILL) }
            try outer.wait()
            check(container, when)
            // Its successor starts with what it has left, unless there is nothing.
            let rejects = ["BATON_VALIDATE": "false"].merging(settings) { own, _ in own }
            let next = try Stand.runAsPID1(app(), environment(rejects))
            try next.outer.waitForError("the validator rejected the configuration")
            try waitUntil("a word of the app") { !next.outer.output.isEmpty }
            check(next, when)
            try next.stop()
        }
        try expectOrder(settings, number)
    }
}
