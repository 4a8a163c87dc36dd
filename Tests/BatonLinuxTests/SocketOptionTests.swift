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

@Suite struct ForeignSocketTests {
    @Test func aSocketOfAnotherProcessIsSeenAsItIs() throws {
        let listener = try Sockets.open(.tcp(.ipv4("127.0.0.1"), port: 0))
        SocketOption.reusePort.apply(to: listener.number)
        let socket = try AppSocket(ForeignDescriptor(thread: getpid(), number: listener.number), OwnNetwork())
        #expect(socket?.inode == Sockets.inode(of: listener.number))
        #expect(socket?.isTCP == true && socket?.isElsewhere == false)
        #expect(socket?.isNonBlocking == false && socket?.closesOnExec == true)
        if ForeignDescriptor.canBeCopied {
            #expect(socket?.options?.contains(where: \.isReusePort) == true)
        } else {
            #expect(socket?.options == nil)
        }
        let pipe = try Pipe()
        #expect(try AppSocket(ForeignDescriptor(thread: getpid(), number: pipe.read.number)) == nil)
        let datagram = try Sockets.open(.udp(.ipv4("127.0.0.1"), port: 0))
        #expect(try AppSocket(ForeignDescriptor(thread: getpid(), number: datagram.number))?.isTCP == false)
    }

    @Test func aCopyIsOfTheSameSocketAndClosedOnExec() throws {
        guard ForeignDescriptor.canBeCopied else { return }
        let listener = try Sockets.open(.tcp(.ipv4("127.0.0.1"), port: 0))
        let copy = ForeignDescriptor(thread: getpid(), number: listener.number).copy()
        guard let copy else {
            Issue.record("no copy")
            return
        }
        #expect(copy.number != listener.number && fcntl(copy.number, F_GETFD) & FD_CLOEXEC != 0)
        #expect(Sockets.inode(of: copy.number) == Sockets.inode(of: listener.number))
        if ForeignDescriptor(thread: getpid(), number: 9999).copy() != nil { Issue.record("there is none to copy") }
    }
}

@Suite struct HostTextTests {
    /// The address of a socket is compared with those of BATON_LISTEN by its text.
    @Test func addressesAreWrittenAsInetNtopWritesThem() {
        var random = RandomSource(seed: 5)
        for round in 0..<30_000 {
            let count = round % 3 == 0 ? 4 : 16
            // Many zeros, so that runs of every length and place come.
            var bytes = (0..<count).map { _ in
                Int.random(in: 0..<4, using: &random) == 0 ? UInt8.random(in: 0...255, using: &random) : 0
            }
            if count == 16, round % 5 == 0 { bytes.replaceSubrange(0..<12, with: [UInt8](repeating: 0, count: 12)) }
            if count == 16, round % 7 == 0 {
                bytes.replaceSubrange(0..<12, with: [UInt8](repeating: 0, count: 10) + [0xff, 0xff])
            }
            var text = [CChar](repeating: 0, count: 64)
            let isWritten = inet_ntop(count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count)) != nil
            let wanted = String(decoding: text.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
            let host = ListenAddress.Host(bytes, isIPv6Only: true)
            #expect(isWritten && host == (count == 4 ? .ipv4(wanted) : .ipv6(wanted)), "\(bytes)")
            #expect(host?.bytes == bytes)
        }
    }
}
