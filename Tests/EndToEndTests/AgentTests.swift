import Glibc
import TestSupport
import Testing

/// The agent under Baton, against a server that speaks the Kubernetes API's wire format over TLS with an authority of its own
/// (api-server.py), in good days and in bad ones.
@Suite(.serialized, .needsAgent) struct AgentTests {
    private let directory = TemporaryDirectory()

    private var stage: String { directory.file("stage") }

    /// Prints its configuration when it starts and when it is told.
    private func reader(_ files: [String]) -> [String] {
        let paths = files.map { "\(stage)/\($0)" }.joined(separator: " ")
        return [
            "sh", "-c",
            "show() { echo \"sees $(cat \(paths) | tr '\\n' ' ').\"; }; trap show HUP; show; while :; do sleep 0.02; done",
        ]
    }

    private func start(_ cluster: Cluster, _ watch: String, _ command: [String], _ settings: [String: String] = [:])
        throws
        -> RunningProcess
    {
        let base = ["BATON_ON_CHANGE": "reload", "BATON_POLL_INTERVAL": "200ms"]
        return try Stand.run(
            command,
            base.merging(cluster.settings(watch, stage: stage)) { own, _ in own }.merging(settings) { _, new in new })
    }

    private func stop(_ baton: RunningProcess) throws {
        baton.signal(SIGTERM)
        #expect([0, 143].contains(try baton.wait()), "\(baton.error.suffix(2000))")
    }

    // MARK: good days

