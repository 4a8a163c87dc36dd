import Glibc
import TestSupport
import Testing

/// BATON_SUBPATH=stage: what kubelet never updates follows its object all the same. Real mounts, with the API's wire format
/// behind them.
@Suite(.serialized, .needsAgent, .needsRoot) struct SubpathTests {
    private let directory = TemporaryDirectory()
    private var etc: String { directory.file("etc") }
    private var stage: String { directory.file("stage") }
    private var configVolume: String { directory.file("volumes/kubernetes.io~configmap/config") }
    private var secretVolume: String { directory.file("secret") }

    /// A ConfigMap's volume on a disk and a Secret's on a tmpfs; a key of each is mounted by subPath into a directory of the
    /// image.
    private func mounts(config: String, secret: String) -> String {
        """
        rm -rf \(etc) \(directory.path)/volumes && mkdir -p \(etc) \(configVolume) \(secretVolume) && mount -t tmpfs tmpfs \(secretVolume) &&
        \(KubeletVolume.commands(configVolume, key: "app.yaml", config)) &&
        \(KubeletVolume.mountCommands(configVolume, key: "app.yaml", at: etc + "/app.yaml")) &&
        \(KubeletVolume.commands(secretVolume, key: "tls.crt", secret)) &&
        \(KubeletVolume.mountCommands(secretVolume, key: "tls.crt", at: etc + "/tls.crt")) && echo plain > \(etc)/plain.conf
        """
    }

    private var pod: String {
        """
        {"spec": {"containers": [{"name": "web", "volumeMounts": [
          {"name": "config", "mountPath": "\(etc)/app.yaml", "subPath": "app.yaml"},
          {"name": "tls", "mountPath": "\(etc)/tls.crt", "subPath": "tls.crt"}]}],
         "volumes": [{"name": "config", "configMap": {"name": "web", "items": [{"key": "page", "path": "app.yaml"}]}},
          {"name": "tls", "secret": {"secretName": "web-tls"}}]}}
        """
    }

    private func makeCluster() throws -> Cluster {
        let cluster = try Cluster(
            directory,
            ["configmap/fixture/web": ["page": "one"], "secret/fixture/web-tls": ["tls.crt": "aHVudGVyMg=="]])
        cluster.extra = "\"tokens\": [\"good\"], \"pods\": {\"web-0\": \(pod)}"
        cluster.update()
        return cluster
    }

    /// Prints the file that its argument names when it starts and when it is told.
    private let reader = [
        "sh", "-c",
        "show() { echo \"sees $(cat \"$1\").\"; }; trap 'show \"$1\"' HUP; show \"$1\"; while :; do sleep 0.02; done",
        "sh",
    ]

    private func start(
        _ cluster: Cluster, _ watch: String, argument: String, _ settings: [String: String] = [:],
        config: String = "one"
    ) throws -> Namespaced {
        let base = [
            "BATON_ON_CHANGE": "reload", "BATON_SUBPATH": "stage", "HOSTNAME": "web-0", "BATON_POLL_INTERVAL": "200ms",
        ]
        return try Stand.runAsPID1(
            reader + [argument],
            base.merging(cluster.settings(watch, stage: stage)) { own, _ in own }.merging(settings) { _, new in new },
            preparation: mounts(config: config, secret: "hunter2"))
    }

    @Test func theAppReadsTheObjectInThePlaceOfTheMount() throws {
        let cluster = try makeCluster()
        let baton = try start(cluster, "\(etc)/app.yaml", argument: "\(etc)/app.yaml")
        try baton.outer.waitForOutput("sees one.")
        try baton.outer.waitForError("reading \(etc)/app.yaml from the API: it is page of configmap/web")
        try baton.outer.waitForError("reading \(etc)/app.yaml from the API from now on")
        cluster.set("configmap/fixture/web", ["page": "two"])
        try baton.outer.waitForOutput("sees two.")
        // Half of what is needed is worse than what there was.
        cluster.set("configmap/fixture/web", ["other": "x"])
        try baton.outer.waitForError(
            "configmap/web does not have all of the keys page; its last content stays in force")
        // kubelet comes later, and brings no news.
        KubeletVolume(try baton.path(configVolume)).write(["app.yaml": "two"])
        cluster.set("configmap/fixture/web", ["page": "three"])
        try baton.outer.waitForOutput("sees three.")
        #expect(occurrences(of: "sees ", in: baton.outer.output) == 3)
        #expect(!baton.outer.error.contains("this mount still shows the old file"))
        #expect(baton.outer.error.contains("replaced \(etc)/app.yaml by \(stage)/files\(etc)/app.yaml"))
        try baton.stop(expecting: 143)
    }

