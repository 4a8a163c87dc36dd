public import BatonCore
public import BatonLinux
import CBatonShims
import Glibc

/// Takes the place of listening sockets that the app opens by itself.
///
/// A filter in every process of a generation asks Baton before bind(2) and listen(2) (seccomp_unotify(2)):
/// - bind of a TCP address: the app gets a socket of Baton's making, bound to the same address with SO_REUSEPORT, so that the
///   generation before may go on listening there. Baton keeps no copy: a socket that is bound to connect from stays the app's.
/// - listen on such a socket: the app gets the generation's own member of the address's steered group.
/// Port 0, UDP, unix sockets, scoped addresses and those that the user excepts go through untouched, and so do sockets of another
/// network namespace: what is reached only there must not be reached in Baton's.
public final class Adoption {
    public enum Wish: Sendable, Hashable {
        case none
        case ifPossible
        case must

        public init(_ choice: Plan.Adoption) {
            self =
                switch choice {
                case .no, .refused: .none
                case .wherePossible: .ifPossible
                case .must: .must
                }
        }

        var plan: baton_adopt {
            switch self {
            case .none: BATON_ADOPT_NOT
            case .ifPossible: BATON_ADOPT_IF_POSSIBLE
            case .must: BATON_ADOPT_OR_FAIL
            }
        }
    }

    public enum Finding: Sendable, Hashable {
        /// The generation listens on a socket of Baton's now; steered, or shared by all generations.
        case listens(ListenAddress.Endpoint, isSteered: Bool)
        /// The generation listens on a socket that stays its own: a unix one, say.
        case listensItself
        /// Told once: why new connections cannot be moved from one generation to another.
        case notSteered(String)
        /// Told once: the app binds this address in another network namespace than Baton's, where its sockets stay its own.
        case elsewhere(ListenAddress.Endpoint)
        /// Told once: the app's sockets are its own after all, and why.
        case refused(String)
        /// No process of the generation is left, or none can be answered any more, as was told before: the listener is to be
        /// closed, and the calls that wait on it fail with ENOSYS.
        case ended
    }

    /// A socket that was made for a bind. It is remembered when it listens, too: several workers may inherit it, and each
    /// of them listens.
    private struct Bound {
        let generation: Int
        let endpoint: ListenAddress.Endpoint
        var options: [SocketOption]
        /// The answer to the bind was on its way when the caller was interrupted, and asks again.
        var mayBeAskedAgain = true
    }

    private let sockets: ListenSockets
    private let access: ForeignAccess
    private let exceptions: [AdoptException]
    private let wish: Wish
    private let mustSteer: Bool
    /// net.ipv6.bindv6only.
    private lazy var isIPv6OnlyByDefault =
        (try? readSmallFile("/proc/sys/net/ipv6/bindv6only", limit: 16))?.first == "1"
    private var bound = BoundedBook<Bound>(limit: 1024)
    /// What was set on sockets that are not bound yet, where it cannot be read from them.
    private var options = BoundedBook<[SocketOption]>(limit: 256)
    private var hasRefused = false
    private lazy var network = OwnNetwork()
    private var hasToldElsewhere = false

    private enum Bounds {
        static let optionsEach = 32
        static let callsEachRound = 64
        static let addressSize = 128
    }

    /// - Parameter mustSteer: an address that cannot be steered is not listened on at all.
    public init(
        _ sockets: ListenSockets, _ access: ForeignAccess, except exceptions: [AdoptException], wish: Wish,
        mustSteer: Bool = false
    ) {
        self.sockets = sockets
        self.access = access
        self.exceptions = exceptions
        self.wish = wish
        self.mustSteer = mustSteer
    }

