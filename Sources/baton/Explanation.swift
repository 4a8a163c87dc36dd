import BatonCore
import BatonLinux
import BatonWatch
import Glibc

/// `baton explain`: what each source is here, how it is watched and why, and what is decided besides.
enum Explanation {
    static func show(_ paths: [String]) -> Int32 {
        guard var settings = Invocation.settings(EnvironmentVariable.all()) else { return Settings.exitCode }
        if !paths.isEmpty {
            settings.watch = paths.map { .path(Path($0)) }
            settings.environmentFrom = []
        }
        guard !settings.sources.isEmpty else {
            print(
                "BATON_WATCH is not set in this environment, and no path was given; \"baton status\" shows what a running Baton watches"
            )
            return 0
        }
        let mounts = Mounts()
        let subpaths = SubpathStaging.find(&settings, mounts).paths
        let explanations = WatchedPaths.watcher(settings, mounts, salt: nil).explanations
        for (source, (path, what)) in zip(settings.sources, explanations) {
            let isTraced = settings.subpath == .stage && subpaths.contains(Path(path)) && what.kind == .subPathMount
            explain(source, at: path, what, settings, isTraced: isTraced)
        }
        if paths.isEmpty {
            explainPlan(settings)
            explainRunning()
        }
        return 0
    }

    /// - Parameter isTraced: the agent traces it to its object.
    private static func explain(
        _ source: SourceName, at path: String, _ what: Classification, _ settings: Settings, isTraced: Bool
    ) {
        let staged = "\(settings.stage)/\(source.stagePath)"
        switch source {
        case .path where isTraced:
            explain(
                path, what.kind.rawValue, "api",
                "\(what.reason); BATON_SUBPATH=stage: the agent finds its object, and the app reads \(staged)")
        case .path: explain(path, what.kind.rawValue, what.strategy.rawValue, what.reason)
        case .object(let object):
            explain(
                source.description, "\(object.kind.rawValue) of the Kubernetes API", "api",
                "an object of the API: the agent watches it and writes it to \(staged)")
        case .url:
            explain(
                source.description, "URL", "poll",
                "a URL: the agent polls it every \(settings.url.interval) and writes it to \(staged)"
            )
        }
    }

    /// What would be decided here; what depends on the app's program is decided as for any program.
    private static func explainPlan(_ settings: Settings) {
        var place = PlaceProbe.place(settings, [], [])
        if Plan.adoption(settings, place).choice != .no {
            PlaceProbe.tryAdoption(changesUser: settings.user != nil, &place)
        }
        let plan = Plan(settings, place)
        for decision in plan.decisions { print("\(decision.name): \(decision.choice) (\(decision.reason))") }
    }

    /// Where a Baton runs here it knows better what has become of the plan.
    private static func explainRunning() {
        let running = (try? ControlClient(EnvironmentVariable.all()).ask(.status)) ?? []
        for source in running where source.kind == .source {
            guard let name = source.text("source"), let strategy = source.text("strategy") else { continue }
            let why = [source.text("degraded"), source.text("problem")].compactMap { $0.map { ", since \($0)" } }
            print("current strategy: \(name) by \(strategy)\(why.joined())")
        }
    }

    private static func explain(_ name: String, _ what: String, _ strategy: String, _ why: String) {
        print("\(name)\n  what:     \(what)\n  strategy: \(strategy)\n  why:      \(why)")
    }
}
