import BatonCore
import BatonLinux

/// A call of the app's that waits for its answer: what can be seen of it from outside, and the ways to answer it.
struct AppCall {
    let listener: SeccompListener
    let notification: SeccompListener.Notification
    let generation: GenerationNumber
    /// The generation's main process.
    let main: ProcessID
    let access: ForeignAccess

    var thread: ProcessID { notification.thread }

    // MARK: what can be seen

    /// The caller still waits for the answer.
    var isWaiting: Bool { listener.isValid(notification) }

    /// With the rights that the app's files in /proc need.
    func withAccess<T>(_ body: () throws(LinuxError) -> T) throws(LinuxError) -> T {
        try access.run(body)
    }

    /// What was read is the caller's only if it waits even now: a pid may have come to mean another. Nil if it does not.
    private func read<T>(_ body: () throws(LinuxError) -> T?) throws(LinuxError) -> T? {
        let value = try withAccess(body)
        return isWaiting ? value : nil
    }

    func memory(at address: UInt64, count: Int) throws(LinuxError) -> [UInt8]? {
        try read { () throws(LinuxError) in try readMemory(of: thread, at: address, count: count) }
    }

    /// Nil where the descriptor is no socket.
    /// - Parameter network: nil where it does not matter of which network the socket is.
    func socket(_ descriptor: Int32, _ network: OwnNetwork? = nil) throws(LinuxError) -> AppSocket? {
        try read { () throws(LinuxError) in
            try AppSocket(ForeignDescriptor(thread: thread, number: descriptor), network)
        }
    }

    /// What the call sets, and the inode of the socket. Nil where it is no option whose value is an integer.
    func option(_ descriptor: Int32, _ option: SocketOption.Address, _ length: Int) throws(LinuxError)
        -> (inode: UInt64, option: SocketOption)?
    {
        let size = MemoryLayout<Int32>.size
        guard length >= size else { return nil }
        return try read { () throws(LinuxError) in
            guard let inode = try ForeignDescriptor(thread: thread, number: descriptor).socketInode(),
                let bytes = try readMemory(of: thread, at: option.value, count: size)
            else { return nil }
            let value = bytes.withUnsafeBytes { $0.loadUnaligned(as: Int32.self) }
            return (inode, SocketOption(level: option.level, name: option.name, value: value))
        }
    }

    // MARK: answers

    func letThrough() { listener.letThrough(notification) }

    func answer(errno: Int32 = 0) { listener.answer(notification, errno: errno) }

    /// The socket takes the place of the app's, with its flags. A socket that another generation uses, too, is never made
    /// blocking: that one would hang in accept(2).
    func replace(_ descriptor: Int32, with socket: GivenSocket, as own: AppSocket) throws(LinuxError) {
        if own.isNonBlocking || !socket.isShared { try setNonBlocking(own.isNonBlocking, socket.number) }
        try listener.replace(descriptor, of: notification, with: socket.number, closeOnExec: own.closesOnExec)
    }
}
