public import BatonCore

/// What is on a stage and is not Baton's. It is left alone.
public struct StageFindings: Sendable, Hashable {
    /// The stage.
    public let path: String
    /// Paths of entries, of whatever kind.
    public let foreign: [String]
    /// Where `..data` led, which is Baton's own name, when that was no version of Baton's. The link is replaced; what it named
    /// stays.
    public let replaced: String?
    /// Why a name of the version in force does not lead to it.
    public let failure: LinuxError?

    init(_ path: String, _ entries: StageLayout.Entries, replaced: String?) {
        self.path = path
        foreign = entries.foreign
        self.replaced = replaced
        failure = entries.failure
    }
}

/// Tells of each foreign entry once.
public struct StageReporter: Sendable {
    /// So many names are remembered; no further one is told.
    static let limit = 64
    private var told: Set<String> = []

    public init() {}

    public mutating func records(_ findings: StageFindings) -> [LogRecord] {
        var records: [LogRecord] = []
        if let target = findings.replaced {
            let link = findings.path + "/..data"
            records.append(
                record(
                    link,
                    "\(link) led to \(target), which Baton did not create: Baton replaces the link and does not touch "
                        + "\(target)"))
        }
        for path in findings.foreign where told.count < Self.limit && told.insert(path).inserted {
            let end = told.count == Self.limit ? "; no further entries are reported" : ""
            records.append(
                record(path, "\(path) is on the stage, and Baton did not create it: Baton does not touch it\(end)"))
        }
        return records
    }

    private func record(_ path: String, _ words: String) -> LogRecord {
        LogRecord(.stageForeign, words, [.text("path", path)])
    }
}
