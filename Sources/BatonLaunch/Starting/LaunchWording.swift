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
            return .init(reason: "cannot pass the descriptors: \(words)", exitCode: 126)
        case BATON_LAUNCH_STAGE_NO_NEW_PRIVS.rawValue:
            return .init(reason: "cannot set no_new_privs: \(words)", exitCode: 126)
        case BATON_LAUNCH_STAGE_GROUPS.rawValue:
            return .init(reason: "cannot change the groups (BATON_USER): \(words); it needs CAP_SETGID", exitCode: 126)
        case BATON_LAUNCH_STAGE_USER.rawValue:
            return .init(reason: "cannot change the user (BATON_USER): \(words); it needs CAP_SETUID", exitCode: 126)
        case BATON_LAUNCH_STAGE_CAPABILITIES.rawValue:
            return .init(
                reason:
                    "cannot set the capabilities (BATON_CAPS): \(words); it needs CAP_SETPCAP and the capabilities that are passed on",
                exitCode: 126)
        case BATON_LAUNCH_STAGE_ADOPT.rawValue:
            return .init(reason: "\(adoptionRefusal(failure.error)) (BATON_ADOPT=on)", exitCode: systemCode)
        default: return .init(reason: "cannot start the app: \(words)", exitCode: 126)
        }
    }

    /// EX_OSERR of sysexits(3): it is not the app that fails, but what Baton was told to do for it.
    private static let systemCode: Int32 = 71

    /// In the place of an errno: the filter is there, and its listener was lost on the way to Baton for want of a descriptor.
    static let lostListener: Int32 = -1

    /// Of a generation's launch, and of the step before it that was tried out: the filter with its listener.
    static func adoptionRefusal(_ error: Int32) -> String {
        guard error != lostListener else {
            return
                "cannot intercept bind(2) and listen(2): \(errnoInWords(EMFILE)); Baton has no free descriptor for the "
                + "answers (ulimit -n), and these calls of this generation fail with \(errnoInWords(ENOSYS))"
        }
        let advice =
            switch error {
            case EBUSY: "; another program already receives seccomp notifications of this process"
            case EINVAL: "; the kernel is older than 5.0, or a sandbox without seccomp notifications (gVisor)"
            case ENOSYS: "; the kernel has no seccomp filters, or the container's seccomp profile forbids seccomp(2)"
            case EPERM, EACCES: "; the container's seccomp profile forbids it"
            case EMFILE: "; no free descriptor for the answers (ulimit -n)"
            default: ""
            }
        return "cannot intercept bind(2) and listen(2): \(errnoInWords(error))\(advice)"
    }

    /// What trying it out has found; nil where all is well.
    static func adoptionRefusal(_ finding: AdoptionProbe.Finding) -> String? {
        switch finding {
        case .works: return nil
        case .fails(.filter, let error): return adoptionRefusal(error)
        case .fails(.receive, EMFILE):
            return
                "cannot intercept bind(2) and listen(2): \(errnoInWords(EMFILE)); Baton has no free descriptor for "
                + "the answers (ulimit -n)"
        case .fails(.receive, let error):
            return "cannot receive calls of the app (SECCOMP_IOCTL_NOTIF_RECV): \(probed(error, since: "5.0"))"
        case .fails(.answer, let error):
            return "cannot answer calls of the app (SECCOMP_IOCTL_NOTIF_SEND): \(probed(error, since: "5.0"))"
        case .fails(.replace, let error):
            return "cannot replace a socket of the app (SECCOMP_IOCTL_NOTIF_ADDFD): "
                + probed(error, since: "5.9")
        case .fails(.letThrough, let error):
            return "cannot continue a call of the app (SECCOMP_USER_NOTIF_FLAG_CONTINUE): "
                + probed(error, since: "5.5")
        case .ended(.signalled(SIGSYS)):
            return "cannot intercept bind(2) and listen(2): the test process "
                + "\(ExitStatus.signalled(SIGSYS)) (bad system call): the container's seccomp profile forbids seccomp(2)"
        case .ended(let status):
            return "cannot intercept bind(2) and listen(2): the test process \(status)"
        case .noAnswer:
            return "cannot intercept bind(2) and listen(2): the test process did not answer within "
                + "\(AdoptionProbe.patience)"
        case .cannotTell(let error):
            return "cannot test whether bind(2) and listen(2) can be intercepted: \(error)"
        }
    }

    private static func probed(_ error: Int32, since version: String) -> String {
        switch error {
        case 0: "the kernel reports success and does nothing (gVisor?)"
        case EPERM, EACCES, ENOSYS: "\(errnoInWords(error)); the container's seccomp profile forbids it"
        default: "\(errnoInWords(error)); the kernel is older than \(version), or a seccomp profile forbids it"
        }
    }

    private static func execFailure(_ error: Int32, _ words: String, _ program: String) -> Supervisor.LaunchFailure {
        switch error {
        case ENOENT, ENOTDIR:
            let advice =
                program.contains("/")
                ? "check the path, and for a script the interpreter in its first line"
                : "no directory in PATH has it"
            return .init(reason: "cannot run \"\(program)\": \(words); \(advice)", exitCode: 127)
        case EACCES:
            return .init(
                reason:
                    "cannot run \"\(program)\": \(words); it needs the execute bit and a file system without noexec",
                exitCode: 126)
        case ENOEXEC:
            return .init(
                reason: "cannot run \"\(program)\": \(words); check that it is built for this processor", exitCode: 126)
        default: return .init(reason: "cannot run \"\(program)\": \(words)", exitCode: 126)
        }
    }
}
