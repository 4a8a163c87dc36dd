import BatonCore

extension SimulatedWorld {
    /// What the world does of itself, at any moment, or says although it cannot be.
    mutating func mischief() -> Supervisor.Event {
        let numbers = Array(processes.keys.sorted())
        let someone = numbers.randomElement(using: &random) ?? GenerationNumber(Int.random(in: 0..<5, using: &random))
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<35:
            beginWriting(Int.random(in: 0..<4, using: &random) == 0 ? max(1, written &- 1) : written + 1)
            return .tick
        case 35..<45: return .touched(atomic: Bool.random(using: &random))
        case 45..<50: return .signal(.hangUp)
        case 50..<52:
            return [.pauseAsked, .resumeAsked, .resumeAsked, .rollbackAsked].randomElement(using: &random) ?? .tick
        case 52..<54:
            return .signal([Signal.cont, .terminalStop, .pipe, .child].randomElement(using: &random) ?? .cont)
        case 54..<55: return .signal(Int.random(in: 0..<3, using: &random) == 0 ? .terminate : .interrupt)
        case 55..<62:
            return .exited(
                someone, [.exited(0), .exited(3), .signalled(11)].randomElement(using: &random) ?? .exited(0),
                leftovers: false)
        case 62..<72: return .notified(someone, notification())
        case 72..<76: return .readyDescriptor(someone, isReady: Bool.random(using: &random))
        case 76..<80: return .probeFinished(someone, isReady: Bool.random(using: &random))
        case 80..<83: return .appStopped(someone)
        case 83..<85: return .groupEmptied(someone)
        case 85..<86: return .disposition(someone, .unknown)
        case 86..<87 where Bool.random(using: &random): return .listensItself(someone)
        case 86..<87 where setup.adopts: return .adoptionRefused("the kernel is old")
        case 87..<88: return .mountSuperseded(path: "/etc/app/app.yaml")
        case 88..<90: return .childrenGone
        default: return .tick
        }
    }

    private mutating func notification() -> Notification {
        var notification = Notification()
        switch Int.random(in: 0..<6, using: &random) {
        case 0, 1: notification.ready = true
        case 2: notification.reloading = true
        case 3: notification.stopping = true
        case 4: notification.extendTimeout = .milliseconds(1500)
        default: notification.status = "busy"
        }
        return notification
    }
}
