import BatonCore
import BatonLaunch
import BatonLinux
import BatonWatch

// What the watched sources tell.
extension Loop {
    func take(_ sightings: [Sighting]) {
        for sighting in sightings {
            switch sighting {
            case .touched(let atomic): enqueue(.touched(atomic: atomic))
            case .mountSuperseded(let path): enqueue(.mountSuperseded(path: path))
            case .log(let record): logger.log(record)
            case .opened(.inotify(let descriptor)):
                if !register(.inotify, descriptor) { take(watcher.sightings.inotifyCannotBeRead(at: Clock.now())) }
            case .opened(.helper(let index, let descriptor)): watch(helper: index, descriptor)
            }
        }
    }

    private func watch(helper index: Int, _ descriptor: Int32?) {
        if !register(.helper(index), descriptor) { watcher.sightings.dropHelper(index) }
    }

    func readHelper(_ index: Int) {
        // Out of the epoll set before the answer closes it: a child that has not come to its exec may hold the pipe, too.
        descriptors.remove(.helper(index))
        guard let sightings = watcher.sightings.helperAnswered(index, at: Clock.now()) else {
            return watch(helper: index, watcher.sightings.helperDescriptor(index))
        }
        take(sightings)
    }

    /// The first time that the agent has laid down what is mounted by subPath, this is watched in the mount's place.
    func takeOver(_ source: String) {
        guard let mount = subpaths.first(where: { Path($0.point) == Path(source) }) else { return }
        let directory = SnapshotStage.agentDirectory(of: settings.stage) + "/" + mount.stageDirectory
        take(watcher.sightings.takeOver(mount, from: directory, at: Clock.now()))
    }
}
