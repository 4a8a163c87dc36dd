/// A path, or a name in a directory, compared as Linux does it: by its bytes.
///
/// Swift takes two Strings for equal that only look the same: "é" in one code point and in two is one text to it, and two files to Linux.
/// And "/" with an accent behind it is one Character, so that no slash is found there.
public struct Path: Sendable {
    public let text: String

    public init(_ text: String) { self.text = text }

    private static let slash = UInt8(ascii: "/")

    public var isEmpty: Bool { text.isEmpty }
    public var isAbsolute: Bool { text.utf8.first == Path.slash }

    /// The names that it consists of.
    public var components: [Path] { text.utf8.split(separator: Path.slash).map { Path(String(Substring($0))) } }

    /// The directory above, by the text alone; `/` of what has none.
    public var parent: Path {
        guard let last = text.utf8.lastIndex(of: Path.slash), last != text.startIndex else { return "/" }
        return Path(String(text[..<last]))
    }

    /// - Parameter name: or several, with slashes between them; or none.
    public func appending(_ name: String) -> Path {
        name.isEmpty ? self : Path(text.utf8.last == Path.slash ? text + name : text + "/" + name)
    }

    /// What leads from this directory to it, by the text alone: empty for the directory itself, nil where it does not lie there.
    public func relative(to directory: Path) -> String? {
        let above = directory.text.utf8
        guard text.utf8.starts(with: above) else { return nil }
        let rest = text.utf8.dropFirst(above.count)
        if rest.isEmpty { return "" }
        if above.last == Path.slash { return String(Substring(rest)) }
        return rest.first == Path.slash ? String(Substring(rest.dropFirst())) : nil
    }

    public func hasPrefix(_ prefix: StaticString) -> Bool {
        text.utf8.starts(with: UnsafeBufferPointer(start: prefix.utf8Start, count: prefix.utf8CodeUnitCount))
    }

    public func hasSuffix(_ suffix: StaticString) -> Bool {
        text.utf8.suffix(suffix.utf8CodeUnitCount).elementsEqual(
            UnsafeBufferPointer(start: suffix.utf8Start, count: suffix.utf8CodeUnitCount))
    }
}

extension Path: Hashable, Comparable {
    public static func == (one: Path, other: Path) -> Bool { one.text.utf8.elementsEqual(other.text.utf8) }

    public static func < (one: Path, other: Path) -> Bool {
        one.text.utf8.lexicographicallyPrecedes(other.text.utf8)
    }

    public func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        // No byte of a text: where one ends and the next begins counts.
        hasher.combine(UInt8(0xFF))
    }
}

extension Path: ExpressibleByStringLiteral, CustomStringConvertible {
    public init(stringLiteral text: String) { self.init(text) }
    public var description: String { text }
}
