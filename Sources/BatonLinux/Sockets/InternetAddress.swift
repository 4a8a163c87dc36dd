public import BatonCore
import Glibc

extension ListenAddress.Host {
    /// In network order: 4 bytes of an IPv4 address, 16 of an IPv6 one (`::` for any); nil where the text is none.
    public var bytes: [UInt8]? {
        switch self {
        case .any: return [UInt8](repeating: 0, count: 16)
        case .ipv4(let text): return ListenAddress.Host.bytes(text, AF_INET, count: 4)
        case .ipv6(let text): return ListenAddress.Host.bytes(text, AF_INET6, count: 16)
        }
    }

    private static func bytes(_ text: String, _ family: Int32, count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 16)
        return inet_pton(family, text, &bytes) == 1 ? Array(bytes.prefix(count)) : nil
    }

    /// An IPv4 address in IPv6's clothes (`::ffff:192.0.2.1`), as Java binds it.
    var isMapped: Bool {
        guard case .ipv6 = self, let bytes else { return false }
        return bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xff && bytes[11] == 0xff
    }
}