    /// Answers what waits to be answered, at most a bounded number of calls.
    /// - Parameter process: the generation's main one, while it is still Baton's; what outlives it is let through.
    public func answer(_ listener: SeccompListener, of generation: Int, process: ProcessID?) -> [Finding] {
        var findings: [Finding] = []
        for _ in 0..<Bounds.callsEachRound {
            switch listener.receive() {
            case .nothing: return findings
            case .ended: return findings + end(generation)
            case .failed(let error): return findings + [.refused(Adoption.unanswerable(error))] + end(generation)
            case .notification(let notification):
                let call = Call(
                    listener: listener, notification: notification, generation: generation, main: process ?? 0)
                if process == nil || notification.thread <= 0 {
                    call.letThrough()
                } else if let finding = answer(call) {
                    findings.append(finding)
                }
                if let error = sockets.takeSteeringRefusal() { findings.append(.notSteered(error.description)) }
                switch listener.takeTrouble() {
                case nil: break
                case .denied(let error):
                    findings += refusal("\(error), which has failed with \(errnoInWords(ENOSYS)) for that")
                case .unanswered(let error):
                    return findings + [.refused(Adoption.unanswerable(error))] + end(generation)
                }
            }
        }
        return findings
    }

    private func end(_ generation: Int) -> [Finding] {
        bound.removeAll { $0.generation == generation }
        return [.ended]
    }

    /// In words, what it means that a generation's calls cannot be answered: there is no way back for a filter that is installed.
    public static func unanswerable(_ error: LinuxError) -> String {
        "\(error); bind(2) and listen(2) of this generation fail with \(errnoInWords(ENOSYS)) from now on"
    }

    private func refusal(_ reason: String) -> [Finding] {
        guard !hasRefused else { return [] }
        hasRefused = true
        return [.refused(reason)]
    }

    private struct Call {
        let listener: SeccompListener
        let notification: SeccompListener.Notification
        let generation: Int
        let main: ProcessID

        var thread: ProcessID { notification.thread }

        @discardableResult
        func letThrough() -> Finding? {
            listener.letThrough(notification)
            return nil
        }

        @discardableResult
        func answer(errno: Int32 = 0) -> Finding? {
            listener.answer(notification, errno: errno)
            return nil
        }
    }

    private func answer(_ call: Call) -> Finding? {
        do throws(LinuxError) {
            switch call.notification.call {
            case .bind(let fd, let address, let length):
                return try bind(call, ForeignDescriptor(thread: call.thread, number: fd), address, length)
            case .listen(let fd):
                return try listen(call, ForeignDescriptor(thread: call.thread, number: fd))
            case .setOption(let fd, let level, let name, let value, let length):
                try remember(
                    call, ForeignDescriptor(thread: call.thread, number: fd), level, name, value, length)
                return nil
            case .other: return call.letThrough()
            }
        } catch {
            // Not there any more, or never was: the kernel has the better words for it.
            guard ![ENOENT, ESRCH, EBADF].contains(error.errno), call.listener.isValid(call.notification) else {
                return call.letThrough()
            }
            return refuse(call, error)
        }
    }

    private func refuse(_ call: Call, _ error: LinuxError) -> Finding? {
        if wish == .must { call.answer(errno: EPERM) } else { call.letThrough() }
        return refusal(error.description).first
    }

    // MARK: bind

    private func bind(_ call: Call, _ descriptor: ForeignDescriptor, _ address: UInt64, _ length: Int)
        throws(LinuxError) -> Finding?
    {
        guard (16...Bounds.addressSize).contains(length) else { return call.letThrough() }
        let bytes = try look { () throws(LinuxError) in
            try readMemory(of: call.thread, at: address, count: length)
        }
        guard call.listener.isValid(call.notification) else { return call.letThrough() }
        guard let bytes, let target = InternetTarget(bytes), target.port != 0, target.scope == 0,
            !exceptions.contains(where: { $0.covers(target.bytes, port: target.port) })
        else { return call.letThrough() }

        let facts = try look { () throws(LinuxError) in try SocketFacts(descriptor, network) }
        guard call.listener.isValid(call.notification) else { return call.letThrough() }
        guard let facts, facts.isTCP else { return call.letThrough() }
        let options = facts.options ?? self.options[facts.inode] ?? []
        let isIPv6Only = options.first(where: \.isIPv6Only).map { $0.value != 0 } ?? isIPv6OnlyByDefault
        guard let host = ListenAddress.Host(target.bytes, isIPv6Only: isIPv6Only) else { return call.letThrough() }
        let endpoint = ListenAddress.Endpoint.tcp(host, port: target.port)
        if var before = bound[facts.inode] {
            // Bound already: the kernel says so, unless it is the same call once more.
            guard before.endpoint == endpoint, before.mayBeAskedAgain else { return call.letThrough() }
            before.mayBeAskedAgain = false
            bound[facts.inode] = before
            return call.answer()
        }
        guard !facts.isElsewhere else {
            call.letThrough()
            defer { hasToldElsewhere = true }
            return hasToldElsewhere ? nil : .elsewhere(endpoint)
        }
        if try isTaken(endpoint, by: call), !options.contains(where: \.isReusePort) {
            return call.answer(errno: EADDRINUSE)
        }
        do throws(LinuxError) {
            try give(call, descriptor, facts, endpoint, options)
            return nil
        } catch {
            // What the kernel refuses to Baton it would have refused to the app.
            guard error.operation == "bind" else { throw error }
            return call.answer(errno: error.errno)
        }
    }

