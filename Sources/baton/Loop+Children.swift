import BatonCore
import BatonLaunch
import BatonLinux
import BatonWatch
import Glibc

// The ends of all that Baton has started.
extension Loop {
    /// Reaped in one round, so that no flood of ends keeps the loop from the rest.
    private static let reapLimit = 1024

    func reap() {
        var ended: [(GenerationProcess, ExitStatus)] = []
        mayReapMore = false
        var count = 0
        rounds: while true {
            guard count < Loop.reapLimit else {
                mayReapMore = true
                break
            }
            count += 1
            switch Reaper.next() {
            case .ended(let pid, let status): childEnded(pid, status, &ended)
            case .stopped(let pid, let signal):
                // SIGSTOP is a debugger's or an operator's business; the terminal's stops are the whole job's.
                if signal.isTerminalStop, let generation = generations.values.first(where: { $0.pid == pid }) {
                    enqueue(.appStopped(generation.number))
                }
            case .continued: break
            case .nothing: break rounds
            case .noChildren:
                enqueueEnds(ended)
                enqueue(.childrenGone)
                return
            }
        }
        enqueueEnds(ended)
        if supervisor.phase == .stopping, generations.isEmpty, onlyHelpersAreLeft { enqueue(.childrenGone) }
    }

    /// Helpers that were killed and hang in a dead file system: a stop does not wait for what is none of the app's.
    private var onlyHelpersAreLeft: Bool {
        let helpers = watcher.sightings.helperProcesses + environmentFiles.helperProcesses
        guard !helpers.isEmpty else { return false }
        return Procfs.descendants(of: .own).allSatisfy { helpers.contains($0) }
    }

    private func childEnded(_ pid: ProcessID, _ status: ExitStatus, _ ended: inout [(GenerationProcess, ExitStatus)]) {
        if let copy = snapshotCopy, copy.pid == pid {
            snapshotCopy = nil
            copied(copy, status)
        } else if let validator, validator.pid == pid {
            self.validator = nil
            var verdict = Supervisor.Verdict(status, reason: "the validator \(status)\(Self.advice(status))")
            if case .rejected(let reason) = verdict { verdict = .rejected("\(reason); its output is in the log") }
            enqueue(.validated(validator.number, verdict))
        } else if let reloader, reloader.pid == pid {
            self.reloader = nil
            let failure = status == .exited(0) ? nil : "the reload command \(status)\(Self.advice(status))"
            enqueue(.reloadFinished(reloader.change, failure: failure))
        } else if let agent, agent.pid == pid {
            readAgent()
            descriptors.remove(.agent)
            self.agent = nil
            enqueue(.agentEnded(status))
        } else if let generation = generations.values.first(where: { $0.pid == pid && !$0.isMainReaped }) {
            generation.isMainReaped = true
            ended.append((generation, status))
        } else if let generation = generations.values.first(where: { $0.probe == pid }) {
            generation.probe = nil
            if settings.ready.asksTheSocket { endProbe() }
            enqueue(.probeFinished(generation.number, isReady: status == .exited(0)))
        } else if let generation = generations.values.first(where: { $0.group == pid && !$0.isMainReaped }) {
            // The process that Baton started has made way for the one named by MAINPID; if that is gone too, this is the end.
            if !Processes.exists(generation.pid) {
                generation.isMainReaped = true
                ended.append((generation, status))
            }
        }
    }

    private static func advice(_ status: ExitStatus) -> String {
        status == .exited(127) ? " (command not found, or not executable)" : ""
    }

    /// Told only now that the whole batch is reaped: members of a group often die together.
    private func enqueueEnds(_ ended: [(GenerationProcess, ExitStatus)]) {
        for (generation, status) in ended {
            readNotifications(generation)
            readLaunchReport(generation)
            // A launch that failed has been told as such, and is forgotten.
            guard generations[generation.number] != nil else { continue }
            let successor = successor(of: generation, status)
            let leftovers = Processes.groupExists(generation.group)
            enqueue(.exited(generation.number, status, leftovers: leftovers, successor: successor))
            if !leftovers { forget(generation.number) }
        }
        for generation in generations.values where generation.isMainReaped { checkGroup(generation) }
    }

    func checkGroup(_ generation: GenerationProcess) {
        guard generation.isMainReaped, !Processes.groupExists(generation.group) else { return }
        forget(generation.number)
        enqueue(.groupEmptied(generation.number))
    }
}
