import BatonCore
import Testing

@testable import BatonAgentCore

/// From a mount to the object behind it, by the spec of a Pod as a real API server gives it, and by crooked ones.
@Suite struct PodTraceTests {
    private func recorded() throws -> PodTrace { try PodTrace(Recorded("get-pod-with-subpath").body) }

    private func object(_ files: [String: String]) -> KubernetesObject {
        KubernetesObject(uid: "1", version: "1", files: files.mapValues { Array($0.utf8) })
    }

    @Test(arguments: [
        (SubpathMount(point: "/etc/web/app.yaml", volume: "config", path: "app.yaml"), "configmap/web", "app.yaml"),
        (SubpathMount(point: "/etc/web/app.yaml", volume: nil, path: "app.yaml"), "configmap/web", "app.yaml"),
        (SubpathMount(point: "/etc/tls/tls.crt", volume: nil, path: "tls.crt"), "secret/web-tls", "tls.crt"),
        // Renamed by `items`.
        (
            SubpathMount(point: "/etc/web/logging.conf", volume: "renamed", path: "conf/logging.conf"), "configmap/web",
            "log-level"
        ),
        // Mounted by way of a link: another path, the same volume and file.
        (SubpathMount(point: "/real/tls/tls.crt", volume: "tls", path: "tls.crt"), "secret/web-tls", "tls.crt"),
    ])
    func everyMountOfTheRecordedPodIsTraced(_ mount: SubpathMount, _ name: String, _ key: String) throws {
        let projection = try recorded().follow(mount)
        #expect(projection.object.description == name)
        #expect(projection.keys == [key])
        #expect(projection.content(of: object([key: "x", "other": "y"])) == [mount.fileName: Array("x".utf8)])
        #expect(projection.content(of: object(["other": "y"])) == nil)
    }

    @Test(arguments: [
        (SubpathMount(point: "/etc/web/none.yaml", volume: nil, path: "none.yaml"), "no container"),
        // Mounted whole, not by subPath.
        (SubpathMount(point: "/etc/web/all", volume: "config-dir", path: "all"), "no container"),
        (SubpathMount(point: "/etc/web/app.yaml", volume: "gone", path: "app.yaml"), "no container"),
    ])
    func whatIsNotThereIsToldInWords(_ mount: SubpathMount, _ words: String) throws {
        let trace = try recorded()
        let error = #expect(throws: PodTrace.Untraceable.self) { try trace.follow(mount) }
        #expect(error?.reason.contains(words) == true)
    }

    private func trace(mounts: String, volumes: String) throws -> PodTrace {
        try PodTrace(
            Array("{\"spec\": {\"containers\": [\(mounts)], \"volumes\": [\(volumes)]}}".utf8))
    }

    private func container(_ volume: String, _ point: String, _ subPath: String) -> String {
        "{\"volumeMounts\": [{\"name\": \"\(volume)\", \"mountPath\": \"\(point)\", \"subPath\": \"\(subPath)\"}]}"
    }

    private func configMap(_ volume: String, _ name: String, _ items: String = "") -> String {
        "{\"name\": \"\(volume)\", \"configMap\": {\"name\": \"\(name)\"\(items.isEmpty ? "" : ", \"items\": [\(items)]")}}"
    }

    @Test func containersThatMountDifferentThingsAtOnePathAreToldApartByTheVolumeOnly() throws {
        let trace = try trace(
            mounts: container("a", "/etc/app.yaml", "app.yaml") + "," + container("b", "/etc/app.yaml", "app.yaml"),
            volumes: configMap("a", "one") + "," + configMap("b", "two"))
        let error = #expect(throws: PodTrace.Untraceable.self) {
            try trace.follow(SubpathMount(point: "/etc/app.yaml", volume: nil, path: "app.yaml"))
        }
        #expect(error?.reason.contains("configmap/one, configmap/two") == true)
        let known = try trace.follow(SubpathMount(point: "/etc/app.yaml", volume: "b", path: "app.yaml"))
        #expect(known.object.name == "two")
    }

    @Test func sidecarsThatMountTheSameAreNoDoubt() throws {
        let both = container("a", "/etc/app.yaml", "./app.yaml") + "," + container("a", "/etc/app.yaml/", "app.yaml")
        let trace = try trace(mounts: both, volumes: configMap("a", "one"))
        #expect(
            try trace.follow(SubpathMount(point: "/etc/app.yaml", volume: nil, path: "app.yaml")).object.name == "one")
    }

    @Test func aDirectoryOfItemsIsTracedWithAllOfItsFiles() throws {
        let items =
            "{\"key\": \"a\", \"path\": \"conf/a.yaml\"}, {\"key\": \"b\", \"path\": \"conf/deep/b.yaml\"}, "
            + "{\"key\": \"c\", \"path\": \"other/c.yaml\"}, {\"key\": \"d\", \"path\": \"conf/../../d\"}"
        let trace = try trace(
            mounts: container("v", "/etc/conf", "conf"), volumes: configMap("v", "web", items))
        let projection = try trace.follow(SubpathMount(point: "/etc/conf", volume: "v", path: "conf"))
        let content = projection.content(of: object(["a": "1", "b": "2", "c": "3", "d": "4"]))
        #expect(content == ["a.yaml": Array("1".utf8), "deep/b.yaml": Array("2".utf8)])
    }

    @Test func projectedVolumesAreTracedWhereOneSourceHasThePath() throws {
        let projected = """
            {"name": "all", "projected": {"sources": [
              {"configMap": {"name": "web", "items": [{"key": "page", "path": "web/page"}]}},
              {"secret": {"name": "tls", "items": [{"key": "tls.crt", "path": "certs/tls.crt"}]}},
              {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
              {"serviceAccountToken": {"path": "token"}}]}}
            """
        let trace = try trace(
            mounts: container("all", "/tls.crt", "certs/tls.crt") + "," + container("all", "/labels", "labels"),
            volumes: projected)
        let projection = try trace.follow(SubpathMount(point: "/tls.crt", volume: nil, path: "certs/tls.crt"))
        #expect(projection.object.kind == .secret && projection.object.name == "tls" && projection.keys == ["tls.crt"])
        let error = #expect(throws: PodTrace.Untraceable.self) {
            try trace.follow(SubpathMount(point: "/labels", volume: nil, path: "labels"))
        }
        #expect(error?.reason.contains("no ConfigMap or Secret of volume all provides labels") == true)
    }

    @Test(arguments: ["", "{", "[]", "{\"spec\": 1}", "{\"spec\": {\"containers\": [{\"volumeMounts\": [{}]}]}}"])
    func whatIsNoPodIsToldWithoutAWordOfIt(_ body: String) {
        #expect(throws: Undecodable(reason: "the API server sent an invalid Pod")) { try PodTrace(Array(body.utf8)) }
    }
}
