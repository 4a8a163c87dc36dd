import Simulation
import Testing

@testable import BatonCore

/// What is decided from settings and invented places.
@Suite struct PlanTests {
    private func settings(_ variables: [String: String]) -> Settings {
        Settings.parse(variables.map { ($0.key, $0.value) }).0
    }

    private func plan(_ variables: [String: String], _ change: (inout Place) -> Void = { _ in }) -> Plan {
        var place = Place()
        change(&place)
        return Plan(settings(variables), place)
    }

    private static let watched = ["BATON_WATCH": "/etc/app"]

    private struct Case {
        var variables: [String: String] = watched
        var isShell = false
        var gainsPrivileges = false
        var adoption = Place.Ability.notTried
        let choice: Plan.Adoption
        let reason: String
    }

    private static let adoptions: [Case] = [
        Case(variables: [:], choice: .no, reason: "no change can hand over"),
        Case(choice: .wherePossible, reason: "the app opens its sockets itself"),
        Case(adoption: .works, choice: .wherePossible, reason: "the app opens its sockets itself"),
        Case(adoption: .refused("the kernel is older than 5.9"), choice: .refused, reason: "older than 5.9"),
        Case(gainsPrivileges: true, choice: .no, reason: "gains privileges"),
        Case(
            variables: ["BATON_WATCH": "/a", "BATON_ADOPT": "on"], gainsPrivileges: true, choice: .must,
            reason: "BATON_ADOPT=on"),
        Case(
            variables: ["BATON_ADOPT": "on"], adoption: .refused("seccomp(2) is forbidden"), choice: .refused,
            reason: "forbidden"),
        Case(variables: ["BATON_WATCH": "/a", "BATON_ADOPT": "off"], choice: .no, reason: "BATON_ADOPT=off"),
        Case(variables: ["BATON_WATCH": "/a", "BATON_STEER": "off"], choice: .no, reason: "BATON_STEER=off"),
        Case(variables: ["BATON_WATCH": "/a", "BATON_ON_CHANGE": "reload"], choice: .no, reason: "no change"),
        Case(variables: ["BATON_LISTEN": "tcp://*:80"], choice: .no, reason: "from BATON_LISTEN"),
        Case(
            variables: ["BATON_LISTEN": "tcp://*:80"], isShell: true, choice: .wherePossible,
            reason: "that a shell starts"),
    ]

    @Test func adoptionFollowsFromSettingsPlaceAndProgram() {
        for one in Self.adoptions {
            let decision = plan(one.variables) {
                $0.program = .init(isShell: one.isShell, gainsPrivileges: one.gainsPrivileges)
                $0.adoption = one.adoption
            }.adoption
            #expect(decision.choice == one.choice && decision.reason.contains(one.reason), "\(one): \(decision)")
        }
    }

