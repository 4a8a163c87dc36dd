public import BatonCore
import BatonLinux
import CBatonShims
import Glibc

// What becomes of a launch.
extension Launcher {
    /// What came over the launch report: nil while it may still fail.
    public func outcome(of generation: GenerationProcess) -> Result<Void, Supervisor.LaunchFailure>? {
        while let fd = generation.report?.number {
            var report = baton_launch_report()
            var listener: Int32 = -1
            let count = baton_receive_report(fd, &report, &listener)
            if count < 0, errno == EAGAIN { return nil }
            if listener == Int32(BATON_LISTENER_LOST) { report.error = LaunchWording.lostListener }
            let isAboutAdoption = report.stage == Int32(BATON_LAUNCH_STAGE_ADOPT.rawValue)
            if count > 0, isAboutAdoption, listener >= 0 {
                generation.calls = SeccompListener(owning: listener)
            } else if count > 0, isAboutAdoption, configuration.adoption != .must {
                generation.adoptionRefusal = LaunchWording.adoptionRefusal(report.error)
            } else {
                generation.report = nil
                guard count > 0 else { break }
                // Where only Baton's own side of adoption has failed the program may be running by now.
                if isAboutAdoption { Processes.signal(group: generation.group, .kill) }
                return .failure(LaunchWording.failure(report, configuration.command.first?.text ?? ""))
            }
        }
        return .success(())
    }
}
