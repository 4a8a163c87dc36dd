package import BatonCore

/// What a supervisor is made with, in one place for tests: settings by their own names, what the plan decides, and what follows from
/// either as a yes or no.
@dynamicMemberLookup
package struct Setup: Sendable {
    package var settings = Settings()
    package var plan = Plan()
    /// What an earlier run has left on the stage.
    package var record = StageRecord()

    package init() {}

    package subscript<Value>(dynamicMember path: WritableKeyPath<Settings, Value>) -> Value {
        get { settings[keyPath: path] }
        set { settings[keyPath: path] = newValue }
    }

    package func supervisor(seed: UInt64) -> Supervisor {
        Supervisor(settings, plan, record: record, seed: seed)
    }

    // MARK: of the settings

    package var hasSources: Bool {
        get { settings.hasSources }
        set { settings.watch = newValue ? [.path("/etc/app")] : [] }
    }

    package var hasEnvironmentSources: Bool {
        get { settings.hasEnvironmentSources }
        set { settings.environmentFrom = newValue ? [.path("/etc/env")] : [] }
    }

    package var hasListener: Bool {
        get { settings.hasListener }
        set {
            guard newValue else { return settings.listen = [] }
            settings.listen = Settings.parse([("BATON_LISTEN", "tcp://*:8080")]).0.listen
        }
    }

    package var reloadsByCommand: Bool {
        get { settings.reloadsByCommand }
        set { settings.reloadCommand = newValue ? ["true"] : nil }
    }

    package var validates: Bool {
        get { settings.validates }
        set { settings.validate = newValue ? .command(["true"]) : nil }
    }

    package var namesReloadSignal: Bool {
        get { settings.namesReloadSignal }
        set { settings.given = newValue ? ["BATON_RELOAD_SIGNAL"] : [] }
    }

    // MARK: of the plan

    package var stages: Bool {
        get { plan.staging.choice }
        set { plan.staging.choice = newValue }
    }

    package var steers: Bool {
        get { plan.steering.choice }
        set { plan.steering.choice = newValue }
    }

    package var adopts: Bool {
        get { plan.adopts }
        set { plan.adoption.choice = newValue ? .wherePossible : .no }
    }

    package var hasAgent: Bool {
        get { plan.agent.choice }
        set { plan.agent.choice = newValue }
    }

    package var awaited: Set<String> {
        get { plan.awaited }
        set { plan.awaited = newValue }
    }

    package var hasTerminal: Bool {
        get { plan.hasTerminal }
        set { plan.hasTerminal = newValue }
    }
}
