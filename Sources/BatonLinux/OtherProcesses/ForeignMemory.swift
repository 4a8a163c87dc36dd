public import BatonCore
import Glibc

/// Reads memory of another process through /proc/PID/mem; nil where there is none at this address.
public func readMemory(of thread: ProcessID, at address: UInt64, count: Int) throws(LinuxError) -> [UInt8]? {
    let file = try openForReading("/proc/\(thread)/mem")
    guard let offset = off_t(exactly: address), count > 0, count <= 4096 else { return nil }
    var result = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
        result = pread(file.number, buffer.baseAddress, count, offset)
        used = max(0, result)
    }
    return result == count ? bytes : nil
}
