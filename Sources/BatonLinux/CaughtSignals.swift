public import BatonCore
import CBatonShims
import Glibc

/// The signals that one process has handlers for, as often as one asks (SigCgt of proc_pid_status(5)).
///
/// The file stays open: this is on the way from a change to its signal, and to open it is half of a look. It stays the file of this
/// very process, too, whoever gets its number later.
public struct CaughtSignals: ~Copyable {
    private let status: FileDescriptor

    public init(of pid: ProcessID) throws(LinuxError) { status = try openForReading("/proc/\(pid)/status") }

    /// Nil where the process is gone, or what the file says is not understood.
    public func contains(_ signal: Signal) -> Bool? { mask().map { $0 & signal.bit != 0 } }

    private func mask() -> UInt64? {
        withUnsafeTemporaryAllocation(byteCount: 8192, alignment: 1) { buffer in
            let count = pread(status.number, buffer.baseAddress, buffer.count, 0)
            guard count > 0 else { return nil }
            return Self.mask(in: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
    }

    /// Looked for in the bytes: lines and words would take longer than the kernel does to write them.
    private static func mask(in status: UnsafeRawBufferPointer) -> UInt64? {
        let name: StaticString = "\nSigCgt:\t"
        guard let base = status.baseAddress,
            let found = baton_find(base, status.count, name.utf8Start, name.utf8CodeUnitCount)
        else { return nil }
        let digits = status.dropFirst(UnsafeRawPointer(found) - base + name.utf8CodeUnitCount).prefix(16)
        guard digits.count == 16 else { return nil }
        var mask: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): mask = mask << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): mask = mask << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return mask
    }
}
