import BatonLinux
import Glibc

/// What kept Baton from starting the app at all, and what to do about it.
struct StartFailure: Error, CustomStringConvertible {
    /// The steps for which advice can be given.
    enum Step { case agent, sockets, stage, other }

    let step: Step
    let error: LinuxError

    /// Runs one step of the start.
    static func naming<T: ~Copyable>(_ step: Step, _ body: () throws(LinuxError) -> T) throws(StartFailure) -> T {
        do throws(LinuxError) { return try body() } catch { throw StartFailure(step: step, error: error) }
    }

    var description: String { advice.map { "\(error); \($0)" } ?? "\(error)" }

    private var advice: String? {
        switch (step, error.errno) {
        case (.agent, _):
            "remote sources, BATON_ADMIN, BATON_SUBPATH=stage and BATON_VALIDATE=json or yaml need baton-agent in the same "
                + "directory as baton: copy it into the image too"
        case (.sockets, EADDRINUSE):
            "another process uses the address: stop it, or choose another address in BATON_LISTEN"
        case (.sockets, EACCES):
            "a port below 1024 needs CAP_NET_BIND_SERVICE (or net.ipv4.ip_unprivileged_port_start), a path needs a writable "
                + "directory"
        case (.sockets, EADDRNOTAVAIL): "no network interface has this address (BATON_LISTEN)"
        case (.stage, EACCES), (.stage, EROFS):
            "Baton keeps snapshots there: mount an emptyDir (medium: Memory), or set BATON_STAGE to another directory"
        default: nil
        }
    }
}
