import BatonCore
import BatonLinux
import CBatonShims
import Glibc
import TestSupport
import Testing

@testable import BatonLaunch

@Suite(.serialized) struct AdoptionProbeTests {
    private func openDescriptors() -> Int {
        (0..<256).count { fcntl(Int32($0), F_GETFD) >= 0 }
    }

    /// Neither a descriptor nor a zombie is left, whatever has come of it.
    @Test(arguments: [Interval.seconds(2), .zero]) func nothingOfTheTryIsLeft(_ patience: Interval) {
        let before = openDescriptors()
        let finding = AdoptionProbe.run(asksOptions: true, patience: patience)
        if patience == .zero { #expect(finding == .noAnswer) } else { #expect(finding != .noAnswer) }
        #expect(openDescriptors() == before)
        let children = readFile("/proc/self/task/\(getpid())/children").split(separator: " ")
        let names = children.map { readFile("/proc/\($0)/comm") }
        #expect(names.isEmpty, "\(names)")
    }

    @Test(
        arguments: [
            (.fails(.filter, errno: EINVAL), "gVisor"), (.fails(.filter, errno: ENOSYS), "forbids seccomp(2)"),
            (.fails(.filter, errno: EBUSY), "another program already receives"),
            (.fails(.receive, errno: EMFILE), "ulimit -n"),
            (.fails(.replace, errno: EINVAL), "older than 5.9"), (.fails(.replace, errno: 0), "does nothing"),
            (.fails(.letThrough, errno: EINVAL), "older than 5.5"),
            (.fails(.answer, errno: EPERM), "profile forbids it"),
            (.ended(.signalled(SIGSYS)), "SYS (bad system call): the container's seccomp profile forbids seccomp(2)"),
            (.ended(.signalled(SIGKILL)), "was killed by signal KILL"), (.noAnswer, "did not answer within 2s"),
            (.cannotTell(LinuxError("fork", "it", errno: EAGAIN)), "can be intercepted: cannot fork it"),
        ] as [(AdoptionProbe.Finding, String)])
    func whatFailedIsToldInWords(_ finding: AdoptionProbe.Finding, _ words: String) {
        #expect(
            LaunchWording.adoptionRefusal(finding)?.contains(words) == true,
            "\(LaunchWording.adoptionRefusal(finding) ?? "")")
    }

    /// In a process of its own, whose limit is nobody else's.
    @Test func aListenerForWhichThereIsNoRoomIsLostAndSaidToBe() async {
        await #expect(processExitsWith: .exitCode(3)) {
            var ends: [Int32] = [-1, -1]
            guard socketpair(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue), 0, &ends) == 0 else { exit(1) }
            baton_send_report(ends[1], Int32(BATON_LAUNCH_STAGE_ADOPT.rawValue), 0, 0)
            while dup(0) >= 0 {
                var limit = rlimit(rlim_cur: 64, rlim_max: 64)
                setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
            }
            var report = baton_launch_report()
            var listener: Int32 = 7
            let count = baton_receive_report(ends[0], &report, &listener)
            exit(count == 1 && listener == Int32(BATON_LISTENER_LOST) && report.error == 0 ? 3 : 4)
        }
        let words = LaunchWording.adoptionRefusal(LaunchWording.lostListener)
        #expect(words.contains("(EMFILE); Baton has no free descriptor") && words.contains("(ENOSYS)"))
    }

    @Test func nothingIsToldWhereItWorks() { #expect(LaunchWording.adoptionRefusal(.works) == nil) }
}
