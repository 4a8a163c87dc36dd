import BatonAgentCore
import BatonCore
import BatonLinux

/// Everything in Baton that reads what somebody else has written.
enum Readers {
    static let all: [String: @Sendable (Input) -> Void] = [
        "mountinfo": mountinfo, "settings": settings, "setting": setting, "notification": notification,
        "message": message, "record": record,
        "dotenv": dotenv, "watch": watch, "answer": answer, "pod": pod, "json": { syntax($0, .json) },
        "yaml": { syntax($0, .yaml) }, "accept": accept,
    ]

    /// /proc/self/mountinfo: mount points are named by whoever mounts.
    private static func mountinfo(_ input: Input) {
        let table = MountTable(parsing: input.text)
        let lines = input.bytes.count { $0 == UInt8(ascii: "\n") } + 1
        require(table.mounts.count <= lines, "one mount a line at most")
        for mount in table.mounts {
            _ = mount.isSuperseded
            if let part = mount.kubeletSubpath {
                require(Path(part.point) == mount.mountPoint, "a part is where it is mounted")
            }
            if mount.mountPoint.hasPrefix("/") {
                require(
                    table.mount(of: mount.mountPoint)?.mountPoint == mount.mountPoint, "a mount point is on its mount")
            }
        }
    }

    /// `NAME=value`, a line each: the environment of a container.
    private static func settings(_ input: Input) {
        let environment = input.lines.map { line in
            let parts = line.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (name: String(parts[0]), value: parts.count > 1 ? String(parts[1]) : "")
        }
        let (settings, problems) = Settings.parse(environment)
        for problem in problems {
            require(!problem.description.contains("\n"), "a problem is one line: \(problem.description)")
            require(problem.variable.hasPrefix("BATON_"), "a problem is with a variable of Baton's")
        }
        let again = Settings.parse(environment)
        require(again.0 == settings && again.1 == problems, "the same environment is read the same")
        _ = settings.listening(for: "nginx").mayHandOver
        _ = settings.sources.map(\.stagePath)
    }

    /// The value of one setting, which the first byte chooses: there, and not in finding names, is where reading goes wrong.
    private static func setting(_ input: Input) {
        let names = SettingDefinition.all.map(\.name)
        guard let first = input.bytes.first else { return }
        let value = String(decoding: input.bytes.dropFirst(), as: UTF8.self)
        let (settings, problems) = Settings.parse([(names[Int(first) % names.count], value)])
        require(problems.allSatisfy { !$0.description.contains("\n") }, "a problem is one line: \(problems)")
        _ = settings.listening(for: "nginx").mayHandOver
        _ = settings.sources.map(\.stagePath)
    }

    /// A datagram from the app.
    private static func notification(_ input: Input) {
        let read = Notification(datagram: input.bytes)
        if let pid = read.mainPID { require(pid > 1, "neither init nor a group is a main process") }
        if let status = read.status { require(status.count <= 200, "a status is short") }
        if let timeout = read.extendTimeout { require(timeout >= .zero, "no timeout ends before now") }
    }

    /// A line from the agent, which reads the network, to PID 1.
    private static func message(_ input: Input) {
        guard let read = AgentMessage(line: input.bytes) else { return }
        guard let again = AgentMessage(line: Array(read.line.utf8)) else {
            return require(read.line.utf8.count > AgentMessage.sizeLimit, "what is written can be read: \(read.line)")
        }
        require(
            AgentMessage(line: Array(again.line.utf8)) == again, "what is read and written stays the same: \(read.line)"
        )
    }

    /// A line of a Baton's answer, as `baton status` reads it.
    private static func record(_ input: Input) {
        guard let read = StatusRecord(line: input.bytes) else { return }
        require(!read.json.contains("\n"), "a record is one line")
        if let again = StatusRecord(line: Array(read.json.utf8)) {
            require(again.kind == read.kind, "what is written can be read: \(read.json)")
        }
    }

    private static func dotenv(_ input: Input) {
        let (variables, problems) = DotEnv.parse(input.bytes)
        for variable in variables { require(DotEnv.isName(variable.name), "a variable has a name: \(variable.name)") }
        let lines = input.bytes.count { $0 == UInt8(ascii: "\n") } + 1
        require(variables.count + problems.count <= lines, "a line is one variable or one problem at most")
        for problem in problems { require((1...lines).contains(problem.line), "a problem is in a line") }
    }

    /// What comes over a watch of the API, in parts as the network cuts them; the first byte says how large.
    private static func watch(_ input: Input) {
        let size = Int(input.bytes.first ?? 0) + 1
        var whole = LineSplitter(limit: 1 << 16)
        var parts = LineSplitter(limit: 1 << 16)
        let body = input.bytes.dropFirst()
        guard let lines = try? whole.add(body) else { return }
        var cut: [[UInt8]] = []
        var rest = body
        while !rest.isEmpty {
            guard let more = try? parts.add(rest.prefix(size)) else { return }
            cut += more
            rest = rest.dropFirst(size)
        }
        require(cut == lines, "however it is cut, the lines are the same")
        var informer = Informer(
            ObjectSource(kind: .configMap, namespace: nil, name: "web", key: nil, isOptional: false),
            namespace: "default",
            pollInterval: .seconds(5), seed: 1, at: Instant(nanoseconds: 0))
        var delivered: KubernetesObject?
        for (index, line) in lines.enumerated() {
            let now = Instant(nanoseconds: Int64(index) * 1_000_000_000)
            let answer: Informer.Answer
            do { answer = .event(try ObjectDecoder(.configMap).event(line)) } catch { answer = .broken(error.reason) }
            for case .deliver(let object) in informer.handle(answer, at: now) {
                require(object != delivered, "the same content is not delivered twice")
                delivered = object
            }
            require(informer.wait >= .zero && informer.wait <= .seconds(3600), "the next request is made in good time")
        }
    }

    /// Bodies of the API's answers to get, list and what is refused.
    private static func answer(_ input: Input) {
        for kind in [ObjectSource.Kind.configMap, .secret] {
            let decoder = ObjectDecoder(kind)
            _ = try? decoder.object(input.bytes)
            _ = try? decoder.list(input.bytes)
            _ = decoder.status(input.bytes, code: 403)
        }
    }

    /// The own Pod, as the API tells it.
    private static func pod(_ input: Input) {
        guard let trace = try? PodTrace(input.bytes) else { return }
        for path in ["app.yaml", "conf/app.yaml", "", "../x"] {
            let mount = SubpathMount(point: "/etc/app/app.yaml", volume: nil, path: path)
            guard let projection = try? trace.follow(mount) else { continue }
            _ = projection.content(of: KubernetesObject(uid: "1", version: "1", files: ["app.yaml": [1]]))
        }
    }

    private static func syntax(_ input: Input, _ syntax: Syntax) {
        // Nesting costs libyaml quadratic time, which the validator's timeout bounds.
        guard input.bytes.count < 4096 else { return }
        if let problem = SyntaxCheck.problem(in: input.bytes, as: syntax) {
            require(!problem.isEmpty && !problem.contains("\n"), "a problem is said in one line")
        }
    }

    /// A header of whoever asks for /metrics.
    private static func accept(_ input: Input) { _ = Metrics.Form(accept: input.text) }
}
