import CBatonShims
import Glibc

/// The note by which a program of Go's linker is known: owner `Go`, in a PT_NOTE segment (elf(5)); it outlives stripping.
/// A program that was linked without one has its build information at the beginning of its data instead.
public enum GoBuildNote {
    private enum Bounds {
        static let headers = 128
        static let notes = 64 * 1024
        static let data = 64 * 1024
    }

    private static let loads: UInt32 = 1
    private static let notes: UInt32 = 4
    private static let writable: UInt32 = 2

    /// Whether the file has it; false for what is no ELF file of this byte order.
    public static func isIn(_ file: borrowing FileDescriptor) -> Bool {
        guard let header = bytes(of: file, at: 0, count: 64), header.starts(with: [0x7f, 0x45, 0x4c, 0x46]),
            header.count > 5, header[5] == 1
        else { return false }
        let is64 = header[4] == 2
        guard let offset = number(header, at: is64 ? 0x20 : 0x1c, width: is64 ? 8 : 4),
            let size = number(header, at: is64 ? 0x36 : 0x2a, width: 2),
            let count = number(header, at: is64 ? 0x38 : 0x2c, width: 2), size >= (is64 ? 56 : 32), size <= 256
        else { return false }
        let headers = bytes(of: file, at: offset, count: Int(size) * min(Int(count), Bounds.headers)) ?? []
        var data: (offset: UInt64, size: UInt64)?
        for start in stride(from: 0, to: headers.count, by: Int(size)) {
            guard let kind = number(headers, at: start, width: 4),
                let flags = number(headers, at: start + (is64 ? 4 : 0x18), width: 4),
                let place = number(headers, at: start + (is64 ? 8 : 4), width: is64 ? 8 : 4),
                let length = number(headers, at: start + (is64 ? 0x20 : 0x10), width: is64 ? 8 : 4)
            else { return false }
            if kind == notes {
                let text = bytes(of: file, at: place, count: Int(min(length, UInt64(Bounds.notes)))) ?? []
                if hasGo(text) { return true }
            } else if kind == loads, flags & UInt64(writable) != 0, data == nil {
                data = (place, length)
            }
        }
        guard let data else { return false }
        let text = bytes(of: file, at: data.offset, count: Int(min(data.size, UInt64(Bounds.data)))) ?? []
        return contains(text, "\u{ff} Go buildinf:".unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) })
    }

    /// Each note: the sizes of its owner's name and of its content, its type, then both, each filled up to four bytes.
    private static func hasGo(_ notes: [UInt8]) -> Bool {
        var start = 0
        while let nameSize = number(notes, at: start, width: 4), let size = number(notes, at: start + 4, width: 4),
            nameSize <= notes.count, size <= notes.count
        {
            let name = start + 12
            if nameSize >= 3, name + 3 <= notes.count, notes[name..<name + 3].elementsEqual("Go\0".utf8) { return true }
            start = name + padded(Int(nameSize)) + padded(Int(size))
        }
        return false
    }

    private static func padded(_ size: Int) -> Int { (size + 3) & ~3 }

    private static func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
        text.withUnsafeBytes { text in
            part.withUnsafeBytes { part in baton_find(text.baseAddress, text.count, part.baseAddress, part.count) != nil
            }
        }
    }

    /// Little-endian; nil behind the end.
    private static func number(_ bytes: [UInt8], at offset: Int, width: Int) -> UInt64? {
        guard offset >= 0, offset <= bytes.count - width else { return nil }
        return bytes[offset..<offset + width].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    /// As many as there are; nil where the file cannot be read there.
    private static func bytes(of file: borrowing FileDescriptor, at offset: UInt64, count: Int) -> [UInt8]? {
        guard let start = off_t(exactly: offset), count > 0 else { return nil }
        let number = file.number
        var result = 0
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, used in
            repeat { result = pread(number, buffer.baseAddress, count, start) } while result < 0 && errno == EINTR
            used = max(0, result)
        }
        return result < 0 ? nil : bytes
    }
}
