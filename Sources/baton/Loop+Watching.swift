import BatonCore
import BatonLaunch
import BatonLinux
import BatonWatch
import Glibc

// What the watched sources tell.
extension Loop {
    /// inotify may come to life late, helpers come and go.
    func registerWatcher() {
        if let descriptor = watcher.inotifyDescriptor, !descriptors.contains(.inotify) {
            register(.inotify, descriptor)
        }
        for (index, descriptor) in watcher.helperDescriptors where !descriptors.contains(.helper(index)) {
            register(.helper(index), descriptor)
        }
    }

    /// The first time that the agent has laid down what is mounted by subPath, this is watched in the mount's place.
    func takeOver(_ source: String) {
        guard let mount = subpaths.first(where: { Path($0.point) == Path(source) }) else { return }
        let directory = SnapshotStage.agentDirectory(of: settings.stage) + "/" + mount.stageDirectory
        take(watcher.takeOver(mount, from: directory, at: Clock.now()))
    }

    func readHelper(_ index: Int) {
        let descriptor = watcher.helperDescriptors.first { $0.index == index }?.descriptor
        guard let reports = watcher.helperAnswered(index, at: Clock.now()) else { return }
        // The descriptor is closed by now, and so out of the epoll set; only the book is to be kept.
        if descriptor != nil { descriptors.remove(.helper(index)) }
        take(reports)
    }

    func take(_ reports: [Watcher.Report]) {
        for report in reports {
            switch report {
            case .touched(let atomic): enqueue(.touched(atomic: atomic))
            case .mountSuperseded(let path): enqueue(.mountSuperseded(path: path))
            case .log(let record): logger.log(record)
            }
        }
    }
}
