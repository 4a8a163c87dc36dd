import BatonCore
import Glibc
import TestSupport
import Testing

/// README and the pages must not fall behind the program, and what they show can be copied.
@Suite struct ReadmeTests {
    private let directory = TemporaryDirectory()
    private let readme = Document("README.md")

    @Test func theSettingsTableIsTheListOfSettings() {
        let page = readFile(Stand.package + "/" + Document.catalogue + "/Settings.md")
        let rows = page.split(separator: "\n").filter { $0.hasPrefix("| `BATON_") }.map(String.init)
        let expected = SettingDefinition.all.map {
            "| `\($0.name)` | \($0.defaultText) | \($0.summary). *\($0.allowed)* |"
        }
        #expect(rows == expected)
    }

    @Test func itsLengthIsTwoHundredLinesAtMost() {
        let lines = readme.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast()
        #expect(!lines.isEmpty && lines.count <= 200)
    }

    @Test func theCommandsThatItNamesExist() {
        for command in ["examples/quickstart/run", "Tests/run"] {
            #expect(readme.text.contains("    ./\(command)\n") && access(Stand.package + "/" + command, X_OK) == 0)
        }
    }

    /// With what its `kubectl create` commands make, and in the image of its Dockerfile.
    @Test(.needsYAML, arguments: Document.paths) func theManifestsAreWhatTheAPITakes(_ path: String) throws {
        let document = Document(path)
        let made = document.commands.compactMap(Manifests.made).joined()
        let image = document.dockerfiles.flatMap { $0 }.filter { $0.hasPrefix("ENV ") }.flatMap { line in
            Manifests.settings(line.dropFirst(4)).map { $0 }
        }
        for (index, manifest) in document.manifests.enumerated() {
            let file = directory.file("\(index).yaml")
            writeFile(file, manifest.joined(separator: "\n") + "\n" + made)
            let found = try Manifests.check([file])
            #expect(found.error == "\n", "\(manifest)\n\(found.error)")
            guard let line = found.output.split(separator: "\n", omittingEmptySubsequences: false).first else {
                continue
            }
            let settings = Dictionary(image, uniquingKeysWith: { $1 }).merging(Manifests.settings(line)) { $1 }
            let explained = try Stand.call(["explain"], settings)
            #expect(explained.code == 0, "\(settings): \(explained.error)")
        }
    }

    /// Each is built as an image of nothing, and Baton reads its environment as it would in a container.
    @Test(.needs("buildah"), .needsRoot, arguments: Document.paths)
    func theDockerfilesAreBuiltAndTheirSettingsAccepted(_ path: String) throws {
        let buildah = [
            "buildah", "--root", directory.file("storage"), "--runroot", directory.file("run"), "--storage-driver",
            "vfs",
        ]
        for lines in Document(path).dockerfiles {
            let kept = lines.filter { !$0.hasPrefix("FROM ") && !$0.hasPrefix("COPY ") }
            writeFile(directory.file("Dockerfile"), "FROM scratch\n" + kept.joined(separator: "\n") + "\n")
            let build = try RunningProcess(
                buildah + [
                    "bud", "--isolation=chroot", "-t", "shown", "-f", directory.file("Dockerfile"), directory.path,
                ])
            #expect(try build.wait(seconds: 60) == 0, "\(lines): \(build.error)")
            let format = "{{range .OCIv1.Config.Env}}{{println .}}{{end}}"
            let inspect = try RunningProcess(buildah + ["inspect", "--type", "image", "--format", format, "shown"])
            #expect(try inspect.wait() == 0, "\(inspect.error)")

            var settings: [String: String] = [:]
            for variable in inspect.output.split(separator: "\n") where variable.hasPrefix("BATON_") {
                let parts = variable.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                if parts.count == 2 { settings[String(parts[0])] = String(parts[1]) }
            }
            // A `$` that is not quoted is gone by now, with the name behind it.
            for match in kept.joined().matches(of: /BATON_[A-Z_]+/) {
                #expect(inspect.output.contains(match.output), "\(lines): \(inspect.output)")
            }
            let explained = try Stand.call(["explain"], settings)
            #expect(explained.code == 0, "\(settings): \(explained.error)")
        }
    }

