import Glibc
import TestSupport
import Testing

/// Files that are followed over HTTPS.
@Suite(.serialized, .needsAgent) struct AgentURLTests: AgentSuite {
    let directory = TemporaryDirectory()

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
        try baton.waitForError(": the server answers with status 503; its last content stays in force", seconds: 30)
        cluster.mode = ""
        cluster.files = ["page": String(repeating: "x", count: 2000)]
        cluster.update()
        cluster.files = ["page": "three"]
        cluster.update()
        try baton.waitForOutput("sees threethree.", seconds: 60)
        #expect(!baton.error.contains("sesame"))
        try baton.stop(expecting: 0, 143)
    }

    @Test(arguments: [
        ("circle", "", "too many redirects"), ("page", "BATON_URL_SIZE_LIMIT=10", "it is larger than 10 bytes"),
        ("page", "BATON_URL_CA_FILE=/nowhere", "/nowhere does not contain readable certificates (BATON_URL_CA_FILE)"),
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
        try baton.stop()
    }
}
