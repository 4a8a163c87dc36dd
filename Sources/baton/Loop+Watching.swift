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
            case .opened(.inotify(let descriptor)): register(.inotify, descriptor)
            case .opened(.helper(let index, let descriptor)): register(.helper(index), descriptor)
            }
        }
    }

    func readHelper(_ index: Int) {
        guard let sightings = watcher.sightings.helperAnswered(index, at: Clock.now()) else { return }
        // The descriptor is closed by now, and so out of the epoll set; only the book is to be kept.
        descriptors.remove(.helper(index))
        take(sightings)
    }

    /// The first time that the agent has laid down what is mounted by subPath, this is watched in the mount's place.
    func takeOver(_ source: String) {
        guard let mount = subpaths.first(where: { Path($0.point) == Path(source) }) else { return }
        let directory = SnapshotStage.agentDirectory(of: settings.stage) + "/" + mount.stageDirectory
        take(watcher.sightings.takeOver(mount, from: directory, at: Clock.now()))
    }
}