    @Test func steeringFollowsFromSettingsAndPlace() {
        #expect(!plan(["BATON_WATCH": "/a"]).steering.choice)
        #expect(
            plan(["BATON_WATCH": "/a"]).steering.reason
                == "BATON_LISTEN is not set; adopted sockets are steered in any case")
        #expect(plan(["BATON_WATCH": "/a", "BATON_ADOPT": "off"]).steering == .init(false, "BATON_LISTEN is not set"))
        #expect(plan(["BATON_LISTEN": "unix:///a"]).steering == .init(false, "BATON_LISTEN has no TCP address"))
        #expect(plan(["BATON_LISTEN": "tcp://*:80"]).steering == .init(true, "a change can hand over"))
        #expect(plan(["BATON_LISTEN": "tcp://*:80", "BATON_STEER": "off"]).steering.choice == false)
        #expect(plan(["BATON_LISTEN": "tcp://*:80", "BATON_ON_CHANGE": "none"]).steering.choice == false)
        let refused = plan(["BATON_LISTEN": "tcp://*:80"]) { $0.steering = .refused("EPERM") }
        #expect(refused.steering == .init(false, "EPERM"))
    }

    @Test func scanningFollowsFromWhatIsHeld() {
        #expect(plan(Self.watched).scanning.choice)
        #expect(!plan([:]).scanning.choice && !plan(["BATON_WATCH": "/a", "BATON_ADOPT": "off"]).scanning.choice)
        #expect(plan(["BATON_LISTEN": "tcp://*:80", "BATON_ADOPT": "off"]).scanning.choice)
        let notified = ["BATON_LISTEN": "tcp://*:80", "BATON_READY": "notify", "BATON_ON_CHANGE": "reload"]
        #expect(!plan(notified).scanning.choice)
        #expect(plan(notified.merging(["BATON_ON_CHANGE": "handover"]) { _, new in new }).scanning.choice)
    }

    @Test func whatAChangeDoesIsToldWithItsReason() {
        for (variables, choice, reason) in [
            ([:], "auto", "nothing is watched"),
            (Self.watched, "auto", "reload by HUP if the app itself handles it, else handover"),
            (["BATON_ENV_FROM": "/a"], "auto", "BATON_ENV_FROM needs a new process"),
            (["BATON_WATCH": "/a", "BATON_RELOAD_COMMAND": "x"], "auto", "reload by BATON_RELOAD_COMMAND"),
            (["BATON_WATCH": "/a", "BATON_ON_CHANGE": "none"], "none", "changes are recorded only"),
            (["BATON_WATCH": "/a", "BATON_ON_CHANGE": "handover"], "handover", "BATON_ON_CHANGE=handover"),
            (
                ["BATON_WATCH": "/a", "BATON_ON_CHANGE": "reload", "BATON_RELOAD_SIGNAL": "USR2"], "reload",
                "BATON_ON_CHANGE=reload, by USR2"
            ),
        ] {
            let decision = plan(variables).onChange
            #expect(
                decision.choice.rawValue == choice && decision.reason.contains(reason), "\(variables): \(decision)")
        }
    }

    @Test func eachDecisionHasItsReason() {
        for variables in [[:], Self.watched, ["BATON_STAGE_FILES": "on"], ["BATON_VALIDATE": "json"]] {
            var plan = plan(variables)
            plan.agent = .init(true, "BATON_ADMIN is set")
            #expect(plan.decisions.map(\.name) == ["on change", "adoption", "steering", "scanning", "stage", "agent"])
            #expect(plan.decisions.allSatisfy { !$0.choice.isEmpty && !$0.reason.isEmpty })
        }
        #expect(plan(["BATON_STAGE_FILES": "on"]).staging.choice && !plan(Self.watched).staging.choice)
    }

    @Test func theAgentIsStartedForWhatComesOverTheNetwork() {
        let mount = SubpathMount(point: "/etc/app.yaml", volume: nil, path: "app.yaml")
        #expect(!Plan.agent(settings(Self.watched), []).choice && Plan.agent(settings(Self.watched), [mount]).choice)
        for variables in [["BATON_WATCH": "https://config.example/app.yaml"], ["BATON_ADMIN": "127.0.0.1:9000"]] {
            #expect(Plan.agent(settings(variables), []).choice)
        }
    }

    @Test func aHandoverWithoutASocketIsWarnedOf() {
        func events(_ variables: [String: String], gainsPrivileges: Bool = false) -> [LogEvent] {
            var place = Place()
            place.program = .init(isShell: false, gainsPrivileges: gainsPrivileges)
            return Plan.warnings(settings(variables), place).map(\.event)
        }
        let alone = ["BATON_ON_CHANGE": "handover", "BATON_ADOPT": "off"]
        #expect(events(alone) == [.handoverWithoutSocket])
        #expect(events(alone.merging(["BATON_LISTEN": "tcp://*:80"]) { $1 }).isEmpty)
        #expect(events(["BATON_ON_CHANGE": "handover"]).isEmpty)
        #expect(events(Self.watched, gainsPrivileges: true) == [.notAdopted])
    }

    @Test func aProbationWithNothingToGoBackToIsWarnedOf() {
        func isWarned(_ variables: [String: String]) -> Bool {
            Plan.warnings(settings(Self.watched.merging(variables) { $1 }), Place()).contains {
                $0.event == .probationWithoutStage
            }
        }
        #expect(isWarned(["BATON_PROBATION": "10s"]))
        #expect(!isWarned(["BATON_PROBATION": "10s", "BATON_STAGE_FILES": "on"]))
        #expect(!isWarned(["BATON_PROBATION": "10s", "BATON_ON_CHANGE": "handover"]))
        #expect(!isWarned(["BATON_PROBATION": "0s"]) && !isWarned([:]))
    }

    /// A refusal that only shows once the app runs stands in the status, too.
    @Test func theStatusTellsWhatHasComeOfThePlan() {
        var story = Story { $0.adopts = true }
        story.tell(.launched(1), .adoptionRefused("not permitted"))
        let records = story.supervisor.status(at: story.now, wall: { _ in 0 }).filter { $0.kind == .plan }
        #expect(records.count == 6)
        let adoption = records.first { $0.text("decision") == "adoption" }
        #expect(adoption?.text("choice") == "refused" && adoption?.text("reason") == "not permitted")
    }
}
