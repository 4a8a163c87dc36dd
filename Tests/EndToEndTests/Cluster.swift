import Glibc
import TestSupport

/// A cluster: the server, what it holds, and the files that kubelet would mount.
final class Cluster {
    let directory: TemporaryDirectory
    let server: RunningProcess
    let port: String
    var objects: [String: [String: String]]
    var files: [String: String] = [:]
    var mode = ""
    var extra = ""

    init(_ directory: TemporaryDirectory, _ objects: [String: [String: String]], tokens: [String] = ["good"]) throws {
        self.directory = directory
        self.objects = objects
        Self.makeCertificates(directory)
        for (name, text) in [
            ("token", "good"), ("namespace", "fixture"), ("ca.crt", readFile(directory.file("ca.crt"))),
        ] {
            mkdir(directory.file("account"), 0o755)
            writeFile(directory.file("account/" + name), text)
        }
        writeFile(directory.file("control.json"), Self.control(objects, [:], "", "\"tokens\": [\"good\"]"))
        let script =
            Stand.resource("api-server.py")
        let server = try RunningProcess([Stand.python, script, directory.path])
        try server.waitForOutput("port ")
        self.server = server
        port = String(server.output.split(separator: " ").last?.split(separator: "\n").first ?? "")
        extra = "\"tokens\": [\"good\"]"
    }

    deinit { server.signal(SIGKILL) }

    private static func makeCertificates(_ directory: TemporaryDirectory) {
        let script = """
            cd \(directory.path) && for name in ca other; do
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout $name.key -out $name.crt \
              -subj /CN=$name -days 30; done
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key.pem -out request.pem -subj /CN=api
            printf 'subjectAltName=IP:127.0.0.1,DNS:localhost' > names
            openssl x509 -req -in request.pem -CA ca.crt -CAkey ca.key -CAcreateserial -out cert.pem -days 30 -extfile names
            """
        _ = try? RunningProcess(["sh", "-c", script]).wait()
    }

    private static func json(_ map: [String: String]) -> String {
        "{" + map.map { "\"\($0.key)\": \"\($0.value)\"" }.sorted().joined(separator: ", ") + "}"
    }

    private static func control(
        _ objects: [String: [String: String]], _ files: [String: String], _ mode: String, _ extra: String
    ) -> String {
        let items = objects.map { "\"\($0.key)\": {\"data\": \(json($0.value))}" }.sorted().joined(separator: ", ")
        return
            "{\"objects\": {\(items)}, \"files\": \(json(files)), \"mode\": {\(mode)}\(extra.isEmpty ? "" : ", " + extra)}"
    }

    /// Lays down what there is and how to misbehave.
    func update() { replaceFile(directory.file("control.json"), Self.control(objects, files, mode, extra)) }

    func set(_ object: String, _ data: [String: String]) {
        objects[object] = data
        update()
    }

    func misbehave(_ mode: String) {
        self.mode = mode
        update()
    }

    /// What a Baton below it is to know.
    func settings(_ watch: String, stage: String) -> [String: String] {
        [
            "KUBERNETES_SERVICE_HOST": "127.0.0.1", "KUBERNETES_SERVICE_PORT": port,
            "BATON_SERVICE_ACCOUNT": directory.file("account"), "BATON_STAGE": stage, "BATON_WATCH": watch,
        ]
    }

    var requests: String { readFile(directory.file("requests.log")) }

    /// Baton's agent, once it runs.
    static func agent(of baton: RunningProcess) throws -> pid_t {
        var found: pid_t?
        try waitUntil("the agent") {
            found = children(of: baton.pid).first { readFile("/proc/\($0)/comm").hasPrefix("baton-agent") }
            return found != nil
        }
        return found ?? 0
    }
}
