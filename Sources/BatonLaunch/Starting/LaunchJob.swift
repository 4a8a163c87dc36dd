import BatonCore
import BatonLinux
import CBatonShims
import CLibcap
import Glibc

/// One program to start. Everything is prepared before the fork, since nothing may be allocated between fork and exec.
struct LaunchJob {
    /// A descriptor of Baton's, and the number that it has in the program.
    struct Handed {
        let source: Int32
        let target: Int32
    }

    /// Whom the program runs as, and with what rights.
    struct Privileges {
        let identity: AppIdentity?
        let capabilities: IABTuple?
        let noNewPrivileges: Bool
    }

    /// The report is a descriptor, for the caller to own.
    typealias Launched = (pid: ProcessID, report: Int32)

    let command: [CText]
    let environment: [EnvironmentVariable]
    let handed: [Handed]
    var adoption = Plan.Adoption.no
    var asksOptions = false
    var takesTerminal = false
    /// Baton may sleep until the exec.
    var mayWait = false
    /// Stdin is Baton's; otherwise /dev/null.
    var hasInput = false
    /// Without capabilities, and without a way to any.
    var isUnprivileged = false

    init(_ command: [CText], _ environment: [EnvironmentVariable], handed: [Handed] = []) {
        self.command = command
        self.environment = environment
        self.handed = handed
    }

    private var program: CText { command.first ?? CText("") }

    func start(_ privileges: Privileges) throws(LinuxError) -> Launched {
        let path = environment.last { $0.isNamed("PATH") }?.valueAsCText
        let paths = CStringArray(CommandPaths.candidates(program, path: path))
        let arguments = CStringArray(command)
        let variables = LaunchVariables(environment)
        let sources = try HandedDescriptors(handed)
        var report: Int32 = -1
        let pid = withPlan(privileges, sources) { plan in
            plan.paths = UnsafePointer(
                UnsafeRawPointer(paths.pointer).assumingMemoryBound(to: UnsafePointer<CChar>?.self))
            plan.argv = arguments.pointer
            plan.envp = variables.texts.pointer
            plan.pid_slot = variables.pidSlot
            return withExtendedLifetime((paths, arguments, variables)) { baton_launch(&plan, &report) }
        }
        guard pid > 0 else { throw LinuxError("fork for", program.text, errno: errno) }
        return (ProcessID(pid), report)
    }

    private func withPlan(
        _ privileges: Privileges, _ handed: HandedDescriptors, _ body: (inout baton_launch_plan) -> Int32
    ) -> Int32 {
        let groups = privileges.identity?.supplementary ?? []
        return handed.withPointers { sources, targets in
            groups.withUnsafeBufferPointer { groups in
                var plan = baton_launch_plan()
                plan.sources = sources.baseAddress
                plan.targets = targets.baseAddress
                plan.descriptor_count = Int32(targets.count)
                plan.may_wait = mayWait
                plan.terminal = takesTerminal ? 0 : -1
                plan.null_stdin = !hasInput
                // The kernel takes a filter from nobody who could gain privileges (seccomp(2)).
                plan.no_new_privs = privileges.noNewPrivileges || isUnprivileged || adoption.isActive
                plan.change_user = privileges.identity != nil
                plan.uid = privileges.identity?.uid ?? 0
                plan.gid = privileges.identity?.gid ?? 0
                plan.groups = groups.baseAddress
                plan.group_count = Int32(groups.count)
                plan.capabilities = isUnprivileged ? nil : privileges.capabilities?.pointer
                plan.drop_capabilities = isUnprivileged
                plan.adopt = adoption.launchPlan
                plan.asks_options = asksOptions
                return body(&plan)
            }
        }
    }
}

/// The environment as execve(2) takes it, with room for LISTEN_PID, whose value only the child knows.
private struct LaunchVariables {
    let texts: CStringArray
    /// Where the child writes its pid; nil where no sockets are handed over.
    let pidSlot: UnsafeMutablePointer<CChar>?

    init(_ environment: [EnvironmentVariable]) {
        guard environment.contains(where: { $0.isNamed("LISTEN_FDS") }) else {
            texts = CStringArray(environment.lazy.map(\.entry))
            pidSlot = nil
            return
        }
        let name = "LISTEN_PID"
        let slot = EnvironmentVariable(name: name, value: String(repeating: " ", count: 15))
        texts = CStringArray((environment + [slot]).lazy.map(\.entry))
        pidSlot = texts.text(at: environment.count).map { $0 + name.utf8.count + 1 }
    }
}

/// Copies of the descriptors to hand over, out of the way of the targets, so that no dup2(2) covers a source that is still to come.
private final class HandedDescriptors {
    private var sources: [Int32] = []
    private let targets: [Int32]

    init(_ handed: [LaunchJob.Handed]) throws(LinuxError) {
        targets = handed.map(\.target)
        let above = (targets.max() ?? 2) + 1
        for descriptor in handed {
            let copy = fcntl(descriptor.source, F_DUPFD_CLOEXEC, above)
            guard copy >= 0 else {
                throw LinuxError("pass", "descriptor \(descriptor.source)", errno: errno)
            }
            sources.append(copy)
        }
    }

    deinit { for source in sources { close(source) } }

    func withPointers<T>(_ body: (UnsafeBufferPointer<Int32>, UnsafeBufferPointer<Int32>) -> T) -> T {
        sources.withUnsafeBufferPointer { sources in targets.withUnsafeBufferPointer { body(sources, $0) } }
    }
}