    /// The README shows the quickstart's first change, and Operating.md what `status` and `history` say of one.
    @Test func theLogAndTheStatusThatAreShownAreBatons() throws {
        let volume = KubeletVolume(directory.file("config"))
        volume.write(["app.yaml": "0"])
        let control = ["BATON_CONTROL": directory.file("control.sock")]
        var settings = ["BATON_WATCH": volume.directory, "BATON_LISTEN": "http=tcp://127.0.0.1:0"]
        settings.merge(control) { $1 }
        let baton = try Stand.run([Stand.server, volume.directory + "/app.yaml"], settings)
        try baton.waitForError("generation 1 is ready")
        volume.write(["app.yaml": "1"])
        try baton.waitForError("generation 1 exited with code 0 after its drain")
        let status = try Stand.call(["status"], control).output
        let history = try Stand.call(["history"], control).output
        #expect(try baton.stop() == 0)

        let block = try #require(readme.blocks.first { $0.lines.first?.hasPrefix("Baton's log of") == true })
        let shown = block.lines.dropFirst().prefix { !$0.isEmpty }
        let log = baton.error.split(separator: "\n").drop { !$0.contains("change 1:") }.prefix(shown.count)
        #expect(shown.count == 6 && shown.map(Self.withoutFigures) == log.map(Self.withoutFigures))

        let operating = Document(Document.catalogue + "/Operating.md").blocks
        func shownOutput(of command: String) throws -> [String] {
            let lines = try #require(operating.first { $0.lines.contains { $0.hasSuffix(command) } }).lines
            return lines.drop { !$0.hasSuffix(command) }.dropFirst().prefix { !$0.hasPrefix("$ ") }.map { String($0) }
        }
        // Of the generations there are others, in other states.
        func comparable(_ lines: [String]) -> [String] {
            lines.filter { $0.wholeMatch(of: #/  [0-9]+ .+/#) == nil }.map(Self.withoutFigures)
        }
        #expect(
            comparable(try shownOutput(of: "baton status"))
                == comparable(status.split(separator: "\n").map(String.init)))
        let entry = try #require(history.split(separator: "\n").first)
        #expect(try shownOutput(of: "baton history").first.map(Self.withoutFigures) == Self.withoutFigures(entry))
    }

    /// What differs from run to run is `#`: digests, numbers with their unit, paths, the width of columns.
    private static func withoutFigures(_ line: some StringProtocol) -> String {
        String(line).replacing(/[0-9a-f]{12}/, with: "#").replacing(/[0-9][0-9.]*(?:us|ms|s\b)?/, with: "#")
            .replacing(#//[^ ]+/#, with: "/").replacing(#/ +/#, with: " ").trimmingPrefix(" ").description
    }

    /// Its first setup, on this machine's nginx and in a folder that stands for the one in the container.
    @Test(.needs("nginx")) func theFirstSetupHandsOver() throws {
        let lines = try #require(readme.dockerfiles.first { $0.contains("STOPSIGNAL SIGTERM") })
        let environment = try #require(lines.first { $0.hasPrefix("ENV ") })
        let command = try #require(lines.first { $0.hasPrefix("CMD ") }).split(separator: "\"").enumerated()
            .filter { $0.offset % 2 == 1 }.map { String($0.element) }
        let shown: [String] = readme.blocks.flatMap(\.commands)
        let writes = try #require(shown.first { $0.contains("> conf/nginx.conf") })
        let written = writes.split(separator: "'").map(String.init)
        try #require(written.count == 3)
        let port = freePort()
        // What it has in the container, and nginx here may not write elsewhere.
        let watched = directory.file("conf")
        mkdir(watched, 0o755)
        let own = "pid \(directory.file("pid")); error_log stderr; "
        let configuration =
            own + written[1].replacing("listen 8080;", with: "access_log off; listen 127.0.0.1:\(port);")
        let file = watched + "/nginx.conf"
        writeFile(file, configuration)

        var settings = Manifests.settings(environment.dropFirst(4))
        try #require(settings["BATON_WATCH"] == "/etc/web")
        settings["BATON_WATCH"] = watched
        settings["BATON_CONTROL"] = "off"
        let baton = try Stand.run(command.map { $0.replacing("/etc/web", with: watched) }, settings)
        try waitForAnswer(port: port, "hello\n")
        replaceFile(file, configuration.replacing("hello", with: "bye"))
        try baton.waitForError("is applied by handover")
        try waitForAnswer(port: port, "bye\n")
        #expect(try baton.stop() == 0)
    }
}