    @Test func aSecretIsForTheAppsUserAloneAndInNoLog() throws {
        let cluster = try makeCluster()
        chmod(directory.path, 0o755)
        let baton = try start(
            cluster, "\(etc)/tls.crt", argument: "\(etc)/tls.crt", ["BATON_USER": "65534", "BATON_LOG_LEVEL": "debug"])
        try baton.outer.waitForOutput("sees hunter2.")
        try baton.outer.waitForError("from the API from now on")
        cluster.set("secret/fixture/web-tls", ["tls.crt": "c2VzYW1l"])
        try baton.outer.waitForOutput("sees sesame.")
        var info = stat()
        #expect(
            stat("\(stage)/files\(etc)/tls.crt", &info) == 0 && info.st_mode & 0o777 == 0o600 && info.st_uid == 65534)
        #expect(!baton.outer.error.contains("hunter2") && !baton.outer.error.contains("sesame"))
        #expect(!baton.outer.error.contains("c2VzYW1l"))
        try baton.stop(expecting: 143)
    }

    /// What the mount has is used until more is allowed.
    @Test func withoutTheRightTheRuleIsNamedAndTheMountStays() throws {
        let cluster = try makeCluster()
        cluster.misbehave("\"forbidPods\": true")
        let baton = try start(cluster, "\(etc)/app.yaml", argument: "\(etc)/app.yaml", config: "mounted")
        try baton.outer.waitForOutput("sees mounted.")
        try baton.outer.waitForError("{apiGroups: [\"\"], resources: [pods], verbs: [get]}")
        KubeletVolume(try baton.path(configVolume)).write(["app.yaml": "new"])
        try baton.outer.waitForError(
            "this mount still shows the old file: the app reads the old content until the agent may")
        cluster.misbehave("")
        try baton.outer.waitForOutput("sees one.", seconds: 30)
        try baton.stop(expecting: 143)
    }

    @Test func anUnknownPodIsToldInWords() throws {
        let cluster = try makeCluster()
        let baton = try start(
            cluster, "\(etc)/app.yaml", argument: "\(etc)/app.yaml", ["HOSTNAME": "node-7"])
        try baton.outer.waitForError(
            "no Pod node-7 in namespace fixture: if the host name is not the name of the Pod, set POD_NAME")
        try baton.stop(expecting: 143)
        let named = try start(
            cluster, "\(etc)/app.yaml", argument: "\(etc)/app.yaml", ["HOSTNAME": "node-7", "POD_NAME": "web-0"])
        try named.outer.waitForError("from the API from now on")
        try named.stop(expecting: 143)
    }

    /// The mounts lie within a directory that is watched, where nothing of them is seen.
    @Test func mountsHiddenInADirectoryAreFollowedToo() throws {
        let cluster = try makeCluster()
        let baton = try start(cluster, etc, argument: "\(etc)/app.yaml")
        try baton.outer.waitForOutput("sees one.")
        try baton.outer.waitForError("reading \(etc)/app.yaml from the API from now on")
        try baton.outer.waitForError("reading \(etc)/tls.crt from the API from now on")
        cluster.set("configmap/fixture/web", ["page": "two"])
        try baton.outer.waitForOutput("sees two.")
        #expect(readFile("\(stage)/files\(etc)/plain.conf") == "plain\n")
        #expect(readFile("\(stage)/files\(etc)/tls.crt") == "hunter2")
        try baton.stop(expecting: 143)
    }

    /// Watched without BATON_SUBPATH, too: the directory around such a mount shows nothing of its end.
    @Test func aMountHiddenInADirectoryIsSupersededInWords() throws {
        let baton = try Stand.runAsPID1(
            [Stand.probe, "wait", "0"],
            [
                "BATON_WATCH": etc, "BATON_POLL_INTERVAL": "1h", "BATON_AUDIT_INTERVAL": "100ms",
                "BATON_ON_CHANGE": "none",
            ],
            preparation: mounts(config: "one", secret: "two"))
        try baton.outer.waitForError("watching \(etc)/app.yaml (subPath mount) by poll")
        try baton.outer.waitForError("generation 1 is ready")
        KubeletVolume(try baton.path(configVolume)).write(["app.yaml": "new"])
        try baton.outer.waitForError("\(etc)/app.yaml was replaced, but this mount still shows the old file")
        // A change in the directory itself is seen by inotify: that it was superseded has cost it no trust.
        replaceFile(try baton.path("\(etc)/plain.conf"), "changed")
        try baton.outer.waitForError("change 1 is recorded")
        #expect(!baton.outer.error.contains("an audit found"))
        try baton.stop(expecting: 0)
    }

    @Test func withoutAnyAPIServerTheAppStartsAtOnce() throws {
        let baton = try Stand.runAsPID1(
            reader + ["\(etc)/app.yaml"],
            ["BATON_WATCH": "\(etc)/app.yaml", "BATON_SUBPATH": "stage", "BATON_STAGE": stage],
            preparation: mounts(config: "mounted", secret: "x"))
        try baton.outer.waitForOutput("sees mounted.")
        try baton.outer.waitForError("so the app reads the mount: ")
        try baton.stop(expecting: 143)
    }
}
