import BatonCore
import BatonLaunch
import BatonLinux
import BatonWatch
import Glibc

/// `baton check`: are the settings right, what follows from them, and does the validator accept what the sources hold now? The app is
/// not started, no socket is opened, and a Baton that runs here is not disturbed.
enum Check {
    /// The validator refuses, or nothing is known.
    private static let refusedCode: Int32 = 1

    static func run(_ form: Arguments.Form) -> Int32 {
        // What a validator prints is for people: with --json stdout has the document alone.
        let output = dup(1)
        if form == .json { dup2(2, 1) }
        let environment = EnvironmentVariable.all()
        guard var settings = Invocation.settings(environment),
            var launch = Startup.launchConfiguration(settings, [], environment)
        else { return Settings.exitCode }
        let place = PlaceProbe.place(settings, [], environment)
        let mounts = Mounts()
        for record in Plan.warnings(settings, place) { Invocation.complain(record.message) }
        _ = SubpathStaging(&settings, &launch, mounts)
        let plan = Plan(settings, place)
        let fetched = settings.sources.filter { if case .path = $0 { false } else { true } }.map(\.description)
        if form == .people { show(plan, settings, mounts, fetched) }
        settings.watch.removeAll { fetched.contains($0.description) }
        settings.environmentFrom.removeAll { fetched.contains($0.description) }
        let verdict = verdict(settings, launch, place, mounts)
        tell(verdict, form, plan, fetched, output)
        switch verdict {
        case .skipped, .checked(.accepted): return 0
        case .checked(.refused), .checked(.none): return refusedCode
        case .checked(.interrupted(let signal)): return 128 + signal.number
        }
    }

    private enum Finding {
        case checked(ContentCheck.Verdict)
        /// There is nothing to check, and why.
        case skipped(String)

        var words: (verdict: String, text: String) {
            switch self {
            case .checked(.accepted): ("accepted", "the validator accepts what the sources hold now")
            case .checked(.refused(let reason)): ("refused", "\(reason): a running Baton would reject this content")
            case .checked(.none(let reason)): ("none", "nothing is known of this content: \(reason)")
            case .checked(.interrupted(let signal)): ("none", "interrupted by signal \(signal)")
            case .skipped(let reason): ("not_validated", reason)
            }
        }
    }

    private static func verdict(
        _ settings: Settings, _ launch: Launcher.Configuration, _ place: Place, _ mounts: Mounts
    ) -> Finding {
        guard settings.validate != nil else { return .skipped("not checked: BATON_VALIDATE is not set") }
        guard !settings.sources.isEmpty else { return .skipped("not checked: no source is a file") }
        // What has been printed comes before what the validator prints.
        fflush(nil)
        let access = Startup.foreignAccess(settings, launch, place)
        return .checked(ContentCheck(settings: settings, launch: launch, access: access, mounts: mounts).run())
    }

    private static func show(_ plan: Plan, _ settings: Settings, _ mounts: Mounts, _ fetched: [String]) {
        print("settings: good")
        for (path, what) in WatchedPaths.watcher(settings, mounts, salt: nil).explanations
        where !path.contains("/..agent/") {
            print("source: \(path) (\(what.kind.rawValue)) by \(what.strategy.rawValue), as \(what.reason)")
        }
        for source in fetched { print("source: \(source) is fetched by the agent, and not checked here") }
        for decision in plan.decisions { print("\(decision.name): \(decision.choice), as \(decision.reason)") }
    }

    private static func tell(
        _ finding: Finding, _ form: Arguments.Form, _ plan: Plan, _ fetched: [String], _ output: Int32
    ) {
        let (verdict, text) = finding.words
        guard form == .json else { return print("content: \(text)") }
        var records = [StatusRecord(.baton, [.text("verdict", verdict), .text("reason", text)])]
        records += plan.decisions.map {
            StatusRecord(.plan, [.text("name", $0.name), .text("choice", $0.choice), .text("reason", $0.reason)])
        }
        records += fetched.map { StatusRecord(.source, [.text("source", $0), .text("problem", "not checked")]) }
        fflush(nil)
        dup2(output, 1)
        print(StatusRecord.document(records), terminator: "")
    }
}
