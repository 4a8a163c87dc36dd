import Testing

@testable import BatonCore

/// What the app does and its socket is like, and how often each was asked for.
private final class Facts: BindFacts {
    enum Gone: Error { case gone }

    var bytes: [UInt8]? = [127, 0, 0, 1]
    var port: UInt16 = 8080
    var scope: UInt32 = 0
    var isSocket = true
    var inode: UInt64 = 7
    var isTCP = true
    var options: [SocketOption]? = []
    var isElsewhere = false
    var isOnlyByDefault = false
    var isListenedOn = false
    var fails = false
    private(set) var asked: [String] = []

    init(_ change: (Facts) -> Void = { _ in }) { change(self) }

    func address() throws(Gone) -> SocketAddress? {
        asked.append("address")
        return bytes.map { SocketAddress($0, port: port, scope: scope) }
    }

    func socket() throws(Gone) -> AppSocket? {
        asked.append("socket")
        if fails { throw .gone }
        return isSocket ? appSocket : nil
    }

    func isIPv6OnlyByDefault() -> Bool {
        asked.append("v6only")
        return isOnlyByDefault
    }

    func isListenedOn(_ endpoint: ListenAddress.Endpoint) throws(Gone) -> Bool {
        asked.append("listeners")
        return isListenedOn
    }

    var appSocket: AppSocket {
        AppSocket(
            inode: inode, isTCP: isTCP, isNonBlocking: true, closesOnExec: false, options: options,
            isElsewhere: isElsewhere)
    }
}

/// The policy, to be asked within `#expect`, which takes no mutating calls.
private final class Policy {
    private var value: AdoptionPolicy
    init(_ value: AdoptionPolicy) { self.value = value }

    func bind(_ facts: Facts) throws -> AdoptionPolicy.BindAnswer { try value.bind(facts) }
    func listen(_ socket: AppSocket?) -> AdoptionPolicy.ListenAnswer { value.listen(socket) }
    func set(_ option: SocketOption, on inode: UInt64) { value.set(option, on: inode) }
    func hasReplaced(_ old: AdoptionPolicy.Replacement, with inode: UInt64, of generation: GenerationNumber) {
        value.hasReplaced(old, with: inode, of: generation)
    }
    func cannotAnswer(isGone: Bool) -> AdoptionPolicy.FailureAnswer { value.cannotAnswer(isGone: isGone) }
    func tellsRefusal() -> Bool { value.tellsRefusal() }
    func end(_ generation: GenerationNumber) { value.end(generation) }
}

@Suite struct AdoptionPolicyTests {
    private static let zero = [UInt8](repeating: 0, count: 16)
    private static let loopback = ListenAddress.Endpoint.tcp(.ipv4("127.0.0.1"), port: 8080)
    private static let v6Only = SocketOption(level: 41, name: 26, value: 1)
    private static let dualStack = SocketOption(level: 41, name: 26, value: 0)
    private static let reusePort = SocketOption(level: 1, name: 15, value: 1)
    private static let keepAlive = SocketOption(level: 1, name: 9, value: 1)

    private func policy(isRequired: Bool = false) -> Policy {
        Policy(
            AdoptionPolicy(
                except: [.init(bytes: nil, port: 9090), .init(bytes: [127, 0, 0, 1], port: 9091)],
                isRequired: isRequired))
    }

    private func replacement(_ answer: AdoptionPolicy.BindAnswer) -> AdoptionPolicy.Replacement? {
        if case .replace(let replacement) = answer { replacement } else { nil }
    }

