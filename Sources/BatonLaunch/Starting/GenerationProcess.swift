public import BatonCore
public import BatonLinux
import Glibc

/// The processes and descriptors of one generation.
public final class GenerationProcess {
    public let number: GenerationNumber
    /// The main process; the app may name another one (MAINPID=).
    public internal(set) var pid: ProcessID = 0
    /// The process group that Baton made for it.
    public internal(set) var group: ProcessID = 0
    public var isMainReaped = false
    /// Ends at a successful exec.
    public internal(set) var report: FileDescriptor?
    public internal(set) var notifySocket: NotifySocket?
    public var readyPipe: FileDescriptor?
    /// Where its calls to bind and listen come to be answered, once its launch has told; the caller takes it away.
    public var calls: SeccompListener?
    /// Why there is none, in words, although one was asked for.
    public internal(set) var adoptionRefusal: String?
    /// The readiness command that runs at the moment.
    public var probe: ProcessID?
    /// What the main process does with the signal that was last asked about.
    private var disposition: SignalDisposition?
    /// What the main process runs.
    private var program: RunningProgram?
    private var traces = MainProcessTraces()
    /// The main process is not the one that Baton has started, which is reaped.
    private var hasSuccessor = false

    init(number: GenerationNumber) { self.number = number }

    /// The app says that another of its processes is the main one (sd_notify(3), MAINPID).
    public func adoptMain(_ pid: ProcessID) {
        self.pid = pid
        disposition = nil
        program = nil
    }

    // MARK: a successor of the main process

    /// Remembers what a successor of the main process is known by.
    public func noteSockets(_ access: ForeignAccess) {
        guard !isMainReaped else { return }
        access.run { traces.note(pid) }
    }

    /// The main process has ended: the one of these children of Baton's that serves in its place.
    public func findSuccessor(among children: [ProcessID], _ access: ForeignAccess) -> ProcessID? {
        access.run { traces.successor(among: children) }
    }

    /// A successor may make itself a daemon, and may have done so: the group that it has is the generation's.
    public func follow(_ successor: ProcessID) {
        if let group = Procfs.processGroup(of: successor), group > 1, group.value != getpgrp() { self.group = group }
    }

    /// Before a signal to the group: a successor may have left the one in which it was found.
    public func followSuccessor() { if hasSuccessor, !isMainReaped { follow(pid) } }

    /// The main process has ended, and a child of Baton's is the main one now.
    public func replaceMain(by successor: ProcessID, _ access: ForeignAccess) {
        adoptMain(successor)
        isMainReaped = false
        hasSuccessor = true
        noteSockets(access)
    }

    /// What the main process does with this signal.
    public func disposition(of signal: Signal, _ access: ForeignAccess) -> Supervisor.Disposition {
        if disposition?.isOf(signal) != true { disposition = try? SignalDisposition(of: pid, signal) }
        switch disposition?.isCaught {
        case nil: return .unknown
        case false?: return disposition?.isIgnored == true ? .ignored : .notCaught
        case true?: break
        }
        let program = program ?? RunningProgram(of: pid)
        self.program = program
        return program.program(access).foreignHandler.map { .caughtByRuntime($0) } ?? .caught
    }

    public var reportDescriptor: Int32? { report?.number }
    public var notifyDescriptor: Int32? { notifySocket?.number }
    public var readyDescriptor: Int32? { readyPipe?.number }

    /// One sd_notify datagram, if one waits.
    public func receiveNotification(limit: Int) -> [UInt8]? { notifySocket?.receive(limit: limit) }
}
