/// What a run of Baton leaves on the stage for the next one: which snapshots were good.
public struct StageRecord: Sendable, Hashable {
    public struct Version: Sendable, Hashable {
        /// Of its directory on the stage.
        public let name: String
        public let digest: Digest

        public init(name: String, digest: Digest) {
            self.name = name
            self.digest = digest
        }
    }

    /// The last one that was proven.
    public var good: Version?
    /// The proven one before it.
    public var before: Version?
    /// The sources' content that the app failed with, or that somebody has rolled back from: it is not tried again.
    public var held: Digest?
    /// Goes into the digests of content that is secret, so that they mean the same to the next run.
    public var salt: UInt64?

    public init() {}

    /// In bytes. One that has as many or more is none of Baton's, and is not read.
    public static let sizeLimit = 4096

    /// A line for each: `good NAME DIGEST`, `before NAME DIGEST`, `held DIGEST`, `salt NUMBER`. What cannot be understood is left
    /// out.
    public init(text: String) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ").map(String.init)
            switch (words.first, words.count) {
            case ("good", 3): good = Self.version(words[1], words[2])
            case ("before", 3): before = Self.version(words[1], words[2])
            case ("held", 2): held = Digest(hexadecimal: words[1])
            case ("salt", 2): salt = UInt64(words[1])
            default: break
            }
        }
    }

    private static func version(_ name: String, _ digest: String) -> Version? {
        Digest(hexadecimal: digest).map { Version(name: name, digest: $0) }
    }

    public var text: String {
        var lines: [String] = []
        if let good { lines.append("good \(good.name) \(good.digest.hexadecimal)") }
        if let before { lines.append("before \(before.name) \(before.digest.hexadecimal)") }
        if let held { lines.append("held \(held.hexadecimal)") }
        if let salt { lines.append("salt \(salt)") }
        return lines.map { $0 + "\n" }.joined()
    }

    /// Those that are there, the oldest first: their snapshots have the numbers from 1 on.
    public var versions: [Version] { [before, good].compactMap(\.self) }
}