    /// Bound once, and given a socket with inode 100.
    private func bound(_ facts: Facts = Facts(), of generation: GenerationNumber = 1) throws -> Policy {
        let policy = policy()
        let answer = try policy.bind(facts)
        policy.hasReplaced(try #require(replacement(answer)), with: 100, of: generation)
        return policy
    }

    // MARK: bind

    private static let stays: [(String, [String], @Sendable (Facts) -> Void)] = [
        ("no address of the internet", ["address"], { $0.bytes = nil }),
        ("port 0", ["address"], { $0.port = 0 }),
        ("a link-local address", ["address"], { $0.scope = 2 }),
        ("a port that the user excepts", ["address"], { $0.port = 9090 }),
        ("an address that the user excepts", ["address"], { $0.port = 9091 }),
        ("no socket", ["address", "socket"], { $0.isSocket = false }),
        ("UDP", ["address", "socket"], { $0.isTCP = false }),
    ]

    /// The kernel does it, and nothing is looked at that does not decide.
    @Test(arguments: stays.indices) func whatStaysTheAppsIsLetThrough(_ index: Int) throws {
        let (what, asked, change) = Self.stays[index]
        let facts = Facts(change)
        let policy = policy()
        #expect(try policy.bind(facts) == .letThrough, "\(what)")
        #expect(facts.asked == asked, "\(what)")
    }

    private static let endpoints: [(ListenAddress.Endpoint, @Sendable (Facts) -> Void)] = [
        (loopback, { _ in }),
        (.tcp(.ipv4("127.0.0.2"), port: 9091), { ($0.bytes, $0.port) = ([127, 0, 0, 2], 9091) }),
        (.tcp(.any, port: 8080), { $0.bytes = zero }),
        (.tcp(.ipv6("::"), port: 8080), { ($0.bytes, $0.isOnlyByDefault) = (zero, true) }),
        (.tcp(.ipv6("::"), port: 8080), { ($0.bytes, $0.options) = (zero, [v6Only]) }),
        (.tcp(.any, port: 8080), { ($0.bytes, $0.options, $0.isOnlyByDefault) = (zero, [dualStack], true) }),
        (.tcp(.ipv6("::1"), port: 8080), { $0.bytes = zero.dropLast() + [1] }),
    ]

    @Test(arguments: endpoints.indices) func aTCPSocketIsReplaced(_ index: Int) throws {
        let (endpoint, change) = Self.endpoints[index]
        let facts = Facts(change)
        let policy = policy()
        #expect(
            try policy.bind(facts)
                == .replace(.init(socket: facts.appSocket, endpoint: endpoint, options: facts.options ?? [])))
    }

    @Test func whereAnotherWorkerListensTheAppIsToldSoUnlessItSharesThePort() throws {
        let policy = policy()
        #expect(try policy.bind(Facts { $0.isListenedOn = true }) == .failAsInUse)
        let sharing = Facts { ($0.isListenedOn, $0.options) = (true, [Self.keepAlive, Self.reusePort]) }
        #expect(replacement(try policy.bind(sharing))?.endpoint == Self.loopback)
    }

    /// It is a scan of /proc, which every further worker of an app with SO_REUSEPORT would cost.
    @Test func whoListensIsNotAskedWhereThePortIsShared() throws {
        let policy = policy()
        let sharing = Facts { $0.options = [Self.reusePort] }
        #expect(try policy.bind(sharing) != .failAsInUse)
        #expect(!sharing.asked.contains("listeners"))
        let remembered = Facts { $0.options = nil }
        policy.set(Self.reusePort, on: remembered.inode)
        #expect(try policy.bind(remembered) != .failAsInUse)
        #expect(!remembered.asked.contains("listeners"))
        let alone = Facts()
        #expect(try policy.bind(alone) != .failAsInUse)
        #expect(alone.asked.contains("listeners"))
    }

    @Test func aSocketOfAnotherNetworkStaysThereWhichIsToldOnce() throws {
        let policy = policy()
        let facts = Facts { $0.isElsewhere = true }
        #expect(try policy.bind(facts) == .letThroughElsewhere(Self.loopback))
        #expect(try policy.bind(facts) == .letThrough)
        #expect(!facts.asked.contains("listeners"))
    }

