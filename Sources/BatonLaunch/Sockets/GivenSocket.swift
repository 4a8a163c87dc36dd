import BatonLinux

/// A listening socket of Baton's that a generation is given.
struct GivenSocket {
    let number: Int32
    /// New connections can be moved from it to another generation's.
    let isSteered: Bool
    /// Other generations may have it, too: its flags (O_NONBLOCK) are theirs as well.
    let isShared: Bool
}

/// A socket that takes the place of one which the app binds.
enum BoundSocket: ~Copyable {
    /// BATON_LISTEN names the address, and the app took no notice of LISTEN_FDS.
    case listening(GivenSocket)
    /// Bound, and made for this app. Baton keeps no copy: a socket that is bound to connect from stays the app's.
    case fresh(FileDescriptor)
}

/// How the sockets of one address are reached, to ask a generation.
enum ReachedSocket {
    case shared(Int32)
    case steered(SteeredGroup)
}

/// Sockets that a program has shut down, in words.
enum SocketRepair {
    /// - Parameter repair: adds what it has done.
    static func findings(_ repair: (inout [String]) throws(LinuxError) -> Void) -> [String] {
        var findings: [String] = []
        do throws(LinuxError) {
            try repair(&findings)
        } catch {
            findings.append("\(error); it refuses clients until Baton is restarted")
        }
        return findings
    }
}
