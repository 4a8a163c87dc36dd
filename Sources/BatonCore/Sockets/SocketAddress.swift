/// An address of the internet as the kernel takes it (sockaddr_in of ip(7), sockaddr_in6 of ipv6(7)).
public struct SocketAddress: Sendable, Hashable {
    /// In network order: 4 bytes of an IPv4 address, 16 of an IPv6 one.
    public let bytes: [UInt8]
    public let port: UInt16
    /// sin6_scope_id: which link a link-local address is of; 0 where it is of none.
    public let scope: UInt32

    public init(_ bytes: [UInt8], port: UInt16, scope: UInt32 = 0) {
        self.bytes = bytes
        self.port = port
        self.scope = scope
    }

    /// Linux's numbers.
    private enum Family {
        static let ipv4: UInt16 = 2
        static let ipv6: UInt16 = 10
    }

    private enum Size {
        static let ipv4 = 16
        /// Without the scope, as RFC 2133 had it: the kernel takes that, too.
        static let ipv6WithoutScope = 24
        static let ipv6 = 28
        /// sockaddr_storage: what is longer the kernel refuses.
        static let largest = 128
    }

    /// How many bytes may be an address of the internet.
    public static let sizes = Size.ipv4...Size.largest

    /// - Parameter sockaddr: its bytes as they are in memory; nil where they are no whole address of the internet.
    public init?(sockaddr: [UInt8]) {
        guard sockaddr.count >= Size.ipv4 else { return nil }
        let family = sockaddr.withUnsafeBytes { $0.loadUnaligned(as: UInt16.self) }
        let port = UInt16(sockaddr[2]) << 8 | UInt16(sockaddr[3])
        switch family {
        case Family.ipv4: self.init(Array(sockaddr[4..<8]), port: port)
        case Family.ipv6 where sockaddr.count >= Size.ipv6WithoutScope:
            let whole = sockaddr + [UInt8](repeating: 0, count: max(0, Size.ipv6 - sockaddr.count))
            let scope = whole.withUnsafeBytes { $0.loadUnaligned(fromByteOffset: 24, as: UInt32.self) }
            self.init(Array(sockaddr[8..<24]), port: port, scope: scope)
        default: return nil
        }
    }
}

extension ListenAddress.Host {
    /// - Parameter bytes: 4 or 16 of them, in network order.
    /// - Parameter isIPv6Only: tells the two meanings of `::` apart.
    public init?(_ bytes: [UInt8], isIPv6Only: Bool) {
        switch bytes.count {
        case 4: self = .ipv4(Self.ipv4Text(bytes[...]))
        case 16 where !isIPv6Only && bytes.allSatisfy({ $0 == 0 }): self = .any
        case 16: self = .ipv6(Self.ipv6Text(bytes))
        default: return nil
        }
    }

    private static func ipv4Text(_ bytes: ArraySlice<UInt8>) -> String {
        bytes.map { "\($0)" }.joined(separator: ".")
    }

    /// As inet_ntop(3) writes it: in lower case, the first of the longest runs of zeros left out, and an embedded IPv4 address with
    /// dots.
    private static func ipv6Text(_ bytes: [UInt8]) -> String {
        let words = stride(from: 0, to: 16, by: 2).map { UInt16(bytes[$0]) << 8 | UInt16(bytes[$0 + 1]) }
        let zeros = longestZeros(words)
        let isEmbedded = zeros == 0..<6 || (zeros == 0..<5 && words[5] == 0xffff)
        func text(_ range: Range<Int>) -> String {
            guard isEmbedded, range.upperBound == 8, range.lowerBound <= 6 else {
                return words[range].map { String($0, radix: 16) }.joined(separator: ":")
            }
            let before = words[range.lowerBound..<6].map { String($0, radix: 16) }
            return (before + [ipv4Text(bytes[12...])]).joined(separator: ":")
        }
        guard !zeros.isEmpty else { return text(0..<8) }
        return text(0..<zeros.lowerBound) + "::" + text(zeros.upperBound..<8)
    }

    /// The first of the longest; empty where none is longer than one word.
    private static func longestZeros(_ words: [UInt16]) -> Range<Int> {
        var longest = 0..<0
        var start = 0
        while start < words.count {
            let end = words[start...].firstIndex { $0 != 0 } ?? words.count
            if end - start > max(1, longest.count) { longest = start..<end }
            start = end + 1
        }
        return longest
    }
}
