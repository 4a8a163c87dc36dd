import BatonCore
import BatonLinux
import Glibc

/// `baton status`, `history`, `reload`, `rollback`, `pause` and `resume`: a running Baton is asked over its control socket.
enum Question {
    /// EX_UNAVAILABLE of sysexits(3): nobody answers.
    private static let unavailableCode: Int32 = 69

    static func ask(_ request: StatusRequest, _ form: Arguments.Form) -> Int32 {
        do throws(ControlClient.Failure) {
            let client = try ControlClient(EnvironmentVariable.all())
            let text = StatusText(isForTerminal: isatty(1) == 1)
            guard request == .reload || request == .rollback, form != .noWait else {
                let records = try client.ask(request)
                print(form == .json ? StatusRecord.document(records) : text.text(records, request), terminator: "")
                return 0
            }
            let change = try client.change(request) { baton in
                if form == .people, let progress = text.progress(baton) { print(progress) }
            }
            print(form == .json ? change.json + "\n" : text.outcome(change), terminator: "")
            return change.text("outcome") == "applied" ? 0 : 1
        } catch {
            Invocation.complain(error.reason)
            return unavailableCode
        }
    }
}
