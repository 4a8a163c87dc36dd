import BatonCore
import BatonLinux
import CBatonShims
import Glibc
import TestSupport
import Testing

@testable import BatonLaunch

@Suite struct SocketConventionTests {
    private let sockets: [ListenSockets.Description] = [
        .init(name: "http", endpoint: .tcp(.any, port: 0), port: 8080),
        .init(name: "dns", endpoint: .udp(.ipv4("127.0.0.1"), port: 53), port: 53),
        .init(name: "admin", endpoint: .tcp(.ipv6("::1"), port: 81), port: 81),
        .init(name: "run/a.sock", endpoint: .unix(path: "/run/a.sock"), port: nil),
    ]

    @Test func everyConventionNamesTheSameDescriptors() {
        let variables = Dictionary(
            uniqueKeysWithValues: SocketConventions.variables(sockets, generation: 7).map { ($0.name, $0.value) })
        #expect(
            variables == [
                "LISTEN_FDS": "4", "LISTEN_FDNAMES": "http:dns:admin:run/a.sock", "NGINX": "3;4;5;6;",
                "SERVER_STARTER_PORT": "8080=3;[::1]:81=5;/run/a.sock=6", "SERVER_STARTER_GENERATION": "7",
                "FPM_SOCKETS": "[::]:8080=3,0.0.0.0:8080=3,[::1]:81=5,/run/a.sock=6", "EINHORN_FD_COUNT": "4",
                "EINHORN_FD_0": "3", "EINHORN_FD_1": "4", "EINHORN_FD_2": "5", "EINHORN_FD_3": "6",
                "BATON_FD_HTTP": "3",
                "BATON_FD_DNS": "4", "BATON_FD_ADMIN": "5", "BATON_FD_RUN_A_SOCK": "6",
            ])
        #expect(SocketConventions.variables([], generation: 1).isEmpty)
    }

    @Test func whatBatonItselfWasGivenIsNotPassedOn() {
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "EINHORN_FD_COUNT", "NGINX"] {
            #expect(SocketConventions.isInherited(EnvironmentVariable(name: name, value: "1")))
        }
        #expect(!SocketConventions.isInherited(EnvironmentVariable(name: "PATH", value: "/bin")))
    }
}
