import BatonCore
import BatonLaunch
import BatonLinux
import BatonWatch
import Glibc

// Snapshots on the stage.
extension Loop {
    func stageSnapshot(_ number: SnapshotNumber) {
        endCopy()
        do throws(LinuxError) {
            snapshotCopy = try watcher.reader.copy(
                number, to: stage, names: settings.sources.map(\.stagePath), writer: access)
        } catch {
            enqueue(.snapshotStaged(number, .failed(error.description)))
        }
    }

    func copied(_ copy: SnapshotCopyProcess, _ status: ExitStatus) {
        let outcome: SnapshotCopyProcess.Outcome? =
            if case .exited(let code) = status { .init(rawValue: code) } else { nil }
        switch outcome {
        case .whole: enqueue(.snapshotStaged(copy.number, .whole))
        case .torn: enqueue(.snapshotStaged(copy.number, .torn(copy.reason)))
        case .failed: enqueue(.snapshotStaged(copy.number, .failed(copy.reason)))
        case nil: enqueue(.snapshotStaged(copy.number, .failed("the copying process \(status)")))
        }
    }

    func promote(_ number: SnapshotNumber) {
        do throws(LinuxError) {
            let findings = try access.run { () throws(LinuxError) in try stage.promote(number) }
            if let failure = findings.failure {
                logger.log(
                    LogRecord(
                        .stagedFilesUnreadable,
                        "the snapshot is in force, but the app cannot read all of it: \(failure)"))
            }
            log(stageReporter.records(findings))
        } catch {
            enqueue(.promotionFailed(number, error.description))
            logger.log(LogRecord(.stageSwitchFailed, "cannot put the snapshot in force: \(error)"))
        }
    }

    func dropSnapshot(_ number: SnapshotNumber) {
        if snapshotCopy?.number == number { endCopy() }
        if let validator, validator.number == number {
            Processes.signal(group: validator.pid, .kill)
            self.validator = nil
        }
        _ = access.run { try? stage.remove(number) }
    }

    private func endCopy() {
        guard let copy = snapshotCopy else { return }
        Processes.signal(process: copy.pid, .kill)
        snapshotCopy = nil
    }

    func keepRecord(_ good: Supervisor.Snapshot, _ before: Supervisor.Snapshot?, _ held: Digest?) {
        func version(_ snapshot: Supervisor.Snapshot) -> StageRecord.Version? {
            snapshot.digest.map { .init(name: stage.name(snapshot.number), digest: $0) }
        }
        var record = StageRecord()
        (record.good, record.before, record.held) = (version(good), before.flatMap(version), held)
        record.salt = salt
        do throws(LinuxError) {
            try access.run { () throws(LinuxError) in try stage.keep(record) }
        } catch {
            logger.log(
                LogRecord(
                    .stageRecordFailed,
                    "cannot record the last good configuration for the next start of the container: \(error)"))
        }
    }

    func validate(_ number: SnapshotNumber) {
        guard let command = settings.validate?.commandLine else { return enqueue(.validated(number, .accepted)) }
        logger.writeHeld()
        do throws(LinuxError) {
            validator = (
                number, try launcher.startValidator(command, snapshot: stage.directory(of: number))
            )
        } catch {
            enqueue(.validated(number, .none("cannot start the validator: \(error)")))
        }
    }
}

extension Settings {
    /// Of the sockets that Baton makes itself.
    var socketPaths: [String] {
        [control.path].compactMap(\.self)
            + listen.compactMap { if case .unix(let path) = $0.endpoint { path } else { nil } }
    }
}
