public import BatonCore
import Glibc

extension AppSocket {
    /// A socket of another process, as /proc shows it, and a copy of it where one may be had. Nil where the descriptor is no socket.
    /// - Parameter network: nil where it does not matter of which network the socket is.
    public init?(_ descriptor: ForeignDescriptor, _ network: OwnNetwork? = nil) throws(LinuxError) {
        guard let inode = try descriptor.socketInode() else { return nil }
        let isTCP = descriptor.isTCP
        let flags = try descriptor.flags()
        var options: [SocketOption]?
        var isElsewhere = false
        if isTCP {
            // One copy for both.
            if let copy = descriptor.copy() {
                options = SocketOption.carried(from: copy)
                if let network { isElsewhere = !(try network.contains(descriptor, copy: copy.number)) }
            } else if let network {
                isElsewhere = !(try network.contains(descriptor, copy: nil))
            }
        }
        self.init(
            inode: inode, isTCP: isTCP, isNonBlocking: flags.isNonBlocking, closesOnExec: flags.closesOnExec,
            options: options, isElsewhere: isElsewhere)
    }
}