    /// The generation itself listens there: without SO_REUSEPORT it must be told what the kernel would have told it.
    private func isTaken(_ endpoint: ListenAddress.Endpoint, by call: Call) throws(LinuxError) -> Bool {
        guard let (inode, isShared) = sockets.adoptedListener(endpoint, of: call.generation) else { return false }
        return try look { () throws(LinuxError) in
            guard isShared else { return AcceptLook.isHeld(inode, by: Procfs.descendants(of: getpid())) }
            // Other generations hold it as well, and their processes do not count.
            let caller = Procfs.process(of: call.thread) ?? call.thread
            let own = [call.main, caller].flatMap { [$0] + Procfs.descendants(of: $0) }
            return AcceptLook.isHeld(inode, by: own)
        }
    }

    private func give(
        _ call: Call, _ descriptor: ForeignDescriptor, _ facts: SocketFacts, _ endpoint: ListenAddress.Endpoint,
        _ options: [SocketOption]
    ) throws(LinuxError) {
        if let configured = try sockets.takeConfigured(endpoint, for: call.generation) {
            try put(configured.number, in: descriptor, facts.flags, call, isShared: configured.isShared)
            call.answer()
            return
        }
        if !sockets.isAdopted(endpoint) {
            // SO_REUSEPORT would let a second program of the same user in where the app would have been refused.
            _ = try Sockets.bound(endpoint) { number in
                for option in options where option.isFreeBind { option.apply(to: number) }
                return true
            }
        }
        let socket = try ReuseportSocket.bound(endpoint, options)
        guard let inode = AcceptLook.inode(of: socket.number) else {
            call.letThrough()
            return
        }
        try put(socket.number, in: descriptor, facts.flags, call)
        self.options[facts.inode] = nil
        bound[inode] = Bound(generation: call.generation, endpoint: endpoint, options: options)
        call.answer()
    }

    /// With the flags of the socket whose place it takes.
    /// - Parameter isShared: another generation may be using it, which would hang in accept(2) if it began to block.
    private func put(
        _ socket: Int32, in descriptor: ForeignDescriptor, _ flags: ForeignDescriptor.Flags, _ call: Call,
        isShared: Bool = false
    ) throws(LinuxError) {
        if flags.isNonBlocking || !isShared { try setNonBlocking(flags.isNonBlocking, socket) }
        try call.listener.replace(
            descriptor.number, of: call.notification, with: socket, closeOnExec: flags.closesOnExec)
    }

    // MARK: listen

    private func listen(_ call: Call, _ descriptor: ForeignDescriptor) throws(LinuxError) -> Finding? {
        let facts = try look { () throws(LinuxError) in try SocketFacts(descriptor) }
        guard call.listener.isValid(call.notification) else { return call.letThrough() }
        guard let facts, let bound = bound[facts.inode] else {
            let refusal = call.letThrough()
            return refusal ?? (facts == nil ? nil : .listensItself)
        }
        let member: ListenSockets.Given
        do throws(LinuxError) {
            member = try sockets.adopt(
                bound.endpoint, carrying: facts.options ?? bound.options, for: call.generation,
                mustSteer: mustSteer)
        } catch {
            return call.answer(errno: error.errno)
        }
        try put(member.number, in: descriptor, facts.flags, call, isShared: member.isShared)
        // The socket listens already; the call goes on for the length of its queue.
        call.letThrough()
        return .listens(bound.endpoint, isSteered: member.isSteered)
    }

    // MARK: options

