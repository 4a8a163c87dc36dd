import BatonCore
import BatonLaunch
import BatonLinux
import BatonWatch

/// BATON_SUBPATH=stage: the app is led to copies of what is mounted by subPath, which follow the objects by the API.
struct SubpathStaging {
    /// To be traced by the agent; none where nothing is mounted so, or it is not wanted.
    private(set) var mounts: [SubpathMount] = []
    private(set) var records: [LogRecord] = []

    /// Changes the command where it names what is mounted so.
    init(_ settings: inout Settings, _ launch: inout Launcher.Configuration, _ table: Mounts) {
        let found = Self.find(&settings, table)
        guard settings.subpath == .stage, !found.all.isEmpty else { return }
        mounts = found.all
        settings.stageFiles = true
        replace(found.paths, settings, &launch)
    }

    /// Adds to what is watched the mounts that are hidden in directories.
    static func find(_ settings: inout Settings, _ mounts: Mounts) -> SubpathSources {
        let found = SubpathSources(settings.paths, mounts)
        for point in found.hidden.map({ Path($0.point) }) + found.hiddenFiles
        where !settings.sources.contains(.path(point)) {
            settings.watch.append(.path(point))
        }
        return found
    }

    private mutating func replace(_ paths: [Path], _ settings: Settings, _ launch: inout Launcher.Configuration) {
        let staged = Dictionary(
            paths.map { ($0, settings.stage + "/" + SourceName.path($0).stagePath) },
            uniquingKeysWith: { first, _ in first })
        let replacement = PathReplacement(staged)
        var places: [Path: [String]] = [:]
        for (index, argument) in launch.command.enumerated() {
            let (bytes, replaced) = replacement.apply(to: argument.bytes)
            guard !replaced.isEmpty else { continue }
            launch.command[index] = CText(bytes: bytes)
            for path in replaced { places[path, default: []].append("argument \(index)") }
        }
        for (index, variable) in launch.environment.enumerated() where !variable.hasName(withPrefix: "BATON_") {
            guard let value = staged[Path(variable.value)] else { continue }
            launch.environment[index] = EnvironmentVariable(name: variable.name, value: value)
            places[Path(variable.value), default: []].append("variable \(variable.name)")
        }
        for (path, copy) in staged.sorted(by: { $0.key < $1.key }) {
            // Who is led to the directory is led to what is in it.
            let isCovered = places.keys.contains { path != $0 && path.relative(to: $0) != nil }
            if places[path] != nil || !isCovered { records.append(record(path, copy, places[path] ?? [])) }
        }
    }

    private func record(_ path: Path, _ staged: String, _ places: [String]) -> LogRecord {
        let fields: [LogRecord.Field] = [.text("source", path.text), .text("staged", staged)]
        guard places.isEmpty else {
            return LogRecord(
                .argumentReplaced,
                "replaced \(path) by \(staged) in \(places.joined(separator: ", ")) of the app", fields)
        }
        return LogRecord(
            .argumentNotFound,
            "no argument or variable of the app names \(path): configure the app to read \(staged), which Baton updates from the API",
            fields)
    }
}
