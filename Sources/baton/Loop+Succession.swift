import BatonCore
import BatonLaunch
import BatonLinux
import BatonWatch

// A main process that leaves its successor behind.
extension Loop {
    func noteSockets(besides number: GenerationNumber) {
        for other in generations.values where other.number != number { other.noteSockets(access) }
    }

    /// Looked for only where one counts, as the look costs something.
    func successor(of generation: GenerationProcess, _ status: ExitStatus) -> ProcessID? {
        guard supervisor.mayBeSucceeded(generation.number, status, at: Clock.now()) else { return nil }
        let others = generations.values.filter { $0.number != generation.number }
        let groups = Set(others.map(\.group))
        let own = Set(helpers + others.flatMap { [$0.pid, $0.probe].compactMap(\.self) })
        let candidates = Procfs.childrenAtAGlance(of: .own).filter { pid in
            !own.contains(pid) && !Procfs.isZombie(pid) && !groups.contains(Procfs.processGroup(of: pid) ?? 0)
        }
        guard let successor = generation.findSuccessor(among: candidates, access) else { return nil }
        generation.follow(successor)
        return successor
    }

    /// What Baton has started beside the app.
    private var helpers: [ProcessID] {
        [agent?.pid, validator?.pid, reloader?.pid, snapshotCopy?.pid].compactMap(\.self)
            + watcher.sightings.helperProcesses + environmentFiles.helperProcesses
    }

    func replaceMain(_ number: GenerationNumber, _ successor: ProcessID) {
        guard let generation = generations[number], generation.isMainReaped else { return }
        guard Processes.exists(successor) else {
            // It has ended, too, and is reaped: this is the end after all.
            return enqueue(
                .exited(number, .exited(0), leftovers: Processes.groupExists(generation.group)))
        }
        generation.replaceMain(by: successor, access)
    }
}