    private func remember(
        _ call: Call, _ descriptor: ForeignDescriptor, _ level: Int32, _ name: Int32, _ value: UInt64, _ length: Int
    ) throws(LinuxError) {
        defer { call.letThrough() }
        guard length >= 4 else { return }
        let read = try look { () throws(LinuxError) -> (UInt64, [UInt8])? in
            guard let inode = try descriptor.socketInode(),
                let bytes = try readMemory(of: call.thread, at: value, count: 4)
            else { return nil }
            return (inode, bytes)
        }
        guard let (inode, bytes) = read, call.listener.isValid(call.notification) else { return }
        let number = bytes.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) }
        let option = SocketOption(level: level, name: name, value: number)
        if var before = bound[inode] {
            before.options = adding(option, to: before.options)
            bound[inode] = before
        } else {
            options[inode] = adding(option, to: options[inode] ?? [])
        }
    }

    private func adding(_ option: SocketOption, to options: [SocketOption]) -> [SocketOption] {
        let others = options.filter { $0.level != option.level || $0.name != option.name }
        return others.count < Bounds.optionsEach ? others + [option] : others
    }

    // MARK: looking

    private func look<T>(_ body: () throws(LinuxError) -> T) throws(LinuxError) -> T {
        let result = access.run { () -> Result<T, LinuxError> in
            do throws(LinuxError) { return .success(try body()) } catch { return .failure(error) }
        }
        return try result.get()
    }
}

/// What Baton must know of the app's socket.
private struct SocketFacts {
    let inode: UInt64
    let isTCP: Bool
    let flags: ForeignDescriptor.Flags
    /// Nil where they cannot be read from outside.
    let options: [SocketOption]?
    /// It was made in another network namespace than Baton's.
    let isElsewhere: Bool

    /// Nil where the descriptor is no socket.
    /// - Parameter network: nil where it does not matter whose the socket is.
    init?(_ descriptor: ForeignDescriptor, _ network: OwnNetwork? = nil) throws(LinuxError) {
        guard let inode = try descriptor.socketInode() else { return nil }
        self.inode = inode
        isTCP = descriptor.isTCP
        flags = try descriptor.flags()
        guard isTCP else {
            options = nil
            isElsewhere = false
            return
        }
        func isForeign(_ copy: Int32?) throws(LinuxError) -> Bool {
            guard let network else { return false }
            return !(try network.contains(descriptor, copy: copy))
        }
        if let copy = descriptor.copy() {
            options = ForeignDescriptor.socketOptions(of: copy)
            isElsewhere = try isForeign(copy.number)
        } else {
            options = nil
            isElsewhere = try isForeign(nil)
        }
    }
}

/// The address in a call to bind.
private struct InternetTarget {
    let bytes: [UInt8]
    let port: UInt16
    let scope: UInt32

    init?(_ sockaddr: [UInt8]) {
        var isIPv6 = false
        var address = [UInt8](repeating: 0, count: 16)
        var port: UInt16 = 0
        var scope: UInt32 = 0
        guard baton_read_internet(sockaddr, sockaddr.count, &isIPv6, &address, &port, &scope) else { return nil }
        bytes = isIPv6 ? address : Array(address.prefix(4))
        self.port = port
        self.scope = scope
    }
}

/// What is known of sockets by their inode; the oldest are forgotten first.
private struct BoundedBook<Value> {
    private let limit: Int
    private var values: [UInt64: Value] = [:]
    private var order: [UInt64] = []

    init(limit: Int) { self.limit = limit }

    mutating func removeAll(where isUnwanted: (Value) -> Bool) {
        values = values.filter { !isUnwanted($0.value) }
        order.removeAll { values[$0] == nil }
    }

    subscript(inode: UInt64) -> Value? {
        get { values[inode] }
        set {
            guard let newValue else {
                if values.removeValue(forKey: inode) != nil { order.removeAll { $0 == inode } }
                return
            }
            if values.updateValue(newValue, forKey: inode) == nil { order.append(inode) }
            while order.count > limit { values[order.removeFirst()] = nil }
        }
    }
}

extension AdoptException {
    func covers(_ address: [UInt8], port: UInt16) -> Bool {
        port == self.port && (host.map { $0.bytes == address } ?? true)
    }
}
