/// A socket option with an integer as its value (socket(7), tcp(7), ip(7), ipv6(7)).
public struct SocketOption: Sendable, Hashable {
    /// Linux's numbers, which are the same on all processors that Baton is built for.
    public enum Level {
        public static let ip: Int32 = 0
        public static let socket: Int32 = 1
        public static let tcp: Int32 = 6
        public static let ipv6: Int32 = 41
    }

    public let level: Int32
    public let name: Int32
    public let value: Int32

    public init(level: Int32, name: Int32, value: Int32) {
        self.level = level
        self.name = name
        self.value = value
    }

    /// IPV6_V6ONLY: the address is for IPv6 alone.
    public var isIPv6Only: Bool { level == Level.ipv6 && name == 26 }
    /// SO_REUSEPORT: more than one socket may have the address.
    public var isReusePort: Bool { level == Level.socket && name == 15 }
    /// IP_FREEBIND and IPV6_FREEBIND: the address need not be there (yet). Only of use before bind.
    public var isFreeBind: Bool { (level == Level.ip && name == 15) || (level == Level.ipv6 && name == 78) }
}