    @Test func aBindThatWasInterruptedSucceedsOnce() throws {
        let policy = try bound()
        let again = Facts { $0.inode = 100 }
        #expect(try policy.bind(again) == .succeed)
        #expect(try policy.bind(again) == .letThrough)
        #expect(!again.asked.contains("listeners"))
        let other = try bound()
        #expect(try other.bind(Facts { ($0.inode, $0.port) = (100, 8081) }) == .letThrough)
        #expect(try other.bind(again) == .succeed)
    }

    @Test func whatCannotBeLookedAtIsThrownOn() {
        let policy = policy()
        #expect(throws: Facts.Gone.gone) { try policy.bind(Facts { $0.fails = true }) }
    }

    // MARK: listen

    @Test func listenOnABoundSocketIsReplacedAsOftenAsAWorkerAsks() throws {
        let policy = try bound()
        let socket = Facts { ($0.inode, $0.options) = (100, [Self.keepAlive]) }.appSocket
        let wanted = AdoptionPolicy.ListenAnswer.replace(
            .init(socket: socket, endpoint: Self.loopback, options: [Self.keepAlive]))
        #expect(policy.listen(socket) == wanted && policy.listen(socket) == wanted)
    }

    @Test func listenOnAnyOtherSocketStaysTheApps() throws {
        let policy = try bound(of: 3)
        #expect(policy.listen(nil) == .letThrough)
        #expect(policy.listen(Facts().appSocket) == .letThroughAsOwn, "its bind was on another one's place")
        let socket = Facts { $0.inode = 100 }.appSocket
        policy.end(2)
        #expect(policy.listen(socket) != .letThroughAsOwn)
        policy.end(3)
        #expect(policy.listen(socket) == .letThroughAsOwn)
    }

    // MARK: options

    @Test func optionsThatCannotBeReadAreRememberedFromWhereTheyWereSet() throws {
        let policy = policy()
        policy.set(Self.dualStack, on: 7)
        policy.set(Self.keepAlive, on: 7)
        policy.set(Self.v6Only, on: 7)
        let unreadable = Facts { ($0.options, $0.bytes) = (nil, Self.zero) }
        let replaced = try #require(replacement(try policy.bind(unreadable)))
        #expect(replaced.options == [Self.keepAlive, Self.v6Only])
        #expect(replaced.endpoint == .tcp(.ipv6("::"), port: 8080))
        policy.hasReplaced(replaced, with: 100, of: 1)
        policy.set(Self.reusePort, on: 100)
        let socket = Facts { ($0.inode, $0.options) = (100, nil) }.appSocket
        guard case .replace(let listening) = policy.listen(socket) else {
            Issue.record("it is bound")
            return
        }
        #expect(listening.options == [Self.keepAlive, Self.v6Only, Self.reusePort])
        // Those of the socket that has gone are forgotten: its inode may come again.
        #expect(replacement(try policy.bind(Facts { $0.options = nil }))?.options == [])
    }

    @Test func whatIsRememberedIsBounded() {
        var sockets = AppSockets()
        for name in 0..<100 { sockets.set(SocketOption(level: 6, name: Int32(name), value: 1), on: 1) }
        let socket = Facts { ($0.inode, $0.options) = (1, nil) }.appSocket
        #expect(sockets.options(of: socket).count == AppSockets.optionLimit)
        for inode in 2...UInt64(AppSockets.unboundLimit + 1) { sockets.set(Self.keepAlive, on: inode) }
        #expect(sockets.options(of: socket).isEmpty)
        for inode in 1...UInt64(AppSockets.boundLimit + 5) {
            sockets.replace(0, with: inode, .init(generation: 1, endpoint: Self.loopback, options: []))
        }
        #expect(sockets.bound(5) == nil && sockets.bound(6) != nil)
        sockets.forget(1)
        #expect(sockets.bound(6) == nil)
    }

    // MARK: failures

