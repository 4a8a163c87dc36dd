public import BatonCore
import CBatonShims
import Glibc

/// signalfd(2) on every signal. They are all blocked since before main (see signals.h), so none acts by itself.
public final class SignalFD {
    private let fd: FileDescriptor

    public init() throws(LinuxError) {
        let number = baton_signalfd(~0)
        guard number >= 0 else { throw .last("create", "a signal descriptor") }
        fd = FileDescriptor(owning: number)
    }

    public var number: Int32 { fd.number }

    /// The next signal that waits, if any. What Baton's own calls raise is a message from nobody: SIGPIPE and SIGXFSZ of a
    /// write (write(2)), which name their own process as the sender, and SIGXCPU (setrlimit(2)).
    public func next() -> Signal? {
        var info = baton_signal_info()
        while baton_signalfd_read(fd.number, &info) == 1 {
            let isOwn = info.sender == getpid() || (info.signal == SIGXCPU && info.code == SI_KERNEL)
            if !isOwn { return Signal(number: info.signal) }
        }
        return nil
    }
}

/// Puts back the signal state that Baton was given: for subcommands that end by themselves.
public func restoreSignals() { baton_restore_signals() }
