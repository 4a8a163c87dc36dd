import Glibc
import TestSupport
import Testing

/// The agent as a process: its rights, its death, its absence.
@Suite(.serialized, .needsAgent) struct AgentProcessTests: AgentSuite {
    let directory = TemporaryDirectory()

    @Test func itHasNoRights() throws {
        let cluster = try Cluster(directory, ["configmap/fixture/web": ["page": "one"]])
        let baton = try start(cluster, "configmap/web", reader(["configmap/web/page"]))
        try baton.waitForOutput("sees one.")
        let status = readFile("/proc/\(try Cluster.agent(of: baton))/status")
        for name in ["CapPrm:", "CapEff:", "CapInh:", "CapAmb:"] {
            #expect(Stand.line(name, in: status) == "0000000000000000", "\(name)")
        }
        #expect(Stand.line("NoNewPrivs:", in: status) == "1")
        try baton.stop(expecting: 0, 143)
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
        try baton.stop(expecting: 0, 143)
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
            try baton.waitForError("the agent was killed by signal KILL", count: round)
            cluster.set("configmap/fixture/web", ["page": "number \(round)"])
            try waitUntil("an answer with the new content", seconds: 40) {
                load.current.firstSeen["number \(round)"] != nil
            }
        }
        let result = try load.stop(after: 1000)
        #expect(result.failed == 0, "\(result.failures)")
        print("load: agent killed three times under load, \(result.failed) of \(result.requests) failed")
        try baton.stop(expecting: 0, 143)
    }

    /// Where memory is short the kernel takes the agent first: who asks the app notices nothing.
    @Test(.needsRoot, .needsMemoryGroup) func itDiesFirstWhereMemoryIsShort() throws {
        let group = try MemoryGroup(megabytes: 96)
        let (cluster, baton, port) = try serve()
        group.add(baton.pid)
        for child in children(of: baton.pid) { group.add(child) }
        let load = HTTPLoad(port: port)
        let hog = try RunningProcess([
            "sh", "-c", "echo $$ > \(group.path)/cgroup.procs && exec /usr/bin/python3 -c 'bytearray(400 << 20)'",
        ])
        try hog.wait()
        try baton.waitForError("the agent was killed by signal KILL")
        cluster.set("configmap/fixture/web", ["page": "number 1"])
        try waitUntil("an answer with the new content", seconds: 40) { load.current.firstSeen["number 1"] != nil }
        let result = try load.stop(after: 100)
        #expect(result.failed == 0, "\(result.failures)")
        print("load: agent out of memory under load, \(result.failed) of \(result.requests) failed")
        try baton.stop(expecting: 0, 143)
    }

    @Test func withoutTheAgentsProgramItIsSaidAtTheStart() throws {
        let lonely = directory.file("baton")
        _ = try RunningProcess(["cp", Stand.baton, lonely]).wait()
        var options = RunningProcess.Options()
        options.environment = ["BATON_WATCH": "configmap/web", "BATON_STAGE": stage]
        let baton = try RunningProcess([lonely, "--", "true"], options)
        #expect(try baton.wait() == 71)
        #expect(baton.error.contains("cannot run \(directory.path)/baton-agent: No such file or directory"))
        #expect(baton.error.contains("need baton-agent in the same directory"))
    }

    @Test func explainSaysHowTheyAreFollowed() throws {
        let baton = try Stand.call(
            ["explain"],
            ["BATON_WATCH": "configmap/web,https://example.com/flags.json?key=hunter2", "BATON_STAGE": "/run/x"])
        #expect(baton.code == 0)
        #expect(baton.output.contains("configmap/web\n  what:     configmap of the Kubernetes API\n  strategy: api\n"))
        #expect(baton.output.contains("/run/x/configmap/web") && baton.output.contains("/run/x/url/flags.json"))
        #expect(!baton.output.contains("hunter2"))
    }
}
