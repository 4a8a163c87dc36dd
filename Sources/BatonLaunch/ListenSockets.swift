public import BatonCore
public import BatonLinux

/// The sockets of BATON_LISTEN, open for as long as Baton lives: they outlast every generation.
public final class ListenSockets {
    /// What the environment of the app says of one socket.
    public struct Description: Sendable, Hashable {
        public let name: String
        public let endpoint: ListenAddress.Endpoint
        public let port: UInt16?
    }

    private var descriptors: [Int32] = []
    public let descriptions: [Description]

    /// Opens all of them or none.
    public init(_ addresses: [ListenAddress]) throws(LinuxError) {
        var descriptions: [Description] = []
        var opened: [Int32] = []
        do throws(LinuxError) {
            for address in addresses {
                let fd = try Sockets.open(address.endpoint)
                descriptions.append(
                    Description(name: address.name, endpoint: address.endpoint, port: Sockets.port(of: fd)))
                opened.append(fd.release())
            }
        } catch {
            for number in opened { _ = FileDescriptor(owning: number) }
            throw error
        }
        descriptors = opened
        self.descriptions = descriptions
    }

    deinit {
        for number in descriptors { _ = FileDescriptor(owning: number) }
    }

    /// In the order of BATON_LISTEN.
    var numbers: [Int32] { descriptors }

    /// Removes the files of unix sockets: called at the end, so that clients get "no such file" and not "refused".
    public func removePaths() {
        for description in descriptions {
            if case .unix(let path) = description.endpoint { removeFile(path) }
        }
    }
}

extension ListenSockets.Description {
    /// With the port that is really in use: `tcp://127.0.0.1:40123`.
    public var actualEndpoint: ListenAddress.Endpoint {
        switch endpoint {
        case .tcp(let host, let asked): .tcp(host, port: port ?? asked)
        case .udp(let host, let asked): .udp(host, port: port ?? asked)
        case .unix, .abstract: endpoint
        }
    }

    var isStream: Bool { if case .udp = endpoint { false } else { true } }
}
