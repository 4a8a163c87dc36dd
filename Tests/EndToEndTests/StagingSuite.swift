import Glibc
import TestSupport

/// A suite of apps that read their configuration on the stage.
protocol StagingSuite {
    var directory: TemporaryDirectory { get }
}

extension StagingSuite {
    var config: String { directory.file("config") }
    var stage: String { directory.file("stage") }
    /// Where the app finds what is watched.
    var staged: String { stage + "/files" + config }
    /// In a directory as source.
    var page: String { directory.file("config/page") }
    var stagedPage: String { staged + "/page" }
    var record: String { stage + "/..record" }
    private var socket: String { directory.file("control.sock") }

    func start(_ command: [String], _ settings: [String: String]) throws -> RunningProcess {
        try Stand.run(command, environment(settings))
    }

    func environment(_ settings: [String: String]) -> [String: String] {
        let base = [
            "BATON_WATCH": config, "BATON_STAGE": stage, "BATON_ON_CHANGE": "reload", "BATON_STAGE_FILES": "on",
            "BATON_SETTLE": "10ms", "BATON_CONTROL": socket,
        ]
        return base.merging(settings) { _, new in new }
    }

    func ask(_ words: String...) throws -> (code: Int32, output: String, error: String) {
        try Stand.call(words, ["BATON_CONTROL": socket])
    }

    func versions() -> Int { listDirectory(stage).filter { $0.hasPrefix("..20") }.count }

    func write(_ page: String) {
        chmod(directory.path, 0o755)
        mkdir(config, 0o755)
        replaceFile(self.page, page)
    }

    /// A container that has run with this page, and left it on the stage as good.
    func leaveGood(_ page: String, _ settings: [String: String] = [:]) throws {
        write(page)
        let own = ["BATON_PROBATION": "0s"]
        let baton = try start(Stand.reader(stagedPage), own.merging(settings) { _, new in new })
        try baton.waitForOutput("sees \(page).")
        try waitUntil("the record") { fileExists(record) }
        try baton.stop()
    }

    /// Changes the page from `before`, which the app sees, to this one, until it is proven.
    func prove(_ page: String, _ number: Int, _ baton: RunningProcess) throws {
        write(page)
        try baton.waitForError("change \(number) is applied")
    }

    /// A script with this body.
    func script(_ name: String, _ body: String) -> String {
        writeFile(directory.file(name), "#!/bin/sh\n\(body)\n", mode: 0o755)
        return directory.file(name)
    }

    /// Rejects each snapshot that has `bad` in it, and says which it has checked.
    func validator() -> String {
        script("validate", "page=$BATON_SNAPSHOT/files\(page); echo \"checks $(cat $page)\"; ! grep -q bad $page")
    }

    /// Reads the page at its start and at HUP. With `bad` in it, it exits with 3, unless there is the file `mended`.
    func fragile() -> [String] {
        let body = """
            show() {
                page=$(cat \(stagedPage)); echo "sees $page."
                case $page in *bad*) [ -e \(directory.file("mended")) ] || exit 3; esac
            }
            trap show HUP
            trap 'exit 0' TERM
            show
            while :; do sleep 0.02; done
            """
        return [script("app", body)]
    }
}
