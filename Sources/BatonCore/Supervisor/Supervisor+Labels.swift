// The names of states, as the state diagrams have them (States.md, checked against what the simulation takes).
extension Supervisor {
    package var label: String {
        switch life {
        case .preparing(.new): "new"
        case .preparing(.awaiting): "awaiting"
        case .preparing(.reading): "reading"
        case .preparing(.staging): "copying"
        case .preparing(.validating): "checking"
        case .running: "running"
        case .stopping(let stop):
            switch stop.step {
            case .delaying: "delaying"
            case .terminating: "terminating"
            case .orphans: "orphans"
            case .killed: "killing"
            }
        case .exited: "exited"
        }
    }
}

extension Generation {
    package var label: String {
        switch state {
        case .starting: "starting"
        case .serving: "serving"
        case .standby: "standby"
        case .draining(let draining):
            switch draining.step {
            case .quiet: "quiet"
            case .signalled: "signalled"
            case .killed: "killed"
            }
        case .leftovers: "leftovers"
        }
    }
}

extension Supervisor.Move.Step {
    package var label: String {
        switch self {
        case .staging: "staging"
        case .validating: "validating"
        case .paused: "paused"
        case .splaying: "splaying"
        case .inspecting: "inspecting"
        case .reloading: "reloading"
        case .holding: "holding"
        case .scanning: "scanning"
        case .awaitingGone: "awaiting-gone"
        case .starting: "starting"
        }
    }
}
