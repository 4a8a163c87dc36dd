import BatonCore
import BatonLaunch
import BatonLinux
import BatonWatch
import Glibc

// What the agent tells.
extension Loop {
    func register(_ agent: AgentProcess) { register(.agent, agent.descriptor) }

    func readAgent() {
        guard let agent else { return }
        switch agent.receive() {
        case .end: descriptors.remove(.agent)
        case .invalid(let reason):
            logger.log(LogRecord(.agentProtocolError, "killing the agent: \(reason)"))
            descriptors.remove(.agent)
            Processes.signal(process: agent.pid, .kill)
        case .messages(let messages):
            for message in messages {
                switch message {
                case .hello: break
                case .ask(let request): agent.answer(answer(request))
                case .staged(let source, _):
                    takeOver(source)
                    enqueue(.sourceArrived(source))
                case .absent(let source): enqueue(.sourceArrived(source))
                case .log(let record): logger.log(record)
                }
            }
        }
    }
}
