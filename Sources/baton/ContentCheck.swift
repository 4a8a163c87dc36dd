import BatonCore
import BatonLaunch
import BatonLinux
import BatonWatch
import Glibc

/// What the validator says of what the sources hold now, in the manner of a running Baton, and without one: on a copy in a temporary
/// directory, which is removed whatever happens.
struct ContentCheck {
    enum Verdict {
        case accepted
        case refused(String)
        /// Nothing is known: no validator answered, or nothing could be read.
        case none(String)
        case interrupted(Signal)
    }

    let settings: Settings
    let launch: Launcher.Configuration
    let access: ForeignAccess
    let mounts: Mounts

    /// The copy of a source that moves meanwhile is made anew so often.
    private static let attempts = 20
    private static let pause: Interval = .milliseconds(50)
    private static let copyTimeout: Interval = .seconds(60)

    func run() -> Verdict {
        // Baton's signals are blocked since its first moment, and waited for here: none ends it before the directory is removed.
        guard let directory = temporaryDirectory() else { return .none("no temporary directory can be made (TMPDIR)") }
        defer {
            // As the app's user, whose processes might lead a path elsewhere meanwhile. The directory above may not be that
            // user's.
            access.run {
                for entry in (try? directoryEntries(directory, limit: 1000)) ?? [] {
                    removeTree("\(directory)/\(entry)")
                }
            }
            rmdir(directory)
        }
        if let identity = launch.identity, geteuid() == 0 { chown(directory, identity.uid, identity.gid) }
        let stage = SnapshotStage(directory, run: "\(Clock.stamp()).\(getpid())")
        return copy(to: stage) ?? validate(stage.directory(of: 1))
    }

    /// In memory where that is possible: the content may be secret.
    private func temporaryDirectory() -> String? {
        let places = [getenv("TMPDIR").map { String(cString: $0) }, "/dev/shm", "/run", "/tmp"].compactMap(\.self)
        for place in places where !place.isEmpty {
            var template = Array("\(place)/baton-check.XXXXXX".utf8CString)
            if mkdtemp(&template) != nil {
                return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
            }
        }
        return nil
    }

    /// - Returns: nil where it is whole.
    private func copy(to stage: SnapshotStage) -> Verdict? {
        var torn = ""
        let watcher = WatchedPaths.watcher(settings, mounts, salt: nil)
        for _ in 0..<ContentCheck.attempts {
            let (result, records) = watcher.reader.read(at: Clock.now())
            for record in records { Invocation.complain(record.message) }
            switch result {
            case nil: return .none("a source on a network file system is read by a running Baton alone")
            case .torn(let what)?: torn = what
            case .whole?:
                do throws(LinuxError) {
                    let copy = try watcher.reader.copy(
                        1, to: stage, names: settings.sources.map(\.stagePath), writer: access)
                    switch wait(for: copy.pid, ContentCheck.copyTimeout) {
                    case .ended(.exited(SnapshotCopyProcess.Outcome.whole.rawValue)): return nil
                    case .ended(.exited(SnapshotCopyProcess.Outcome.torn.rawValue)): torn = copy.reason
                    case .ended: return .none("the sources cannot be copied: \(copy.reason)")
                    case .late: return .none("the sources are not copied within \(ContentCheck.copyTimeout)")
                    case .interrupted(let signal): return .interrupted(signal)
                    }
                } catch { return .none("the sources cannot be copied: \(error)") }
                access.run { removeTree(stage.directory(of: 1)) }
            }
            if case .interrupted(let signal) = wait(for: nil, ContentCheck.pause) { return .interrupted(signal) }
        }
        return .none("the sources change all the time: \(torn)")
    }

    private func validate(_ snapshot: String) -> Verdict {
        guard let command = settings.validate?.commandLine else { return .accepted }
        do throws(LinuxError) {
            let launcher = Launcher(launch, try ListenSockets([], steers: false))
            let pid = try launcher.startValidator(command, snapshot: snapshot)
            switch wait(for: pid, settings.validateTimeout) {
            case .ended(let status): return verdict(status)
            case .late: return .none("the validator has not ended within \(settings.validateTimeout)")
            case .interrupted(let signal): return .interrupted(signal)
            }
        } catch {
            return .none("the validator cannot be started: \(error)")
        }
    }

    private func verdict(_ status: ExitStatus) -> Verdict {
        switch Supervisor.Verdict(status, reason: "the validator \(status)") {
        case .accepted: return .accepted
        case .rejected(let reason): return .refused(reason)
        case .none(let reason):
            let advice = if case .exited = status { " (it cannot be found, or not be run)" } else { "" }
            return .none(reason + advice)
        }
    }

    // MARK: waiting

    private enum Waited {
        case ended(ExitStatus)
        /// It is killed.
        case late
        /// Somebody asks Baton to stop; the child is killed.
        case interrupted(Signal)
    }

    /// For a child's end, or only for the time.
    private func wait(for child: ProcessID?, _ limit: Interval) -> Waited {
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGCHLD, SIGTERM, SIGINT, SIGHUP, SIGQUIT] { sigaddset(&signals, number) }
        let end = Clock.now() + limit
        while true {
            if let status = child.flatMap(reaped) { return .ended(status) }
            let left = end - Clock.now()
            guard left > .zero else {
                kill(child)
                return .late
            }
            var time = timespec(
                tv_sec: Int(left.nanoseconds / 1_000_000_000), tv_nsec: Int(left.nanoseconds % 1_000_000_000))
            let number = sigtimedwait(&signals, nil, &time)
            guard number > 0, number != SIGCHLD else { continue }
            kill(child)
            return .interrupted(Signal(number: number) ?? .terminate)
        }
    }

    private func reaped(_ child: ProcessID) -> ExitStatus? {
        while true {
            switch Reaper.next() {
            case .ended(child, let status): return status
            case .ended, .stopped, .continued: continue
            case .nothing, .noChildren: return nil
            }
        }
    }

    /// With all that it has started.
    private func kill(_ child: ProcessID?) {
        guard let child else { return }
        Processes.signal(group: child, .kill)
        Processes.signal(process: child, .kill)
        _ = waitpid(child.value, nil, 0)
    }
}
