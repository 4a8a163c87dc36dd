import BatonCore
import Glibc
import TestSupport
import Testing

@testable import BatonLinux

@Suite struct SocketsTests {
    private func open(_ text: String) throws -> UInt16? {
        let (settings, problems) = Settings.parse([("BATON_LISTEN", text)])
        #expect(problems.isEmpty)
        let fd = try Sockets.open(try #require(settings.listen.first).endpoint)
        #expect(fcntl(fd.number, F_GETFD) & FD_CLOEXEC != 0)
        #expect(fcntl(fd.number, F_GETFL) & O_NONBLOCK == 0)
        return Sockets.port(of: fd)
    }

    @Test(arguments: [
        "tcp://127.0.0.1:0", "tcp://[::1]:0", "tcp://*:0", "tcp://:0", "udp://127.0.0.1:0", "udp://[::]:0",
        "tcp://localhost:0",
    ])
    func internetSocketsAreOpened(_ text: String) throws {
        do {
            #expect(try #require(try open(text)) > 0)
        } catch let error as LinuxError where error.errno == EAFNOSUPPORT || error.errno == EADDRNOTAVAIL {
            withKnownIssue("this machine has no IPv6", isIntermittent: true) { Issue.record("\(error)") }
        }
    }

    @Test func anAddressInUseIsToldSo() throws {
        let fd = try Sockets.open(.tcp(.ipv4("127.0.0.1"), port: 0))
        let bound = Sockets.port(of: fd)
        let port = try #require(bound)
        #expect(throws: LinuxError("bind", "tcp://127.0.0.1:\(port)", errno: EADDRINUSE)) {
            _ = try Sockets.open(.tcp(.ipv4("127.0.0.1"), port: port))
        }
        #expect(
            LinuxError("bind", "tcp://127.0.0.1:80", errno: EADDRINUSE).description
                == "cannot bind tcp://127.0.0.1:80: Address already in use (EADDRINUSE)")
    }

    @Test func aDeadSocketsFileIsReplacedALivingOnesIsNot() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("a.sock")
        do { _ = try Sockets.open(.unix(path: path)) }
        #expect(fileExists(path))
        let living = try Sockets.open(.unix(path: path))
        #expect(throws: LinuxError("bind", "unix://\(path)", errno: EADDRINUSE)) {
            _ = try Sockets.open(.unix(path: path))
        }
        _ = consume living
        writeFile(directory.file("plain"), "keep me")
        #expect(throws: LinuxError.self) { _ = try Sockets.open(.unix(path: directory.file("plain"))) }
        #expect(readFile(directory.file("plain")) == "keep me")
    }

    @Test func acceptedConnectionsInheritNoDelay() throws {
        let listener = try Sockets.open(.tcp(.ipv4("127.0.0.1"), port: 0))
        var on: Int32 = 0
        var size = socklen_t(MemoryLayout<Int32>.size)
        let noDelay: Int32 = 1
        #expect(getsockopt(listener.number, Int32(IPPROTO_TCP), noDelay, &on, &size) == 0 && on != 0)
    }
}
