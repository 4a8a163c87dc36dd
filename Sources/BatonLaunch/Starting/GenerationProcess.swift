public import BatonCore
public import BatonLinux

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

    init(number: GenerationNumber) { self.number = number }

    /// The app says that another of its processes is the main one (sd_notify(3), MAINPID).
    public func adoptMain(_ pid: ProcessID) {
        self.pid = pid
        disposition = nil
        program = nil
    }

    /// What the main process does with this signal.
    public func disposition(of signal: Signal, _ access: ForeignAccess) -> Supervisor.Disposition {
        if disposition?.isOf(signal) != true { disposition = try? SignalDisposition(of: pid, signal) }
        switch disposition?.isCaught {
        case nil: return .unknown
        case false?: return .notCaught
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
