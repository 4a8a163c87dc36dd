import BatonAgentCore
import BatonCore
import BatonLinux
import CBatonShims
import Glibc

/// Everything that speaks to the network, beside PID 1 and under its supervision: follows the remote sources of BATON_WATCH
/// and lays what they hold on the stage.
@main
enum Agent {
    static func main() async {
        // Where memory is short the agent goes first (proc_pid_oom_score_adj(5)): it is started again, the app may not be.
        writeOwnScore("1000")
        // What passes through here includes Secrets.
        baton_forbid_dumps()
        signal(SIGPIPE, SIG_IGN)
        let environment = EnvironmentVariable.all()
        let words = Array(CommandLine.arguments.dropFirst())
        if words.first == "check" { exit(Check.run(Array(words.dropFirst()), environment)) }
        guard let text = environment.first(where: { $0.isNamed("BATON_AGENT_FD") })?.value, let fd = Int32(text) else {
            StandardError().write("baton-agent: only baton can start this program")
            exit(64)
        }
        let link = Link(fd)
        await link.send(.hello(version: AgentMessage.version))
        let (settings, problems) = Settings.parse(
            environment.filter { !$0.isNamed("BATON_AGENT_FD") }.map { ($0.name, $0.value) })
        guard problems.isEmpty else { exit(Settings.exitCode) }
        guard let mounts = SubpathMount.all(arguments: words) else { exit(64) }
        await run(settings, environment, mounts, link)
    }

    /// Before dumps are forbidden, after which the file is root's.
    private static func writeOwnScore(_ score: String) {
        let fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC)
        guard fd >= 0 else { return }
        writeAll(fd, Array(score.utf8))
        close(fd)
    }

    private static func run(
        _ settings: Settings, _ environment: [EnvironmentVariable], _ mounts: [SubpathMount], _ link: Link
    ) async {
        let statistics = Statistics()
        await withTaskGroup(of: Void.self) { group in
            if let address = settings.admin { group.addTask { await Admin(link, statistics).serve(address) } }
            for mount in mounts {
                let directory = SnapshotStage.agentDirectory(of: settings.stage) + "/" + mount.stageDirectory
                group.addTask {
                    await SubpathFollower(
                        mount, API(settings, environment), pod: podName(environment), directory: directory, link,
                        statistics,
                        pollInterval: settings.pollInterval
                    ).follow()
                }
            }
            for (directory, sources) in Dictionary(grouping: settings.sources, by: \.stageDirectory) {
                guard let directory, let first = sources.first else { continue }
                let path = SnapshotStage.agentDirectory(of: settings.stage) + "/" + directory
                switch first {
                case .path: continue
                case .object(let object):
                    let stage = Stage(
                        path, isSecret: object.kind == .secret, sources.map(\.description), link, statistics)
                    group.addTask {
                        await KubernetesSource(
                            object, isOptional: sources.allSatisfy(\.isOptional),
                            API(settings, environment), stage, link, statistics, pollInterval: settings.pollInterval
                        ).follow()
                    }
                case .url(let source):
                    let stage = Stage(path, isSecret: false, sources.map(\.description), link, statistics)
                    group.addTask { await URLFollower(source, settings.url, stage, link, statistics).follow() }
                }
            }
            // Baton has gone, or wants it to.
            await link.untilClosed()
            group.cancelAll()
            exit(0)
        }
    }
}

/// POD_NAME where the user has set it from the Pod's own fields, as is the custom; else the host name, which is the Pod's name
/// unless it says otherwise.
private func podName(_ environment: [EnvironmentVariable]) -> String? {
    for name in ["POD_NAME", "HOSTNAME"] {
        if let value = environment.last(where: { $0.name == name })?.value, !value.isEmpty { return value }
    }
    return nil
}

extension SourceName {
    fileprivate var isOptional: Bool { if case .object(let object) = self { object.isOptional } else { false } }
}
