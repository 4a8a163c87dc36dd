public import BatonCore
import CBatonShims
import Glibc

/// One listening TCP socket of a SO_REUSEPORT group (socket(7)).
public struct ReuseportSocket: ~Copyable, Sendable {
    public let fd: FileDescriptor
    /// Told apart from its siblings' by what accepted connections inherit; nil beyond the number of tags.
    public let tag: UInt32?

    /// How many sockets of a group can have a tag of their own.
    public static let tagCount = UInt32(BATON_TAG_COUNT)

    /// - Parameter options: those that an app had set on the socket whose place this one takes.
    public init(_ address: ListenAddress.Endpoint, tag: UInt32?, options: [SocketOption] = []) throws(LinuxError) {
        let socket = try ReuseportSocket.bound(address, options)
        // After bind, to which one of the tag's options means something.
        if let tag, baton_set_tag(socket.number, tag) != 0 { throw .last(.prepare, address.description) }
        try Sockets.startListening(socket.number, address.description)
        fd = socket
        self.tag = tag
    }

    /// A socket that shares the address with the group and is no member of it: it does not listen.
    public static func bound(_ address: ListenAddress.Endpoint, _ options: [SocketOption]) throws(LinuxError)
        -> FileDescriptor
    {
        try Sockets.bound(address) { number in
            for option in options { option.apply(to: number) }
            return SocketOption.reusePort.set(on: number)
        }
    }

    public var isListening: Bool { Sockets.isListening(fd.number) == true }

    /// For the next generation: the backlog as it was, and one that was shut down listens again.
    public func listenAgain() throws(LinuxError) {
        guard listen(fd.number, Sockets.backlog) == 0 else { throw .last("listen again on", "a socket") }
    }

    /// Ends every connection that waits to be accepted with a reset, and listens no more (shutdown(2), SHUT_RD).
    public func reset() { shutdown(fd.number, Int32(SHUT_RD)) }

    /// From now on new connections to the group go there.
    public func steer(to target: SteeringBook.Target) throws(LinuxError) { try attach(SteeringProgram(target)) }

    /// As before, but the probe's connection, whose source is nobody else's, goes to this place.
    public func steer(to target: SteeringBook.Target, _ probe: borrowing ReadinessProbe, to place: Int)
        throws(LinuxError)
    {
        try attach(SteeringProgram(target, probe: .init(address: probe.address, port: probe.port, place: place)))
    }

    private func attach(_ program: SteeringProgram) throws(LinuxError) {
        let instructions = program.instructions.map {
            baton_instruction(code: $0.code, if_true: $0.ifTrue, if_false: $0.ifFalse, operand: $0.operand)
        }
        guard baton_attach_steering(fd.number, instructions, UInt16(clamping: instructions.count)) == 0 else {
            throw .last(.steer, "new connections")
        }
    }

    /// Connections that the kernel has accepted and no process has yet (TCP_INFO); nil where it cannot be told.
    public var queued: Int? {
        let count = baton_accept_queue(fd.number)
        return count < 0 ? nil : Int(count)
    }

    /// Connections to this socket's port that are still open, by the tag of the socket that they came from, in one scan; nil where
    /// it cannot be told.
    public func connectionsByTag() -> [(open: Int, idle: Int)]? {
        guard let port = Sockets.port(of: fd) else { return nil }
        var counts = [baton_connections](repeating: baton_connections(), count: Int(ReuseportSocket.tagCount))
        guard baton_count_connections(fd.number, port, &counts) == 0 else { return nil }
        return counts.map { (Int($0.open), Int($0.idle)) }
    }
}
