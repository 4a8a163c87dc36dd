public import BatonCore
import CBatonShims
import Glibc

/// What one process does with one signal (signal(7)), as often as one asks.
///
/// The file stays open: this is on the way from a change to its signal, and to open it is half of a look. It stays the file of this
/// very process, too, whoever gets its number later.
public struct SignalDisposition: ~Copyable {
    private let signal: Signal
    private let file: FileDescriptor
    private let form: Form

    private enum Form {
        /// Of the main thread alone (proc_pid_stat(5)): of the whole process the kernel adds up all threads. Handlers are shared by
        /// all. Without real-time signals, but written in half the time.
        case stat
        /// With all signals (proc_pid_status(5)).
        case status
    }

    public init(of pid: ProcessID, _ signal: Signal) throws(LinuxError) {
        self.signal = signal
        form = signal.number < 32 ? .stat : .status
        file = try openForReading(form == .stat ? "/proc/\(pid)/task/\(pid)/stat" : "/proc/\(pid)/status")
    }

    public func isOf(_ signal: Signal) -> Bool { self.signal == signal }

    /// Whether the process has a handler for it. Nil where the process is gone, or what the file says is not understood.
    public var isCaught: Bool? { mask(.caught).map { $0 & signal.bit != 0 } }

    /// Whether the process ignores it. Nil as above.
    public var isIgnored: Bool? { mask(.ignored).map { $0 & signal.bit != 0 } }

    /// A mask in the file.
    private enum Mask {
        case ignored, caught

        /// `sigignore` and `sigcatch`.
        var field: Int { self == .ignored ? 33 : 34 }
        var name: StaticString { self == .ignored ? "\nSigIgn:\t" : "\nSigCgt:\t" }
    }

    private func mask(_ wanted: Mask) -> UInt64? {
        withUnsafeTemporaryAllocation(byteCount: 8192, alignment: 1) { buffer in
            let count = pread(file.number, buffer.baseAddress, buffer.count, 0)
            guard count > 0 else { return nil }
            let text = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            return form == .stat ? Self.mask(wanted, inStat: text) : Self.mask(wanted, inStatus: text)
        }
    }

    // Looked for in the bytes: lines and words would take longer than the kernel does to write them.

    /// The second field is the command's name, which may itself hold spaces and parentheses.
    private static func mask(_ wanted: Mask, inStat text: UnsafeRawBufferPointer) -> UInt64? {
        guard let name = text.lastIndex(of: UInt8(ascii: ")")) else { return nil }
        var field = 2
        var mask: UInt64?
        for byte in text[(name + 1)...] {
            if byte == UInt8(ascii: " ") {
                if field == wanted.field { return mask }
                field += 1
            } else if field == wanted.field {
                guard let digit = digit(byte), digit < 10, (mask ?? 0) < 1 << 32 else { return nil }
                mask = (mask ?? 0) * 10 + digit
            }
        }
        return nil
    }

    private static func mask(_ wanted: Mask, inStatus text: UnsafeRawBufferPointer) -> UInt64? {
        let name = wanted.name
        guard let base = text.baseAddress,
            let found = baton_find(base, text.count, name.utf8Start, name.utf8CodeUnitCount)
        else { return nil }
        let digits = text.dropFirst(UnsafeRawPointer(found) - base + name.utf8CodeUnitCount).prefix(16)
        guard digits.count == 16 else { return nil }
        var mask: UInt64 = 0
        for byte in digits {
            guard let digit = digit(byte) else { return nil }
            mask = mask << 4 | digit
        }
        return mask
    }

    private static func digit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        default: nil
        }
    }
}
