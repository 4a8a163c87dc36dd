import BatonCore
import CBatonShims
import Glibc
import TestSupport
import Testing

@testable import BatonLinux

@Suite struct SocketOptionTests {
    /// The core knows the numbers of the few options that decide something.
    @Test func theCoresNumbersAreLinuxs() {
        func isFreeBind(_ level: Int, _ name: Int32) -> Bool {
            SocketOption(level: Int32(level), name: name, value: 1).isFreeBind
        }
        #expect(SocketOption.Level.socket == SOL_SOCKET && SocketOption.Level.tcp == Int32(IPPROTO_TCP))
        #expect(SocketOption.Level.ip == Int32(IPPROTO_IP) && SocketOption.Level.ipv6 == Int32(IPPROTO_IPV6))
        #expect(SocketOption.reusePort.isReusePort && SocketOption.isIPv6Only(false).isIPv6Only)
        #expect(isFreeBind(Int(IPPROTO_IP), IP_FREEBIND) && isFreeBind(Int(IPPROTO_IPV6), IPV6_FREEBIND))
        // SO_REUSEPORT and IP_FREEBIND have the same number, at other levels.
        #expect(!SocketOption.reusePort.isFreeBind && !SocketOption.noDelay.isReusePort)
        #expect(!SocketOption.noDelay.isIPv6Only && !SocketOption.noDelay.isFreeBind)
    }

    private func newSocket(_ family: Int32 = AF_INET) -> FileDescriptor {
        FileDescriptor(owning: socket(family, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0))
    }

    @Test func whatDiffersFromANewSocketIsCarried() {
        let theirs = newSocket()
        #expect(SocketOption.carried(from: theirs).isEmpty)
        let set = [
            SocketOption.reusePort, .deferAccept(seconds: 30),
            SocketOption(level: SocketOption.Level.socket, name: SO_KEEPALIVE, value: 1),
            SocketOption(level: SocketOption.Level.tcp, name: TCP_KEEPIDLE, value: 77),
            SocketOption(level: SocketOption.Level.socket, name: SO_RCVBUF, value: 8192),
        ]
        for option in set { option.apply(to: theirs.number) }
        let carried = SocketOption.carried(from: theirs)
        // The kernel rounds the time to whole retransmissions.
        #expect(Set(carried.map(\.name)) == Set(set.map(\.name)))
        #expect(carried.contains(set[2]) && carried.contains(set[3]) && carried.contains(set[4]))
        // What has been carried once is carried on as it is.
        let next = newSocket()
        for option in carried { option.apply(to: next.number) }
        #expect(SocketOption.carried(from: next) == carried)
    }

    @Test func whatCannotBeReadCarriesNothing() throws {
        let pipe = try Pipe()
        #expect(SocketOption.carried(from: pipe.write).isEmpty)
        #expect(!SocketOption.reusePort.set(on: pipe.write.number) && errno == ENOTSOCK)
    }

    @Test func aShutDownListenerIsKnown() throws {
        let listener = try Sockets.open(.tcp(.ipv4("127.0.0.1"), port: 0))
        #expect(Sockets.isListening(listener.number) == true)
        shutdown(listener.number, Int32(SHUT_RD))
        #expect(Sockets.isListening(listener.number) == false)
        #expect(try Sockets.repair(listener.number, "it"))
        #expect(Sockets.isListening(listener.number) == true && Sockets.isListening(-1) == nil)
    }
}
