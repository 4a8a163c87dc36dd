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
}

/// One variable, with the very bytes of its entry.
public struct EnvironmentVariable: Hashable, Sendable {
    public let name: String
    public let value: String
    /// `NAME=value`.
    public let entry: CText

    public init(name: String, value: String) {
        self.name = name
        self.value = value
        entry = CText("\(name)=\(value)")
    }

    /// Nil where there is no `=`.
    public init?(entry: CText) {
        guard let equals = entry.bytes.firstIndex(of: UInt8(ascii: "=")) else { return nil }
        self.entry = entry
        name = String(decoding: entry.bytes[..<equals], as: UTF8.self)
        value = String(decoding: entry.bytes[(equals + 1)...], as: UTF8.self)
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
