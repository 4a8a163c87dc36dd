// What Baton counts. Each count has a type of its own, so that one cannot be taken for another, or for a descriptor or an errno.

/// A place in a count that begins at 1 and only grows while Baton lives.
public protocol OrdinalNumber: Sendable, Hashable, Comparable, CustomStringConvertible, ExpressibleByIntegerLiteral {
    var value: Int { get }
    init(_ value: Int)
}

extension OrdinalNumber {
    public init(integerLiteral value: Int) { self.init(value) }

    public static func < (one: Self, other: Self) -> Bool { one.value < other.value }

    public var description: String { "\(value)" }

    package var next: Self { Self(value + 1) }
}

/// Which run of the app.
public struct GenerationNumber: OrdinalNumber {
    public let value: Int
    public init(_ value: Int) { self.value = value }
}

/// Which change of the configuration.
public struct ChangeNumber: OrdinalNumber {
    public let value: Int
    public init(_ value: Int) { self.value = value }
}

/// Which copy on the stage.
public struct SnapshotNumber: OrdinalNumber {
    public let value: Int
    public init(_ value: Int) { self.value = value }
}
