import Glibc
import TestSupport

/// Shows Baton's main job: writes a configuration as kubelet does, starts Baton with the small HTTP server, sends requests
/// in a closed loop, changes the configuration, and prints what happened. Fails if a request failed.
@main
enum Driver {
    private static let changes = 10

    static func main() {
        do {
            exit(try run())
        } catch {
            complain("quickstart: \(error)\n")
            exit(1)
        }
    }

    private static func run() throws -> Int32 {
        guard CommandLine.arguments.count == 3 else {
            throw TimedOut("usage: quickstart BATON QUICKSTART-SERVER")
        }
        let directory = TemporaryDirectory()
        let volume = KubeletVolume(directory.file("config"))
        volume.write(["app.yaml": text(0)])
        let port = freePort()

        var options = RunningProcess.Options()
        options.environment = [
            "BATON_WATCH": volume.directory,
            "BATON_LISTEN": "http=tcp://127.0.0.1:\(port)",
        ]
        let baton = try RunningProcess(
            [CommandLine.arguments[1], "--", CommandLine.arguments[2], volume.directory + "/app.yaml"], options)
        try baton.waitForError("generation 1 is ready")

        let load = HTTPLoad(port: port)
        try waitUntil("the first answers") { load.current.bodies[text(0), default: 0] >= 100 }
        var rows: [(ready: Double, first: Double)] = []
        for change in 1...changes {
            guard let swappedAt = volume.write(["app.yaml": text(change)]) else { continue }
            try baton.waitForError("generation \(change + 1) is ready")
            let ready = Double(monotonicNow() - swappedAt) / 1e6
            try waitUntil("an answer with the new configuration") { load.current.firstSeen[text(change)] != nil }
            let first = Double((load.current.firstSeen[text(change)] ?? swappedAt) - swappedAt) / 1e6
            try baton.waitForError("generation \(change) exited with code 0 after its drain")
            rows.append((ready, first))
        }
        let result = load.stop()
        baton.signal(SIGTERM)
        let code = try baton.wait()
        report(baton, rows, result, code)
        return result.failed == 0 && code == 0 && rows.count == changes ? 0 : 1
    }

    private static func complain(_ text: String) { _ = write(2, text, text.utf8.count) }

    private static func text(_ change: Int) -> String { "greeting: hello number \(change)\n" }

    private static func report(
        _ baton: RunningProcess, _ rows: [(ready: Double, first: Double)], _ result: HTTPLoad.Result, _ code: Int32
    ) {
        print("Baton's log of the first change:")
        for line in baton.error.split(separator: "\n").drop(while: { !$0.contains("change 1:") }) {
            print("  \(line)")
            if line.contains("generation 1 exited") { break }
        }
        print("")
        let ready = rows.map(\.ready).sorted()
        let first = rows.map(\.first).sorted()
        let handovers = occurrences(of: "is applied by handover", in: baton.error)
        print("  changes                                   \(rows.count)")
        print("  handovers                                 \(handovers)")
        print("  requests                                  \(result.requests)")
        print("  failed                                    \(result.failed)")
        print("  from change to new generation ready       \(spread(ready))")
        print("  from change to first answer with it       \(spread(first))")
        print("  exit code after SIGTERM                   \(code)")
        for (reason, count) in result.failures.sorted(by: { $0.value > $1.value }) {
            print("  failed \(count) times: \(reason)")
        }
    }

    private static func spread(_ sorted: [Double]) -> String {
        guard let least = sorted.first, let most = sorted.last else { return "none" }
        func whole(_ milliseconds: Double) -> String { "\(Int(milliseconds.rounded())) ms" }
        return "\(whole(least)) … \(whole(sorted[sorted.count / 2])) … \(whole(most)) (least, median, most)"
    }
}
