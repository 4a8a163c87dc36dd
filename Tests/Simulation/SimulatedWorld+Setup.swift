import BatonCore

// The settings and the plan of a world.
extension SimulatedWorld {
    static func setup(_ random: inout RandomSource) -> Setup {
        var setup = Setup()
        setup.onChange = ChangeMode.allCases.filter { $0 != .exit }.randomElement(using: &random) ?? .auto
        if Int.random(in: 0..<20, using: &random) == 0 { setup.onChange = .exit }
        setup.hasListener = Bool.random(using: &random)
        setup.hasSources = true
        setup.steers = setup.hasListener && Bool.random(using: &random)
        setup.hasEnvironmentSources = Int.random(in: 0..<4, using: &random) == 0
        setup.stages = Bool.random(using: &random)
        setup.reloadsByCommand = Int.random(in: 0..<3, using: &random) == 0
        setup.validates = setup.stages && Bool.random(using: &random)
        setup.validatesStart = Int.random(in: 0..<4, using: &random) > 0
        if setup.stages { setup.record = record(&random) }
        setup.validateTimeout = .milliseconds([300, 3000].randomElement(using: &random) ?? 300)
        setup.probation = [nil, nil, .zero, .milliseconds(2000), .seconds(20)].randomElement(using: &random) ?? nil
        setup.slowStart = .milliseconds([0, 0, 1, 1000, 10_000].randomElement(using: &random) ?? 0)
        setup.hasAgent = Int.random(in: 0..<3, using: &random) == 0
        if setup.hasAgent, Bool.random(using: &random) { setup.awaited = ["configmap/web", "secret/web"] }
        setup.adopts = Int.random(in: 0..<3, using: &random) == 0
        setup.settle = .milliseconds([0, 10, 100, 1000].randomElement(using: &random) ?? 100)
        setup.splay = .milliseconds([0, 0, 500, 5000].randomElement(using: &random) ?? 0)
        setup.ready =
            [.auto, .notify, .descriptor(5), .command(["true"]), .http(path: "/"), .delay(.milliseconds(700))]
            .randomElement(using: &random) ?? .auto
        setup.readyTimeout = .milliseconds([800, 3000, 30_000].randomElement(using: &random) ?? 3000)
        setup.drainTimeout = .milliseconds([0, 300, 5000].randomElement(using: &random) ?? 300)
        setup.maxDraining = Int.random(in: 1...4, using: &random)
        setup.stopDelay = .milliseconds([0, 0, 2000].randomElement(using: &random) ?? 0)
        setup.stopTimeout = .milliseconds([100, 3000].randomElement(using: &random) ?? 3000)
        setup.restart = RestartMode.allCases.randomElement(using: &random) ?? .never
        setup.exitOK = Bool.random(using: &random) ? [143] : []
        setup.subpath = Int.random(in: 0..<10, using: &random) == 0 ? .exit : .warn
        setup.hasTerminal = Bool.random(using: &random)
        if Int.random(in: 0..<5, using: &random) == 0 { setup.signalMap = [.terminate: .quit, .hangUp: nil] }
        return setup
    }

    /// Of a run before: with the content that is there now, or with another one, which may have failed.
    private static func record(_ random: inout RandomSource) -> StageRecord {
        var record = StageRecord()
        func content() -> UInt64 { UInt64(Int.random(in: 1...3, using: &random)) }
        guard Bool.random(using: &random) else { return record }
        record.good = .init(name: "good", digest: Volume.whole(content()))
        if Bool.random(using: &random) { record.before = .init(name: "before", digest: Volume.whole(content())) }
        if Bool.random(using: &random) { record.held = Volume.whole(content()) }
        return record
    }
}
