import Glibc
import TestSupport
import Testing

/// The agent under Baton, against a server that speaks the Kubernetes API's wire format over TLS with an authority of its own
/// (api-server.py), in good days and in bad ones.
@Suite(.serialized, .needsAgent) struct AgentTests: AgentSuite {
    let directory = TemporaryDirectory()

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
        try baton.stop(expecting: 0, 143)
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
        try baton.waitForError("\(own)/notes is on the stage, and Baton did not create it: Baton does not touch it")
        cluster.set("configmap/fixture/web", ["page": "three", "more": "x"])
        try baton.waitForError(
            "cannot write configmap/web to the stage: \(own)/more already exists, and Baton did not create it")
        #expect(readFile("\(own)/page") == "two" && readFile("\(own)/more") == "mine")
        unlink("\(own)/more")
        try baton.waitForOutput("sees three.")
        #expect(readFile("\(own)/more") == "x" && readFile("\(own)/notes") == "mine")
        #expect(occurrences(of: "notes is on the stage", in: baton.error) == 1)
        try baton.stop(expecting: 0, 143)
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
        try baton.waitForError("configmap/web does not exist in namespace fixture; its last content stays in force")
        cluster.set("configmap/fixture/web", ["page": "again"])
        try baton.waitForOutput("sees again.")
        try baton.stop(expecting: 0, 143)
    }

    @Test func whoWaitsForASourceCanBeStopped() throws {
        let cluster = try Cluster(directory, [:])
        let baton = try start(cluster, "configmap/web", ["sleep", "1000"])
        try baton.waitForError("does not exist")
        try baton.stop(expecting: 143)
    }

    /// Replaced as a whole, and never seen in between, whatever the rate: the last one wins.
    @Test func tenThousandEventsInABurstEndInTheLast() throws {
        let cluster = try Cluster(directory, ["configmap/fixture/web": ["burst": "none"]])
        let baton = try start(cluster, "configmap/web", reader(["configmap/web/burst"]))
        try baton.waitForOutput("sees none.")
        cluster.extra = "\"tokens\": [\"good\"], \"burst\": {\"configmap/fixture/web\": 10000}"
        cluster.update()
        try baton.waitForOutput("sees 10000.", seconds: 40)
        let changes = occurrences(of: "sent HUP to generation 1", in: baton.error)
        #expect(changes < 5000)
        try baton.stop(expecting: 0, 143)
    }

    @Test func aLargeObjectIsStagedWhole() throws {
        let large = String(repeating: "0123456789abcdef", count: 1 << 16)
        let cluster = try Cluster(directory, ["configmap/fixture/web": ["page": "small"]])
        let baton = try start(cluster, "configmap/web", reader(["configmap/web/page | wc -c"]))
        try baton.waitForOutput("sees 5 .")
        cluster.set("configmap/fixture/web", ["page": large])
        try baton.waitForOutput("sees \(large.utf8.count) .")
        try baton.stop(expecting: 0, 143)
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
        if misdeed.hasSuffix("\"list\"]") { try baton.waitForError("polling it every 200ms") }
        cluster.misbehave("")
        cluster.set("configmap/fixture/web", ["page": "three"])
        try baton.waitForOutput("sees three.", seconds: 60)
        #expect(!baton.error.contains("the agent"))
        try baton.stop(expecting: 0, 143)
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
        try baton.stop(expecting: 0, 143)
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
        try baton.stop(expecting: 0, 143)
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
        try baton.stop(expecting: 0, 143)
    }

    @Test func withoutAServiceAccountItIsSaid() throws {
        let cluster = try Cluster(directory, [:])
        let baton = try start(cluster, "configmap/web", ["true"], ["BATON_SERVICE_ACCOUNT": "/nowhere"])
        try baton.waitForError(
            "/nowhere/ca.crt does not contain readable certificates: check automountServiceAccountToken")
        try baton.stop()
    }
}
