import Glibc
import TestSupport
import Testing

/// The examples, run as a reader would.
@Suite(.serialized) struct ExamplesTests {
    private static let folder =
        Stand.package + "/examples"

    /// Hummingbird's own package takes minutes to build, and comes from the network: not here.
    @Test(
        .enabled(if: Stand.has("curl"), "needs curl"),
        arguments: [
            ("nginx", "nginx"), ("haproxy", "haproxy"), ("gunicorn", "gunicorn"), ("node", "node"), ("static", "cc"),
            ("redis", "redis-server"), ("env-from", "python3"),
        ].filter { Stand.has($0.1) })
    func anExampleDoesWhatItSays(_ name: String, _ server: String) throws {
        var options = RunningProcess.Options()
        options.environment = ["BATON": Stand.baton]
        let run = try RunningProcess([Self.folder + "/\(name)/run"], options)
        let code = try run.wait(seconds: 60)
        #expect(code == 0, "\(run.output)\(run.error)")
        #expect(run.output.contains("is applied by") && run.output.contains("stopped, exit code"))
        #expect(name == "redis" || run.output.contains(", failed: 0"))
    }

    @Test func everyExampleIsToldInAtMostAPage() {
        for name in listDirectory(Self.folder) where !name.contains(".") {
            let text = readFile("\(Self.folder)/\(name)/README.md")
            #expect(
                !text.isEmpty && text.split(separator: "\n", omittingEmptySubsequences: false).count <= 60, "\(name)")
        }
    }

    private var manifests: [String] {
        let folder = Self.folder + "/kubernetes"
        return listDirectory(folder).filter { $0.hasSuffix(".yaml") }.sorted().map { "\(folder)/\($0)" }
    }

    @Test(.needsYAML) func theManifestsAreWhatTheAPITakes() throws {
        #expect(manifests.count == 5)
        let found = try Manifests.check(manifests)
        #expect(found.error == "\n", "\(found.error)")
        // Their settings are Baton's.
        for line in found.output.split(separator: "\n") {
            let explain = try Stand.call(["explain"], Manifests.settings(line))
            #expect(explain.code == 0, "\(explain.error)")
        }
    }

    /// What finds nothing in a manifest that is wrong would prove nothing.
    @Test(
        .needsYAML,
        arguments: [
            ("mountPath: /etc/app", "mountpath: /etc/app", "has no field mountpath"),
            ("containerPort: 8080", "containerPort: http", "is of the wrong type"),
            ("name: config, mountPath", "name: conf, mountPath", "which is no volume"),
            ("matchLabels: { app: web }", "matchLabels: { app: other }", "selects other Pods"),
            ("kind: Deployment", "kind: Deploiment", "no such kind"),
        ])
    func aManifestThatIsWrongIsFound(_ right: String, _ wrong: String, _ words: String) throws {
        let directory = TemporaryDirectory()
        let text = readFile(Self.folder + "/kubernetes/volume.yaml")
        let parts = text.split(separator: right, maxSplits: 1, omittingEmptySubsequences: false)
        try #require(parts.count == 2)
        writeFile(directory.file("wrong.yaml"), parts.joined(separator: wrong))
        #expect(try Manifests.check([directory.file("wrong.yaml")]).error.contains(words))
    }
}
