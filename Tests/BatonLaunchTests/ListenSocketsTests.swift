import BatonCore
import BatonLinux
import Glibc
import TestSupport
import Testing

@testable import BatonLaunch

/// What calls of the app's come to, on real sockets of the kernel's.
@Suite struct ListenSocketsTests {
    private static let local = ListenAddress.Host.ipv4("127.0.0.1")

    /// The number of a port that was free a moment ago.
    private func freeEndpoint() throws -> ListenAddress.Endpoint {
        let socket = try Sockets.bound(.tcp(Self.local, port: 0))
        let port = Sockets.port(of: socket)
        return .tcp(Self.local, port: try #require(port))
    }

    private func isFresh(_ socket: consuming BoundSocket) -> Bool {
        switch consume socket {
        case .fresh: true
        case .listening: false
        }
    }

    private func configured(_ text: String, steers: Bool) throws -> ListenSockets {
        let (settings, problems) = Settings.parse([("BATON_LISTEN", text)])
        #expect(problems.isEmpty)
        return try ListenSockets(settings.listen, steers: steers)
    }

    @Test func eachGenerationListensOnItsOwnSocketOfOneAddress() throws {
        let sockets = try ListenSockets([], steers: false)
        let endpoint = try freeEndpoint()
        #expect(isFresh(try sockets.bind(endpoint, [], for: 1)))
        #expect(sockets.adoptedListener(endpoint, of: 1) == nil)
        let first = try sockets.listen(endpoint, [], for: 1, mustSteer: true)
        #expect(first.isSteered && !first.isShared)
        #expect(isFresh(try sockets.bind(endpoint, [], for: 2)))
        #expect(sockets.missing(from: 2, comparedTo: 1) == [endpoint])
        let second = try sockets.listen(endpoint, [], for: 2, mustSteer: true)
        #expect(second.number != first.number && sockets.missing(from: 2, comparedTo: 1).isEmpty)
        #expect(try sockets.listen(endpoint, [], for: 1, mustSteer: true).number == first.number)
        #expect(sockets.adoptedListener(endpoint, of: 2)?.inode == Sockets.inode(of: second.number))
        #expect(sockets.listeners(of: 1).map(\.endpoint) == [endpoint] && sockets.listeners(of: 3).isEmpty)
        try sockets.steer(to: 2)
        sockets.release(1)
        #expect(try sockets.listen(endpoint, [], for: 3, mustSteer: true).number == first.number)
    }

    @Test func anAddressThatSomebodyElseListensOnIsRefused() throws {
        let other = try Sockets.open(.tcp(Self.local, port: 0))
        let port = Sockets.port(of: other)
        let endpoint = ListenAddress.Endpoint.tcp(Self.local, port: try #require(port))
        let sockets = try ListenSockets([], steers: false)
        #expect(throws: LinuxError("bind", endpoint.description, errno: EADDRINUSE)) {
            _ = try sockets.bind(
                endpoint, [SocketOption(level: SocketOption.Level.socket, name: SO_REUSEPORT, value: 1)], for: 1)
        }
    }

    @Test func anAddressThatNoServingGenerationHasIsGivenBack() throws {
        let sockets = try ListenSockets([], steers: false)
        let (one, other) = (try freeEndpoint(), try freeEndpoint())
        _ = try sockets.listen(one, [], for: 1, mustSteer: true)
        _ = try sockets.listen(other, [], for: 1, mustSteer: true)
        _ = try sockets.listen(one, [], for: 2, mustSteer: true)
        try sockets.steer(to: 2)
        #expect(throws: LinuxError.self) { _ = try Sockets.open(other) }
        sockets.release(1)
        _ = try Sockets.open(other)
        #expect(sockets.listeners(of: 2).map(\.endpoint) == [one])
    }

    @Test(arguments: [true, false]) func whatBatonListenNamesIsGivenAsItIs(_ steers: Bool) throws {
        let sockets = try configured("tcp://127.0.0.1:0", steers: steers)
        let endpoint = try #require(sockets.descriptions.first).actualEndpoint
        let number = try #require(try sockets.take(for: 1).first)
        guard case .listening(let bound) = try sockets.bind(endpoint, [], for: 1) else {
            Issue.record("it is configured")
            return
        }
        let given = try sockets.listen(endpoint, [], for: 1, mustSteer: false)
        #expect(bound.number == number && given.number == number)
        #expect(given.isSteered == steers && given.isShared == !steers)
        #expect(try sockets.take(for: 2).first == number || steers)
        #expect(sockets.listeners(of: 1).map(\.isAdopted) == [false])
    }

    @Test func whatAProgramHasShutDownOrRemovedIsBack() throws {
        let directory = TemporaryDirectory()
        let path = directory.file("a.sock")
        let sockets = try configured("tcp://127.0.0.1:0,udp://127.0.0.1:0,unix://\(path)", steers: true)
        let endpoint = try freeEndpoint()
        let adopted = try sockets.listen(endpoint, [], for: 1, mustSteer: true)
        let numbers = try sockets.take(for: 1)
        #expect(sockets.repair().isEmpty)
        shutdown(adopted.number, Int32(SHUT_RD))
        shutdown(try #require(numbers.first), Int32(SHUT_RD))
        unlink(path)
        let configured = try #require(sockets.descriptions.first).actualEndpoint
        #expect(
            sockets.repair() == [
                "\(endpoint) was shut down and listens again",
                "\(configured) was shut down and listens again", "unix://\(path) was removed and exists again",
            ])
        #expect(sockets.repair().isEmpty && fileExists(path))
        sockets.removePaths()
        #expect(!fileExists(path))
    }

    @Test func allAreOpenedOrNone() throws {
        let free = try freeEndpoint()
        let other = try Sockets.open(.tcp(Self.local, port: 0))
        let port = Sockets.port(of: other)
        #expect(throws: LinuxError.self) {
            _ = try configured("\(free),tcp://127.0.0.1:\(port ?? 0)", steers: false)
        }
        _ = try Sockets.open(free)
    }
}
