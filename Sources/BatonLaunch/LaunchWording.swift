import BatonCore
import BatonLinux
import CBatonShims
import Glibc

/// A failed launch in words, with the exit code that shells give for it: 127 not found, 126 found but not to be run.
enum LaunchWording {
    static func failure(_ failure: baton_launch_report, _ program: String) -> Supervisor.LaunchFailure {
        let words = errnoInWords(failure.error)
        switch UInt32(bitPattern: failure.stage) {
        case BATON_LAUNCH_STAGE_EXEC.rawValue: return execFailure(failure.error, words, program)
        case BATON_LAUNCH_STAGE_DESCRIPTORS.rawValue:
            return .init(reason: "cannot hand over the descriptors: \(words)", exitCode: 126)
        case BATON_LAUNCH_STAGE_NO_NEW_PRIVS.rawValue:
            return .init(reason: "cannot set no_new_privs: \(words)", exitCode: 126)
        case BATON_LAUNCH_STAGE_GROUPS.rawValue:
            return .init(reason: "cannot change the groups (BATON_USER): \(words); CAP_SETGID is needed", exitCode: 126)
        case BATON_LAUNCH_STAGE_USER.rawValue:
            return .init(reason: "cannot change the user (BATON_USER): \(words); CAP_SETUID is needed", exitCode: 126)
        case BATON_LAUNCH_STAGE_CAPABILITIES.rawValue:
            return .init(
                reason:
                    "cannot set the capabilities (BATON_CAPS): \(words); CAP_SETPCAP and those passed on are needed",
                exitCode: 126)
        case BATON_LAUNCH_STAGE_ADOPT.rawValue:
            return .init(reason: "\(adoptionRefusal(failure.error)) (BATON_ADOPT=on)", exitCode: 126)
        default: return .init(reason: "cannot start it: \(words)", exitCode: 126)
        }
    }

    static func adoptionRefusal(_ error: Int32) -> String {
        let advice =
            switch error {
            case EBUSY: "; the container's own seccomp profile asks somebody already"
            case EINVAL, ENOSYS: "; the kernel is older than 5.9, or has no seccomp filters"
            case EPERM, EACCES: "; the container's seccomp profile forbids it"
            default: ""
            }
        return "cannot ask about the app's listening sockets: \(errnoInWords(error))\(advice)"
    }

    private static func execFailure(_ error: Int32, _ words: String, _ program: String) -> Supervisor.LaunchFailure {
        switch error {
        case ENOENT, ENOTDIR:
            let advice =
                program.contains("/")
                ? "check the path, and the interpreter that a script names in its first line"
                : "it is in no directory of PATH"
            return .init(reason: "cannot run \"\(program)\": \(words); \(advice)", exitCode: 127)
        case EACCES:
            return .init(
                reason:
                    "cannot run \"\(program)\": \(words); it needs the execute bit and a file system without noexec",
                exitCode: 126)
        case ENOEXEC:
            return .init(
                reason: "cannot run \"\(program)\": \(words); is it built for this processor?", exitCode: 126)
        default: return .init(reason: "cannot run \"\(program)\": \(words)", exitCode: 126)
        }
    }
}
