import TestSupport
import Testing

/// Kubernetes manifests, checked offline.
enum Manifests {
    /// What is wrong with them goes to its stderr, the settings of Baton in them to its stdout, one file a line.
    static func check(_ files: [String]) throws -> RunningProcess {
        let process = try RunningProcess([Stand.python, Stand.resource("check-manifests.py")] + files)
        try process.wait()
        return process
    }

    /// Of one such line.
    static func settings(_ line: Substring) -> [String: String] {
        var settings: [String: String] = [:]
        for entry in line.split(separator: " ") {
            let parts = entry.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { settings[String(parts[0])] = String(parts[1]) }
        }
        return settings
    }

    /// The manifest of what a `kubectl create KIND NAME` makes, of the kinds that the documents make so. Nil where it is none.
    static func made(by command: [String]) -> String? {
        guard command.count > 3, command[0] == "kubectl", command[1] == "create" else { return nil }
        var options: [String: String] = [:]
        for word in command.dropFirst(4) {
            let parts = word.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { options[String(parts[0])] = String(parts[1]) }
        }
        let metadata = "metadata: { name: \(command[3]) }\n"
        switch (command[2], options.keys.sorted()) {
        case ("serviceaccount", []): return "---\napiVersion: v1\nkind: ServiceAccount\n" + metadata
        case ("role", ["--resource", "--resource-name", "--verb"]), ("role", ["--resource", "--verb"]):
            let names = options["--resource-name"].map { "    resourceNames: [\($0)]\n" } ?? ""
            return "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: Role\n" + metadata
                + "rules:\n  - apiGroups: ['']\n    resources: [\(options["--resource"] ?? "")]\n"
                + names + "    verbs: [\(options["--verb"]?.split(separator: ",").joined(separator: ", ") ?? "")]\n"
        case ("rolebinding", ["--role", "--serviceaccount"]):
            let account = options["--serviceaccount"]?.split(separator: ":").map(String.init) ?? []
            guard account.count == 2 else { return nil }
            return "---\napiVersion: rbac.authorization.k8s.io/v1\nkind: RoleBinding\n" + metadata
                + "subjects: [{ kind: ServiceAccount, name: \(account[1]), namespace: \(account[0]) }]\n"
                + "roleRef: { apiGroup: rbac.authorization.k8s.io, kind: Role, name: \(options["--role"] ?? "") }\n"
        default: return nil
        }
    }
}

extension Trait where Self == ConditionTrait {
    static var needsYAML: Self {
        .enabled(
            if: (try? RunningProcess([Stand.python, "-c", "import yaml"]).wait()) == 0,
            "needs /usr/bin/python3 with yaml")
    }
}
