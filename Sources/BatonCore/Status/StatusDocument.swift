extension StatusRecord {
    /// One JSON document of an answer's records: those of each kind in a list of their own, that of Baton itself apart.
    public static func document(_ records: [StatusRecord]) -> String {
        func list(_ kind: Kind) -> String {
            "[" + records.filter { $0.kind == kind }.map(\.json).joined(separator: ",") + "]"
        }
        let baton = records.first { $0.kind == .baton }?.json ?? "{}"
        let lists: [(String, Kind)] = [
            ("plan", .plan), ("sources", .source), ("generations", .generation), ("agent", .agent),
            ("changes", .change),
            ("counters", .counter), ("histograms", .histogram),
        ]
        let present = lists.filter { entry in records.contains { $0.kind == entry.1 } }
        return "{\"baton\":\(baton)" + present.map { ",\"\($0.0)\":\(list($0.1))" }.joined() + "}\n"
    }
}
