import BatonCore
import CBatonShims
import Glibc
import TestSupport
import Testing

@testable import BatonLinux

@Suite struct ForeignSocketTests {
    @Test func aSocketOfAnotherProcessIsSeenAsItIs() throws {
        let listener = try Sockets.open(.tcp(.ipv4("127.0.0.1"), port: 0))
        SocketOption.reusePort.apply(to: listener.number)
        let socket = try AppSocket(ForeignDescriptor(thread: .own, number: listener.number), OwnNetwork())
        #expect(socket?.inode == Sockets.inode(of: listener.number))
        #expect(socket?.isTCP == true && socket?.isElsewhere == false)
        #expect(socket?.isNonBlocking == false && socket?.closesOnExec == true)
        if ForeignDescriptor.canBeCopied {
            #expect(socket?.options?.contains(where: \.isReusePort) == true)
        } else {
            #expect(socket?.options == nil)
        }
        let pipe = try Pipe()
        #expect(try AppSocket(ForeignDescriptor(thread: .own, number: pipe.read.number)) == nil)
        let datagram = try Sockets.open(.udp(.ipv4("127.0.0.1"), port: 0))
        #expect(try AppSocket(ForeignDescriptor(thread: .own, number: datagram.number))?.isTCP == false)
    }

    @Test func aCopyIsOfTheSameSocketAndClosedOnExec() throws {
        guard ForeignDescriptor.canBeCopied else { return }
        let listener = try Sockets.open(.tcp(.ipv4("127.0.0.1"), port: 0))
        let copy = ForeignDescriptor(thread: .own, number: listener.number).copy()
        guard let copy else {
            Issue.record("no copy")
            return
        }
        #expect(copy.number != listener.number && fcntl(copy.number, F_GETFD) & FD_CLOEXEC != 0)
        #expect(Sockets.inode(of: copy.number) == Sockets.inode(of: listener.number))
        if ForeignDescriptor(thread: .own, number: 9999).copy() != nil { Issue.record("there is none to copy") }
    }
}