    @Test func aConfigMapReachesTheAppAtOnceAndASecretIsForItsOwnerAlone() throws {
        let cluster = try Cluster(
            directory, ["configmap/fixture/web": ["page": "one"], "secret/fixture/tls": ["key": "aHVudGVyMg=="]])
        let baton = try start(
            cluster, "configmap/web,secret/tls/key", reader(["configmap/web/page", "secret/tls/key"]))
        try baton.waitForOutput("sees onehunter2.")
        cluster.set("configmap/fixture/web", ["page": "two", "more": "x"])
        try baton.waitForOutput("sees twohunter2.")
        cluster.set("secret/fixture/tls", ["key": "c2VzYW1l"])
        try baton.waitForOutput("sees twosesame.")
        var info = stat()
        #expect(stat("\(stage)/secret/tls/key", &info) == 0 && info.st_mode & 0o777 == 0o600)
        #expect(stat("\(stage)/configmap/web/more", &info) == 0 && info.st_mode & 0o777 == 0o644)
        #expect(
            !baton.error.contains("hunter2") && !baton.error.contains("sesame") && !baton.error.contains("aHVudGVyMg"))
        // A key that goes, goes here too.
        cluster.set("configmap/fixture/web", ["page": "three"])
        try baton.waitForOutput("sees threesesame.")
        try waitUntil("the key to go") { stat("\(stage)/configmap/web/more", &info) != 0 }
        try stop(baton)
    }

    @Test func whatIsNotTheAgentsStaysAndIsTold() throws {
        let cluster = try Cluster(directory, ["configmap/fixture/web": ["page": "one"]])
        let baton = try start(cluster, "configmap/web", reader(["configmap/web/page"]))
        try baton.waitForOutput("sees one.")
        let own = "\(stage)/..agent/configmap/web"
        writeFile("\(own)/notes", "mine")
        writeFile("\(own)/more", "mine")
        cluster.set("configmap/fixture/web", ["page": "two"])
        try baton.waitForOutput("sees two.")
        try baton.waitForError("\(own)/notes is on the stage and is not Baton's: Baton leaves it alone")
        cluster.set("configmap/fixture/web", ["page": "three", "more": "x"])
        try baton.waitForError("cannot lay configmap/web on the stage: \(own)/more is there already and is not Baton's")
        #expect(readFile("\(own)/page") == "two" && readFile("\(own)/more") == "mine")
        unlink("\(own)/more")
        try baton.waitForOutput("sees three.")
        #expect(readFile("\(own)/more") == "x" && readFile("\(own)/notes") == "mine")
        #expect(occurrences(of: "notes is on the stage", in: baton.error) == 1)
        try stop(baton)
    }

    @Test func theAppIsNotStartedBeforeItsConfigurationIsThere() throws {
        let cluster = try Cluster(directory, [:])
        let baton = try start(cluster, "configmap/web,configmap/extra?optional", reader(["configmap/web/page"]))
        try baton.waitForError("configmap/web does not exist in namespace fixture")
        #expect(!baton.error.contains("starting generation"))
        cluster.set("configmap/fixture/web", ["page": "here"])
        try baton.waitForOutput("sees here.")
        // Deleted: the last good stays.
        cluster.objects = [:]
        cluster.update()
        try baton.waitForError("configmap/web does not exist in namespace fixture: its last content is kept")
        cluster.set("configmap/fixture/web", ["page": "again"])
        try baton.waitForOutput("sees again.")
        try stop(baton)
    }

    @Test func whoWaitsForASourceCanBeStopped() throws {
        let cluster = try Cluster(directory, [:])
        let baton = try start(cluster, "configmap/web", ["sleep", "1000"])
        try baton.waitForError("does not exist")
        baton.signal(SIGTERM)
        #expect(try baton.wait() == 143)
    }

    /// Replaced as a whole, and never seen in between, whatever the rate: the last one wins.
    @Test func tenThousandEventsInABurstEndInTheLast() throws {
        let cluster = try Cluster(directory, ["configmap/fixture/web": ["burst": "none"]])
        let baton = try start(cluster, "configmap/web", reader(["configmap/web/burst"]))
        try baton.waitForOutput("sees none.")
        cluster.extra = "\"tokens\": [\"good\"], \"burst\": {\"configmap/fixture/web\": 10000}"
        cluster.update()
        try baton.waitForOutput("sees 10000.", seconds: 40)
        let changes = occurrences(of: "is applied by reload", in: baton.error)
        #expect(changes < 5000)
        try stop(baton)
    }

    @Test func aLargeObjectIsStagedWhole() throws {
        let large = String(repeating: "0123456789abcdef", count: 1 << 16)
        let cluster = try Cluster(directory, ["configmap/fixture/web": ["page": "small"]])
        let baton = try start(cluster, "configmap/web", reader(["configmap/web/page | wc -c"]))
        try baton.waitForOutput("sees 5 .")
        cluster.set("configmap/fixture/web", ["page": large])
        try baton.waitForOutput("sees \(large.utf8.count) .")
        try stop(baton)
    }

    // MARK: bad days

    /// In the midst of a stream: it ends, is cut off, turns to nonsense or to a trickle; what is asked next is refused.
    static let misdeeds = [
        "\"watch\": \"end\"", "\"watch\": \"cut\"", "\"watch\": \"garbage\"", "\"watch\": \"slow\"",
        "\"watch\": \"end\", \"expireBelow\": 1000000", "\"watch\": \"garbage\", \"watchlist\": false",
        "\"watch\": \"end\", \"status\": 500", "\"watch\": \"end\", \"status\": 429",
        "\"watch\": \"end\", \"status\": 401",
        "\"watch\": \"end\", \"forbid\": [\"watch\", \"list\"]",
        "\"watch\": \"end\", \"forbid\": [\"watch\", \"list\", \"get\"]",
    ]

    /// Whatever it was, once it is over the latest content is there; and what can be followed in spite of it is.
    @Test(arguments: misdeeds) func afterEveryMisdeedOfTheServerTheContentIsTheLatest(_ misdeed: String) throws {
        let cluster = try Cluster(directory, ["configmap/fixture/web": ["page": "one"]])
        let baton = try start(cluster, "configmap/web", reader(["configmap/web/page"]))
        try baton.waitForOutput("sees one.")
        let asked = cluster.requests.count
        cluster.misbehave(misdeed)
        if !misdeed.contains("slow") { try waitUntil("another request") { cluster.requests.count > asked } }
        cluster.set("configmap/fixture/web", ["page": "two"])
        let isRefused = misdeed.contains("status") || misdeed.contains("\"get\"")
        if !isRefused { try baton.waitForOutput("sees two.") }
        if misdeed.contains("\"get\"]") { try baton.waitForError("verbs: [get, list, watch]") }
        if misdeed.hasSuffix("\"list\"]") { try baton.waitForError("it is polled every 200ms") }
        cluster.misbehave("")
        cluster.set("configmap/fixture/web", ["page": "three"])
        try baton.waitForOutput("sees three.", seconds: 60)
        #expect(!baton.error.contains("the agent"))
        try stop(baton)
    }

    /// It keeps the connection, and says nothing any more: what changes meanwhile is seen all the same.
    @Test func aFrozenServerIsNotTrusted() throws {
        let cluster = try Cluster(directory, ["configmap/fixture/web": ["page": "one"]])
        let baton = try start(
            cluster, "configmap/web", reader(["configmap/web/page"]), ["BATON_API_SILENCE": "1s"])
        try baton.waitForOutput("sees one.")
        cluster.misbehave("\"watch\": \"freeze\"")
        cluster.set("configmap/fixture/web", ["page": "two"])
        try baton.waitForOutput("sees two.")
        try stop(baton)
    }

    @Test func aServerOfAnotherAuthorityIsNotTrusted() throws {
        let cluster = try Cluster(directory, ["configmap/fixture/web": ["page": "one"]])
        let good = readFile(directory.file("account/ca.crt"))
        replaceFile(directory.file("account/ca.crt"), readFile(directory.file("other.crt")))
        let baton = try start(cluster, "configmap/web", reader(["configmap/web/page"]))
        try baton.waitForError("the TLS handshake failed")
        #expect(cluster.requests.isEmpty)
        // The cluster's authority has been changed: it is read again.
        replaceFile(directory.file("account/ca.crt"), good)
        try baton.waitForOutput("sees one.")
        try stop(baton)
    }

    @Test func aNewTokenIsTakenFromItsFile() throws {
        let cluster = try Cluster(directory, ["configmap/fixture/web": ["page": "one"]])
        let baton = try start(cluster, "configmap/web", reader(["configmap/web/page"]))
        try baton.waitForOutput("sees one.")
        replaceFile(directory.file("account/token"), "new\n")
        cluster.extra = "\"tokens\": [\"new\"]"
        cluster.misbehave("\"watch\": \"end\"")
        cluster.set("configmap/fixture/web", ["page": "two"])
        try baton.waitForOutput("sees two.")
        #expect(!baton.error.contains("good") && !baton.error.contains("new\n"))
        try stop(baton)
    }

    @Test func withoutAServiceAccountItIsSaid() throws {
        let cluster = try Cluster(directory, [:])
        let baton = try start(cluster, "configmap/web", ["true"], ["BATON_SERVICE_ACCOUNT": "/nowhere"])
        try baton.waitForError("/nowhere/ca.crt cannot be read as certificates: is automountServiceAccountToken off?")
        baton.signal(SIGTERM)
        try baton.wait()
    }

    // MARK: the agent itself

    @Test func itHasNoRights() throws {
        let cluster = try Cluster(directory, ["configmap/fixture/web": ["page": "one"]])
        let baton = try start(cluster, "configmap/web", reader(["configmap/web/page"]))
        try baton.waitForOutput("sees one.")
        let status = readFile("/proc/\(try Cluster.agent(of: baton))/status")
        for name in ["CapPrm:", "CapEff:", "CapInh:", "CapAmb:"] {
            #expect(Stand.line(name, in: status) == "0000000000000000", "\(name)")
        }
        #expect(Stand.line("NoNewPrivs:", in: status) == "1")
        try stop(baton)
    }

    @Test(.needsRoot) func itRunsAsTheAppsUserWhoCanReadWhatItWrites() throws {
        chmod(directory.path, 0o755)
        let cluster = try Cluster(directory, ["secret/fixture/tls": ["key": "aHVudGVyMg=="]])
        let baton = try start(cluster, "secret/tls", reader(["secret/tls/key"]), ["BATON_USER": "65534"])
        try baton.waitForOutput("sees hunter2.")
        #expect(
            Stand.line("Uid:", in: readFile("/proc/\(try Cluster.agent(of: baton))/status"))?.hasPrefix("65534") == true
        )
        cluster.set("secret/fixture/tls", ["key": "c2VzYW1l"])
        try baton.waitForOutput("sees sesame.")
        try stop(baton)
    }

    /// A server whose page is a ConfigMap's, handed over at each change.
    private func serve() throws -> (Cluster, RunningProcess, port: UInt16) {
        let cluster = try Cluster(directory, ["configmap/fixture/web": ["page": "number 0"]])
        let port = freePort()
        let baton = try start(
            cluster, "configmap/web", [Stand.server, "\(stage)/configmap/web/page"],
            ["BATON_LISTEN": "tcp://127.0.0.1:\(port)", "BATON_ON_CHANGE": "handover"])
        try baton.waitForError("generation 1 is ready")
        return (cluster, baton, port)
    }

    /// Killed, stopped for good and killed again while clients ask without pause: nobody notices.
    @Test func itsDeathNeverTouchesTheApp() throws {
        let (cluster, baton, port) = try serve()
        let load = HTTPLoad(port: port)
        for round in 1...3 {
            let victim = try Cluster.agent(of: baton)
            if round == 2 {
                kill(victim, SIGSTOP)
                let requests = load.current.requests
                try waitUntil("answers while it stands still") { load.current.requests > requests + 300 }
            }
            kill(victim, SIGKILL)
            try baton.waitForError("the agent was ended by signal KILL", count: round)
            cluster.set("configmap/fixture/web", ["page": "number \(round)"])
            try waitUntil("an answer with the new content", seconds: 40) {
                load.current.firstSeen["number \(round)"] != nil
            }
        }
        let result = load.stop()
        #expect(result.failed == 0 && result.requests > 1000, "\(result.failures)")
        print("load: agent killed three times under load, \(result.failed) of \(result.requests) failed")
        try stop(baton)
    }

    /// Where memory is short the kernel takes the agent first: who asks the app notices nothing.
    @Test(.needsRoot, .needsMemoryGroup) func itDiesFirstWhereMemoryIsShort() throws {
        let group = try MemoryGroup(megabytes: 96)
        let (cluster, baton, port) = try serve()
        group.add(baton.pid)
        for child in Stand.children(of: baton.pid) { group.add(child) }
        let load = HTTPLoad(port: port)
        let hog = try RunningProcess([
            "sh", "-c", "echo $$ > \(group.path)/cgroup.procs && exec /usr/bin/python3 -c 'bytearray(400 << 20)'",
        ])
        try hog.wait()
        try baton.waitForError("the agent was ended by signal KILL")
        cluster.set("configmap/fixture/web", ["page": "number 1"])
        try waitUntil("an answer with the new content", seconds: 40) { load.current.firstSeen["number 1"] != nil }
        let result = load.stop()
        #expect(result.failed == 0 && result.requests > 100, "\(result.failures)")
        print("load: agent out of memory under load, \(result.failed) of \(result.requests) failed")
        try stop(baton)
    }

    @Test func withoutTheAgentsProgramItIsSaidAtTheStart() throws {
        let lonely = directory.file("baton")
        _ = try RunningProcess(["cp", Stand.baton, lonely]).wait()
        var options = RunningProcess.Options()
        options.environment = ["BATON_WATCH": "configmap/web", "BATON_STAGE": stage]
        let baton = try RunningProcess([lonely, "--", "true"], options)
        #expect(try baton.wait() == 71)
        #expect(baton.error.contains("cannot run \(directory.path)/baton-agent: No such file or directory"))
        #expect(baton.error.contains("need it beside baton"))
    }

    @Test func explainSaysHowTheyAreFollowed() throws {
        var options = RunningProcess.Options()
        options.environment = [
            "BATON_WATCH": "configmap/web,https://example.com/flags.json?key=hunter2", "BATON_STAGE": "/run/x",
        ]
        let baton = try RunningProcess([Stand.baton, "explain"], options)
        #expect(try baton.wait() == 0)
        #expect(baton.output.contains("configmap/web\n  what:     configmap of the Kubernetes API\n  strategy: api\n"))
        #expect(baton.output.contains("/run/x/configmap/web") && baton.output.contains("/run/x/url/flags.json"))
        #expect(!baton.output.contains("hunter2"))
    }

    // MARK: URLs

    @Test func aFileOverHTTPSIsFollowed() throws {
        let cluster = try Cluster(directory, [:])
        cluster.files = ["page": "one"]
        cluster.extra = "\"fileToken\": \"sesame\""
        cluster.update()
        writeFile(directory.file("file-token"), "sesame\r\n")
        let settings = [
            "BATON_URL_CA_FILE": directory.file("ca.crt"), "BATON_URL_INTERVAL": "100ms",
            "BATON_URL_TOKEN_FILE": directory.file("file-token"), "BATON_URL_SIZE_LIMIT": "1k",
        ]
        let base = "https://localhost:\(cluster.port)/files"
        let baton = try start(
            cluster, "\(base)/page,again=\(base)/moved", reader(["url/page/page", "url/again/again"]), settings)
        try baton.waitForOutput("sees oneone.")
        // Not modified: nothing comes over but the head.
        try waitUntil("a conditional request") { cluster.requests.contains("/files/page {} \"") }
        cluster.files = ["page": "two"]
        cluster.update()
        try baton.waitForOutput("sees twotwo.")
        cluster.misbehave("\"fileStatus\": 503")
        try baton.waitForError("cannot be followed: the server answers 503; the last content is kept", seconds: 30)
        cluster.mode = ""
        cluster.files = ["page": String(repeating: "x", count: 2000)]
        cluster.update()
        cluster.files = ["page": "three"]
        cluster.update()
        try baton.waitForOutput("sees threethree.", seconds: 60)
        #expect(!baton.error.contains("sesame"))
        try stop(baton)
    }

    @Test(arguments: [
        ("circle", "", "it redirects in a circle"), ("page", "BATON_URL_SIZE_LIMIT=10", "it is larger than 10 bytes"),
        ("page", "BATON_URL_CA_FILE=/nowhere", "/nowhere cannot be read as certificates (BATON_URL_CA_FILE)"),
        ("page", "BATON_URL_TOKEN_FILE=/nowhere", "/nowhere cannot be read (BATON_URL_TOKEN_FILE)"),
    ]) func aURLThatCannotBeFollowedIsToldAbout(_ path: String, _ setting: String, _ words: String) throws {
        let cluster = try Cluster(directory, [:])
        cluster.files = ["page": "longer than ten bytes"]
        cluster.update()
        var settings = ["BATON_URL_CA_FILE": directory.file("ca.crt")]
        let parts = setting.split(separator: "=").map(String.init)
        if parts.count == 2 { settings[parts[0]] = parts[1] }
        let baton = try start(cluster, "https://localhost:\(cluster.port)/files/\(path)", ["true"], settings)
        try baton.waitForError(words)
        #expect(!baton.error.contains("starting generation"))
        baton.signal(SIGTERM)
        try baton.wait()
    }
}
