import CBatonShims
import Glibc

/// A C string as its bytes: arguments and variables need not be UTF-8, and the app must get them as they were.
public struct CText: Hashable, Sendable {
    /// Without the closing NUL, and with none inside.
    public let bytes: [UInt8]

    public init(_ text: String) { self.init(bytes: Array(text.utf8)) }

    /// NULs are left out.
    public init(bytes: [UInt8]) { self.bytes = bytes.filter { $0 != 0 } }

    public init(copying pointer: UnsafePointer<CChar>) {
        bytes = Array(UnsafeRawBufferPointer(start: pointer, count: strlen(pointer)))
    }

    /// For reading; what is not UTF-8 is shown as U+FFFD.
    public var text: String { String(decoding: bytes, as: UTF8.self) }

    public func withCString<T>(_ body: (UnsafePointer<CChar>) -> T) -> T {
        (bytes + [0]).withUnsafeBufferPointer { buffer in
            buffer.withMemoryRebound(to: CChar.self) { $0.baseAddress.map(body) ?? body("") }
        }
    }
}

/// One variable: the very bytes of its entry, as most are only passed on.
public struct EnvironmentVariable: Hashable, Sendable {
    /// `NAME=value`.
    public let entry: CText
    private let nameLength: Int

    public init(name: String, value: String) { self.init(name: name, bytes: Array(value.utf8)) }

    public init(name: String, bytes value: [UInt8]) {
        entry = CText(bytes: Array("\(name)=".utf8) + value)
        // As many as there are of it in the entry: a CText has no NULs.
        nameLength = name.utf8.count { $0 != 0 }
    }

    /// Nil where there is no `=`.
    public init?(entry: CText) {
        guard let equals = entry.bytes.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        self.entry = entry
        nameLength = equals
    }

    public var name: String { String(decoding: entry.bytes.prefix(nameLength), as: UTF8.self) }
    public var value: String { String(decoding: entry.bytes.dropFirst(nameLength + 1), as: UTF8.self) }
    /// Nil where it is not UTF-8.
    public var validValue: String? { String(validating: entry.bytes.dropFirst(nameLength + 1), as: UTF8.self) }
    public var valueAsCText: CText { CText(bytes: Array(entry.bytes.dropFirst(nameLength + 1))) }

    public func isNamed(_ name: StaticString) -> Bool {
        nameLength == name.utf8CodeUnitCount && hasName(withPrefix: name)
    }

    public func hasName(of other: EnvironmentVariable) -> Bool {
        nameLength == other.nameLength && entry.bytes.starts(with: other.entry.bytes.prefix(nameLength))
    }

    public func hasName(withPrefix prefix: StaticString) -> Bool {
        guard nameLength >= prefix.utf8CodeUnitCount else { return false }
        return entry.bytes.withUnsafeBytes { bytes in
            bytes.baseAddress.map { memcmp($0, prefix.utf8Start, prefix.utf8CodeUnitCount) } == 0
        }
    }

    /// The environment that Baton was started with.
    public static func all() -> [EnvironmentVariable] {
        var variables: [EnvironmentVariable] = []
        guard var next = baton_environment() else { return [] }
        while let pointer = next.pointee {
            if let variable = EnvironmentVariable(entry: CText(copying: pointer)) { variables.append(variable) }
            next += 1
        }
        return variables
    }
}
