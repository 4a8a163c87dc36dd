import BatonCore
import BatonLinux
import CBatonShims
import Glibc

/// Tries out, before the app is started, whether its calls can be asked about and answered here: a child installs the filter,
/// and Baton answers it as it would answer the app. That the filter can be installed proves little: Linux 5.0 to 5.4 have it and
/// can neither let a call through nor replace a descriptor, and an app would wait in bind(2) for ever.
public enum AdoptionProbe {
    enum Step: Sendable, Hashable {
        case filter
        case receive
        case replace
        case letThrough
        /// No answer at all reaches the caller.
        case answer
    }

    enum Finding: Sendable, Hashable {
        case works
        /// With errno, or 0 where the kernel said yes and nothing has come of it.
        case fails(Step, errno: Int32)
        /// The child has ended before it could tell.
        case ended(ExitStatus)
        case noAnswer
        /// There could be no child.
        case cannotTell(LinuxError)
    }

    /// In all, until the child has told. It takes a millisecond; a machine under load is given time.
    static let patience = Interval.seconds(2)
    /// After it was killed or has closed its report.
    private static let endMilliseconds: Int32 = 1000

    /// Why adoption would not work here, in words; nil where it works. Forks, and has reaped the child when it returns.
    public static func refusal(asksOptions: Bool) -> String? {
        LaunchWording.adoptionRefusal(run(asksOptions: asksOptions))
    }

    static func run(asksOptions: Bool, patience: Interval = patience) -> Finding {
        var report: Int32 = -1
        let child = baton_start_probe(asksOptions, &report)
        guard child > 0 else {
            return .cannotTell(LinuxError("fork", "a process to test it", errno: errno))
        }
        let conversation = Conversation(report: FileDescriptor(owning: report))
        let finding = conversation.lead(until: Clock.now() + patience)
        // It has nothing more to do in any case, and may be the one that does not answer.
        if finding != nil { kill(child, SIGKILL) }
        var status: Int32 = 0
        let isReaped = baton_reap_probe(child, endMilliseconds, &status) == 1
        guard let finding else { return isReaped ? .ended(ExitStatus(waitStatus: status)) : .noAnswer }
        return finding
    }

    /// Baton's side.
    private final class Conversation {
        private let report: FileDescriptor
        private var listener: SeccompListener?
        private var isReplaced = false

        init(report: consuming FileDescriptor) { self.report = report }

        /// Nil where the child has ended without a word.
        func lead(until deadline: Instant) -> Finding? {
            while true {
                let left = (deadline - Clock.now()).nanoseconds
                guard left > 0 else { return .noAnswer }
                var pollers = [pollfd(fd: report.number, events: Int16(POLLIN), revents: 0)]
                if let listener { pollers.append(pollfd(fd: listener.number, events: Int16(POLLIN), revents: 0)) }
                guard poll(&pollers, nfds_t(pollers.count), Int32(clamping: left / 1_000_000 + 1)) > 0 else { continue }
                if pollers[0].revents != 0 {
                    switch readReport() {
                    case .success(nil): break
                    case .success(let finding?): return finding
                    case .failure: return nil
                    }
                } else if let listener, let finding = answer(listener) {
                    return finding
                }
            }
        }

        private struct Ended: Error {}

        private func readReport() -> Result<Finding?, Ended> {
            var content = baton_launch_report()
            var number: Int32 = -1
            let count = baton_receive_report(report.number, &content, &number)
            if number >= 0 { listener = SeccompListener(owning: number) }
            guard count != 0 else { return .failure(Ended()) }
            guard count > 0 else {
                return errno == EAGAIN ? .success(nil) : .success(.fails(.receive, errno: errno))
            }
            switch UInt32(bitPattern: content.stage) {
            case BATON_LAUNCH_STAGE_ADOPT.rawValue:
                return .success(number >= 0 ? nil : .fails(.receive, errno: EMFILE))
            case BATON_PROBE_FILTER.rawValue: return .success(.fails(.filter, errno: content.error))
            case BATON_PROBE_REPLACE.rawValue: return .success(.fails(.replace, errno: content.error))
            case BATON_PROBE_LET_THROUGH.rawValue: return .success(.fails(.letThrough, errno: content.error))
            case BATON_PROBE_WORKS.rawValue: return .success(.works)
            default: return .failure(Ended())
            }
        }

        /// The first call is answered as a bind of the app's is, the second one as what is none of Baton's business.
        private func answer(_ listener: SeccompListener) -> Finding? {
            switch listener.receive() {
            case .nothing: return nil
            // What has become of the child its report tells.
            case .ended:
                self.listener = nil
                return nil
            case .failed(let error): return .fails(.receive, errno: error.errno)
            case .notification(let notification):
                guard !isReplaced else {
                    listener.letThrough(notification)
                    return trouble(listener)
                }
                isReplaced = true
                guard case .listen(let target) = notification.call else { return .fails(.receive, errno: EINVAL) }
                do throws(LinuxError) {
                    try listener.replace(target, of: notification, with: report.number, closeOnExec: true)
                } catch {
                    return error.errno == ENOENT ? nil : .fails(.replace, errno: error.errno)
                }
                listener.answer(notification)
                return trouble(listener)
            }
        }

        private func trouble(_ listener: SeccompListener) -> Finding? {
            switch listener.takeTrouble() {
            case nil: nil
            case .denied(let error): .fails(.letThrough, errno: error.errno)
            case .unanswered(let error): .fails(.answer, errno: error.errno)
            }
        }
    }
}

extension ExitStatus {
    /// What wait(2) says of a process that has ended.
    fileprivate init(waitStatus status: Int32) {
        let signal = status & 0x7f
        self = signal == 0 ? .exited(status >> 8 & 0xff) : .signalled(signal)
    }
}
