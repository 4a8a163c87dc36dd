public import BatonCore
public import BatonLinux
import Glibc

/// Takes the place of listening sockets that the app opens by itself.
///
/// A filter in every process of a generation asks Baton before bind(2) and listen(2) (seccomp_unotify(2)):
/// - bind of a TCP address: the app gets a socket of Baton's making, bound to the same address with SO_REUSEPORT, so that the
///   generation before may go on listening there.
/// - listen on such a socket: the app gets the generation's own member of the address's steered group.
/// `AdoptionPolicy` decides what is done with each call; this class reads the facts and gives the answer.
public final class Adoption {
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

    private let sockets: ListenSockets
    private let access: ForeignAccess
    private let mustSteer: Bool
    private let network = OwnNetwork()
    private var policy: AdoptionPolicy

    private static let callsEachRound = 64

    /// - Parameter choice: what was decided of adoption: where it must be, a call that cannot be answered fails.
    /// - Parameter mustSteer: an address that cannot be steered is not listened on at all.
    public init(
        _ sockets: ListenSockets, _ access: ForeignAccess, except exceptions: [AdoptException], choice: Plan.Adoption,
        mustSteer: Bool = false
    ) {
        self.sockets = sockets
        self.access = access
        self.mustSteer = mustSteer
        policy = AdoptionPolicy(
            except: exceptions.compactMap(AdoptionPolicy.Exception.init), isRequired: choice == .must)
    }

    /// Answers what waits to be answered, at most a bounded number of calls.
    /// - Parameter process: the generation's main one, while it is still Baton's; what outlives it is let through.
    public func answer(_ listener: SeccompListener, of generation: GenerationNumber, process: ProcessID?) -> [Finding] {
        var findings: [Finding] = []
        for _ in 0..<Adoption.callsEachRound {
            switch listener.receive() {
            case .nothing: return findings
            case .ended: return findings + end(generation)
            case .failed(let error): return findings + [.refused(Adoption.unanswerable(error))] + end(generation)
            case .notification(let notification):
                let call = AppCall(
                    listener: listener, notification: notification, generation: generation, main: process ?? 0,
                    access: access)
                if process == nil || notification.thread <= 0 {
                    call.letThrough()
                } else {
                    findings += answer(call)
                }
                switch listener.takeTrouble() {
                case nil: break
                case .denied(let error):
                    guard policy.tellsRefusal() else { break }
                    findings.append(.refused("\(error); the call failed with \(errnoInWords(ENOSYS)) for that reason"))
                case .unanswered(let error):
                    return findings + [.refused(Adoption.unanswerable(error))] + end(generation)
                }
            }
        }
        return findings
    }

    private func end(_ generation: GenerationNumber) -> [Finding] {
        policy.end(generation)
        return [.ended]
    }

    /// In words, what it means that a generation's calls cannot be answered: there is no way back for a filter that is installed.
    public static func unanswerable(_ error: LinuxError) -> String {
        "\(error); from now on bind(2) and listen(2) of this generation fail with \(errnoInWords(ENOSYS))"
    }

    private func answer(_ call: AppCall) -> [Finding] {
        do throws(LinuxError) {
            switch call.notification.call {
            case .bind(let fd, let address, let length):
                return try bind(
                    AppBind(
                        call: call, descriptor: fd, pointer: address, length: length, sockets: sockets,
                        network: network))
            case .listen(let fd): return try listen(call, fd)
            case .setOption(let fd, let option, let length): try remember(call, fd, option, length)
            case .other: call.letThrough()
            }
            return []
        } catch {
            let answer = policy.cannotAnswer(
                isGone: [ENOENT, ESRCH, EBADF].contains(error.errno) || !call.isWaiting)
            if answer.fails { call.answer(errno: EPERM) } else { call.letThrough() }
            return answer.isTold ? [.refused(error.description)] : []
        }
    }

    // MARK: bind

    private func bind(_ bind: AppBind) throws(LinuxError) -> [Finding] {
        let call = bind.call
        switch try policy.bind(bind) {
        case .letThrough: call.letThrough()
        case .letThroughElsewhere(let endpoint):
            call.letThrough()
            return [.elsewhere(endpoint)]
        case .succeed: call.answer()
        case .failAsInUse: call.answer(errno: EADDRINUSE)
        case .replace(let wanted):
            do throws(LinuxError) {
                try replace(bind.descriptor, of: call, wanted)
            } catch {
                // What the kernel refuses to Baton it would have refused to the app.
                guard error.operation == .bind else { throw error }
                call.answer(errno: error.errno)
            }
        }
        return []
    }

    private func replace(_ descriptor: Int32, of call: AppCall, _ wanted: AdoptionPolicy.Replacement)
        throws(LinuxError)
    {
        switch try sockets.bind(wanted.endpoint, wanted.options, for: call.generation) {
        case .listening(let given):
            try call.replace(descriptor, with: given, as: wanted.socket)
        case .fresh(let socket):
            guard let inode = Sockets.inode(of: socket.number) else { return call.letThrough() }
            let given = GivenSocket(number: socket.number, isSteered: false, isShared: false)
            try call.replace(descriptor, with: given, as: wanted.socket)
            policy.hasReplaced(wanted, with: inode, of: call.generation)
        }
        call.answer()
    }

    // MARK: listen

    private func listen(_ call: AppCall, _ descriptor: Int32) throws(LinuxError) -> [Finding] {
        switch policy.listen(try call.socket(descriptor)) {
        case .letThrough: call.letThrough()
        case .letThroughAsOwn:
            call.letThrough()
            return [.listensItself]
        case .replace(let wanted):
            let given: GivenSocket
            do throws(LinuxError) {
                given = try sockets.listen(
                    wanted.endpoint, wanted.options, for: call.generation, mustSteer: mustSteer)
            } catch {
                call.answer(errno: error.errno)
                return steeringRefusal()
            }
            try call.replace(descriptor, with: given, as: wanted.socket)
            // The socket listens already; the call goes on for the length of its queue.
            call.letThrough()
            return [.listens(wanted.endpoint, isSteered: given.isSteered)] + steeringRefusal()
        }
        return []
    }

    private func steeringRefusal() -> [Finding] {
        sockets.takeSteeringRefusal().map { [.notSteered($0.description)] } ?? []
    }

    // MARK: options

    private func remember(_ call: AppCall, _ descriptor: Int32, _ option: SocketOption.Address, _ length: Int)
        throws(LinuxError)
    {
        defer { call.letThrough() }
        guard let (inode, option) = try call.option(descriptor, option, length) else { return }
        policy.set(option, on: inode)
    }
}

extension AdoptionPolicy.Exception {
    /// Nil for what no address can be.
    fileprivate init?(_ exception: AdoptException) {
        guard let host = exception.host else {
            self.init(bytes: nil, port: exception.port)
            return
        }
        guard let bytes = host.bytes else { return nil }
        self.init(bytes: bytes, port: exception.port)
    }
}
