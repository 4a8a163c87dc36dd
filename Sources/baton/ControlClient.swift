import BatonCore
import BatonLinux
import Glibc

/// The other side of the control socket: `baton status` and the others that ask a running Baton.
struct ControlClient {
    let path: String

    /// Why there is no answer, in words.
    struct Failure: Error { let reason: String }

    /// The place that Baton's own environment names, which every process of the container has.
    init(_ environment: [EnvironmentVariable]) throws(Failure) {
        let set = environment.last { $0.isNamed("BATON_CONTROL") }?.value ?? ""
        guard set != "off" else { throw Failure(reason: "BATON_CONTROL is off: Baton has no control socket") }
        path = set.isEmpty || set == "auto" ? ControlAddress.usualPath : set
    }

    func ask(_ request: StatusRequest) throws(Failure) -> [StatusRecord] {
        let text: String
        do throws(LinuxError) { text = try Sockets.ask(path, request.rawValue + "\n", limit: 1 << 20) } catch {
            let advice =
                switch error.errno {
                case ENOENT, ECONNREFUSED:
                    ": no Baton listens there (BATON_CONTROL sets the path; by default Baton listens only if /run is writable)"
                case EACCES, EPERM: ": only root and the user that Baton runs as may connect"
                default: ""
                }
            throw Failure(reason: "\(error)\(advice)")
        }
        let records = text.split(separator: "\n").compactMap { StatusRecord(line: Array($0.utf8)) }
        guard records.last?.kind == .end else {
            throw Failure(
                reason:
                    "Baton closed the connection before the end of its answer: only root and the user that Baton runs as get one"
            )
        }
        if let refused = records.first(where: { $0.kind == .refused }) {
            throw Failure(reason: refused.text("reason") ?? "refused")
        }
        return records.filter { $0.kind != .end }
    }

    /// Asks for a change and waits for its outcome.
    func change(_ request: StatusRequest, _ told: (StatusRecord) -> Void) throws(Failure) -> StatusRecord {
        let before = try changes().last?.number("change") ?? 0
        _ = try ask(request)
        var step: [String?] = []
        while true {
            let records = try ask(.history)
            let change = records.last { $0.kind == .change && ($0.number("change") ?? 0) > before }
            if let change, change.number("ended_at") != nil { return change }
            if let baton = records.first(where: { $0.kind == .baton }),
                step != [baton.text("step"), baton.text("waits_for")]
            {
                step = [baton.text("step"), baton.text("waits_for")]
                told(baton)
            }
            poll(nil, 0, 100)
        }
    }

    private func changes() throws(Failure) -> [StatusRecord] { try ask(.history).filter { $0.kind == .change } }
}
