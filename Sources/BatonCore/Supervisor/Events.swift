extension Supervisor {
    /// What has happened. Every one is a fact; none is an order.
    public enum Event: Sendable, Hashable {
        /// The sockets are open and the first snapshot is read (nil where it could not be yet): begin.
        case begin(Digest?)

        // MARK: generations
        /// The exec has succeeded.
        case launched(GenerationNumber)
        case launchFailed(GenerationNumber, LaunchFailure)
        /// The main process has been reaped. `leftovers`: its process group still has members. `successor`: one of what it leaves
        /// behind, a child of Baton's now, which serves on a listening socket that the main process had.
        case exited(GenerationNumber, ExitStatus, leftovers: Bool, successor: ProcessID? = nil)
        /// The group of a generation whose main process had ended has no member any more.
        case groupEmptied(GenerationNumber)
        case notified(GenerationNumber, Notification)
        /// A newline came on the readiness descriptor, or every copy of it was closed without one.
        case readyDescriptor(GenerationNumber, isReady: Bool)
        case probeFinished(GenerationNumber, isReady: Bool)
        /// The app was stopped by a terminal's stop signal.
        case appStopped(GenerationNumber)
        /// Answer to `inspect`.
        case disposition(GenerationNumber, Disposition)

        /// It listens on an address that it bound itself, by a socket that Baton has put in the place of its own. `steers`: each
        /// generation has one of its own there; otherwise they share it.
        case adopted(GenerationNumber, steers: Bool = true)
        /// It listens on a socket that stays its own: a unix one, or one in another network namespace.
        case listensItself(GenerationNumber)
        /// The app's listening sockets cannot be taken over here, for this reason.
        case adoptionRefused(String)
        /// Answer to `scan`.
        case scanned(GenerationNumber, Waiting)
        /// Answer to `countConnections`; nil where they cannot be counted.
        case connections(GenerationNumber, Connections?)

        // MARK: configuration
        /// A source may have changed. `atomic`: all at once, so that there is nothing to wait for.
        case touched(atomic: Bool)
        /// Answer to `readSnapshot`.
        case snapshot(SnapshotResult)
        /// Answer to `stageSnapshot`.
        case snapshotStaged(SnapshotNumber, StageResult)
        /// What `promote` was to put in force is not: the app still reads what it read before.
        case promotionFailed(SnapshotNumber, String)
        /// Answer to `validate`.
        case validated(SnapshotNumber, Verdict)
        /// Answer to `runReload`, for this change: nil where the command ended well, or what happened.
        case reloadFinished(ChangeNumber, failure: String?)
        /// The mount at this path pins content that has been replaced elsewhere: nothing new will ever be seen there.
        case mountSuperseded(path: String)

        /// What the agent fetches of this source is on the stage, or need not be there.
        case sourceArrived(String)
        case agentEnded(ExitStatus)

        // MARK: the rest
        /// Somebody asks for the configuration to be read and applied again.
        case reloadAsked
        /// Somebody asks for no change to be applied, for the changes to be applied again, or for the content before.
        case pauseAsked
        case resumeAsked
        case rollbackAsked
        /// A signal that Baton received.
        case signal(Signal)
        /// Baton has no child left.
        case childrenGone
        /// Some deadline of `nextDeadline` may have come.
        case tick
    }

    /// What a generation does with a signal.
    public enum Disposition: Sendable, Hashable {
        /// It has a handler of its own.
        case caught
        /// It has a handler which says nothing about what the app does, and why.
        case caughtByRuntime(String)
        /// The signal would end it.
        case notCaught
        /// The signal would do nothing.
        case ignored
        /// That cannot be read.
        case unknown
    }

    /// Whether a generation waits for connections on its listening socket.
    public enum Waiting: Sendable, Hashable {
        case yes
        case no
        /// Not on all that it, and the generation before it, listen on: these are missing.
        case partly(String)
        case unknown(String)
    }

    /// What a generation still has of its clients.
    public struct Connections: Sendable, Hashable {
        /// In the accept queue of its socket.
        public var queued: Int
        public var open: Int
        /// Of the open ones: nothing sent or received for a second.
        public var idle: Int

        public init(queued: Int, open: Int, idle: Int) {
            self.queued = queued
            self.open = open
            self.idle = idle
        }

        var isNone: Bool { queued == 0 && open == 0 }
    }

    public enum SnapshotResult: Sendable, Hashable {
        case whole(Digest)
        /// It changed while it was read.
        case torn(String)
    }

    /// What a validator says of a snapshot.
    public enum Verdict: Sendable, Hashable {
        case accepted
        case rejected(String)
        /// It could not be run, or was ended by a signal: that says nothing of the content.
        case none(String)
    }

    public enum StageResult: Sendable, Hashable {
        case whole
        /// It changed while it was copied.
        case torn(String)
        case failed(String)
    }

    /// Why a program could not be started.
    public struct LaunchFailure: Sendable, Hashable, Error {
        /// In words, with the errno's own.
        public let reason: String
        /// 127: not found, 126: found but not to be run (as sh(1) has it).
        public let exitCode: Int32

        public init(reason: String, exitCode: Int32) {
            self.reason = reason
            self.exitCode = exitCode
        }
    }

    /// What is to be done. The world does it and reports back with events; it decides nothing.
    public enum Effect: Sendable, Hashable {
        case start(GenerationNumber)
        case signal(GenerationNumber, Signal, Recipient)
        /// Has the app a handler for this signal?
        case inspect(GenerationNumber, Signal)
        /// Does it wait for connections?
        case scan(GenerationNumber)
        /// New connections go to this generation.
        case steer(GenerationNumber)
        /// Of a hundred new connections so many go to the first generation, the others to the second.
        case share(GenerationNumber, with: GenerationNumber, percent: Int)
        case countConnections(GenerationNumber)
        /// The listening sockets of this generation, which never served, are the next one's: clients may wait there.
        case yieldSockets(GenerationNumber)
        case runProbe(GenerationNumber)
        case endProbe(GenerationNumber)
        /// Report `groupEmptied` if it is.
        case checkGroup(GenerationNumber)
        /// This process has taken over as the generation's main one, if it is one of its own.
        case adoptMain(GenerationNumber, pid: ProcessID)
        /// Remember the sockets of its main process: by them a successor is known.
        case noteSockets(GenerationNumber)
        /// Its main process has ended, and this one, the successor that was reported, is the main one from now on.
        case replaceMain(GenerationNumber, by: ProcessID)
        case readSnapshot
        /// Copy the content of all sources to the stage, under this number, where nobody reads it yet.
        case stageSnapshot(SnapshotNumber)
        /// The snapshot of this number is what the app reads from now on.
        case promote(SnapshotNumber)
        /// Nobody needs the snapshot of this number any more; what is still being done with it ends.
        case dropSnapshot(SnapshotNumber)
        case validate(SnapshotNumber)
        /// Remember on the stage, for the next run, which snapshots are good, and which content of the sources is not to be tried again.
        case keepRecord(good: Snapshot, before: Snapshot?, held: Digest?)
        /// Run the reload command, for this change and this generation.
        case runReload(ChangeNumber, GenerationNumber)
        /// The reload command of this change is not waited for any more.
        case endReload(ChangeNumber)
        case startAgent
        case giveTerminal(GenerationNumber)
        /// SIGSTOP to Baton itself, as a good citizen of a shell's job control.
        case stopSelf
        /// To every process below Baton; report `childrenGone` if there is none.
        case signalDescendants(Signal)
        case changeEnded(Change, Outcome)
        case log(LogRecord)
        case exit(Int32)
    }

    /// Which of a generation's processes a signal goes to.
    public enum Recipient: Sendable, Hashable {
        /// As BATON_SIGNAL_TARGET has it.
        case target
        case main
        case group
    }
}