    @Test func whatCannotBeAnsweredFailsOnlyWhereAdoptionIsRequired() {
        let possible = policy()
        #expect(possible.cannotAnswer(isGone: true) == .init(fails: false, isTold: false))
        #expect(possible.cannotAnswer(isGone: false) == .init(fails: false, isTold: true))
        #expect(possible.cannotAnswer(isGone: false) == .init(fails: false, isTold: false))
        let required = policy(isRequired: true)
        #expect(required.cannotAnswer(isGone: true) == .init(fails: false, isTold: false))
        #expect(required.tellsRefusal())
        #expect(required.cannotAnswer(isGone: false) == .init(fails: true, isTold: false))
    }
}

@Suite struct BoundedBookTests {
    @Test func theOldestIsForgottenFirst() {
        var book = BoundedBook<Int, String>(limit: 2)
        book[1] = "a"
        book[2] = "b"
        book[1] = "c"
        book[3] = "d"
        #expect(book[1] == nil && book[2] == "b" && book[3] == "d" && book.count == 2)
        book[2] = nil
        book[4] = "e"
        #expect(book[3] == "d" && book[4] == "e")
        book.removeAll { $0 == "d" }
        book[5] = "f"
        #expect(book[4] == "e" && book[5] == "f" && book.count == 2)
    }
}

@Suite struct SocketAddressTests {
    private func ipv6(_ count: Int) -> [UInt8] {
        let head: [UInt8] = [10, 0, 0x1f, 0x90, 9, 9, 9, 9, 0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [1]
        return Array((head + [3, 0, 0, 1] + [UInt8](repeating: 0xff, count: 128)).prefix(count))
    }

    @Test func bothFamiliesAreRead() {
        #expect(
            SocketAddress(sockaddr: [2, 0, 0x1f, 0x90, 127, 0, 0, 1] + [UInt8](repeating: 7, count: 8))
                == SocketAddress([127, 0, 0, 1], port: 8080))
        let address: [UInt8] = [0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [1]
        #expect(SocketAddress(sockaddr: ipv6(28)) == SocketAddress(address, port: 8080, scope: 0x0100_0003))
        #expect(SocketAddress(sockaddr: ipv6(128)) == SocketAddress(address, port: 8080, scope: 0x0100_0003))
        #expect(SocketAddress(sockaddr: ipv6(24)) == SocketAddress(address, port: 8080, scope: 0))
        #expect(SocketAddress(sockaddr: ipv6(26)) == SocketAddress(address, port: 8080, scope: 3))
    }

    @Test func whatIsNoWholeAddressOfTheInternetIsNone() {
        for count in 0..<24 { #expect(SocketAddress(sockaddr: ipv6(count)) == nil) }
        for count in 0..<16 { #expect(SocketAddress(sockaddr: Array(([2, 0] + ipv6(28)).prefix(count))) == nil) }
        #expect(SocketAddress(sockaddr: [1, 0] + ipv6(28)) == nil)
        #expect(SocketAddress(sockaddr: [2, 1] + ipv6(28)) == nil)
    }

    /// They come from the memory of the app.
    @Test func garbageDoesNotTrap() {
        var random = RandomSource(seed: 9)
        for count in 0...140 {
            for family in [UInt8(2), 10, 0, 255] {
                var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
                if count >= 2 { bytes.replaceSubrange(0..<2, with: [family, 0]) }
                guard let address = SocketAddress(sockaddr: bytes) else { continue }
                #expect(address.bytes.count == (family == 2 ? 4 : 16))
                #expect(ListenAddress.Host(address.bytes, isIPv6Only: false) != nil)
            }
        }
    }

    @Test func aHostIsOfFourBytesOrSixteen() {
        #expect(ListenAddress.Host([10, 0, 0, 255], isIPv6Only: true) == .ipv4("10.0.0.255"))
        let zero = [UInt8](repeating: 0, count: 16)
        #expect(ListenAddress.Host(zero, isIPv6Only: false) == .any)
        #expect(ListenAddress.Host(zero, isIPv6Only: true) == .ipv6("::"))
        #expect(ListenAddress.Host([], isIPv6Only: false) == nil)
        #expect(ListenAddress.Host(Array(zero.dropFirst()), isIPv6Only: false) == nil)
    }
}
