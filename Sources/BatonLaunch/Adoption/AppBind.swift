import BatonCore
import BatonLinux
import Glibc

/// A call to bind(2), and what the policy may ask about it.
struct AppBind: BindFacts {
    let call: AppCall
    let descriptor: Int32
    /// Where the address is in the caller's memory, and of how many bytes it is.
    let pointer: UInt64
    let length: Int
    let sockets: ListenSockets
    let network: OwnNetwork

    func address() throws(LinuxError) -> SocketAddress? {
        guard SocketAddress.sizes.contains(length) else { return nil }
        return try call.memory(at: pointer, count: length).flatMap { SocketAddress(sockaddr: $0) }
    }

    func socket() throws(LinuxError) -> AppSocket? { try call.socket(descriptor, network) }

    func isIPv6OnlyByDefault() -> Bool { network.isIPv6OnlyByDefault }

    func isListenedOn(_ endpoint: ListenAddress.Endpoint) throws(LinuxError) -> Bool {
        guard let (inode, isShared) = sockets.adoptedListener(endpoint, of: call.generation) else { return false }
        return try call.withAccess {
            guard isShared else { return AcceptScan.isHeld(inode, by: Procfs.descendants(of: .own)) }
            // Other generations hold it as well, and their processes do not count.
            let caller = Procfs.process(of: call.thread) ?? call.thread
            let own = [call.main, caller].flatMap { [$0] + Procfs.descendants(of: $0) }
            return AcceptScan.isHeld(inode, by: own)
        }
    }
}
