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

    /// Set and taken back, or set to 0: the app shares nothing, and no socket of Baton's loses the option by it.
    @Test func aPortThatIsNotSharedAfterAllIsAskedAbout() throws {
        let policy = policy()
        let facts = Facts { ($0.options, $0.isListenedOn) = (nil, true) }
        let off = SocketOption(level: Self.reusePort.level, name: Self.reusePort.name, value: 0)
        policy.set(Self.reusePort, on: facts.inode)
        policy.set(off, on: facts.inode)
        #expect(try policy.bind(facts) == .failAsInUse)
        facts.isListenedOn = false
        guard case .replace(let replacement) = try policy.bind(facts) else { throw Facts.Gone.gone }
        #expect(replacement.options.isEmpty)
        #expect(try policy.bind(Facts { ($0.options, $0.isListenedOn) = ([off], true) }) == .failAsInUse)
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
