import Glibc
import TestSupport
import Testing

/// An app that writes into the directory of its configuration while it starts, as tomcat does.
@Suite struct OwnWritesTests {
    private let directory = TemporaryDirectory()
    private var config: String { directory.file("config") }

    private func app(writes name: String) -> [String] {
        writeFile(
            directory.file("app.sh"),
            """
            trap 'exit 0' TERM
            echo $$ > '\(config)/\(name)'
            echo started
            while :; do sleep 0.1; done
            """)
        return ["/bin/sh", directory.file("app.sh")]
    }

    @Test(arguments: ["restart", "auto"]) func itIsAChangeOnceAndNoChangeFromThenOn(_ mode: String) throws {
        mkdir(config, 0o755)
        writeFile("\(config)/app.conf", "1")
        let baton = try Stand.run(
            app(writes: "generated"),
            [
                "BATON_WATCH": config, "BATON_ON_CHANGE": mode, "BATON_ADOPT": "off", "BATON_READY": "delay:500ms",
                "BATON_PROBATION": "0s",
            ])
        try baton.waitForError("change 1: the configuration has changed")
        try baton.waitForError("ignoring a change of \(config)/generated")
        try baton.waitForError("change 1 is applied by restart")
        // What somebody changes later is a change, and leads to one start.
        replaceFile("\(config)/app.conf", "2")
        try baton.waitForError("change 2 is applied by restart")
        #expect(baton.error.split(separator: "\n").count { $0.contains("starting generation") } == 3)
        try baton.stop(expecting: 0, 143)
    }

    @Test(.needsRoot) func whatTheAppMayNotWriteIsSomebodysChange() throws {
        mkdir(config, 0o755)
        writeFile("\(config)/app.conf", "1")
        let baton = try Stand.run(
            ["/bin/sh", "-c", "trap 'exit 0' TERM; while :; do sleep 0.1; done"],
            [
                "BATON_WATCH": config, "BATON_ON_CHANGE": "restart", "BATON_READY": "delay:500ms",
                "BATON_USER": "nobody", "BATON_PROBATION": "0s",
            ])
        for number in 1...3 {
            try baton.waitForError("starting generation \(number)")
            writeFile("\(config)/app.conf", "\(number + 1)")
            try baton.waitForError("change \(number) is applied by restart")
        }
        #expect(!baton.error.contains("ignoring a change"))
        try baton.stop(expecting: 0, 143)
    }
}
