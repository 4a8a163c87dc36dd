import Testing

@testable import BatonCore

/// What the app does and its socket is like, and how often each was asked for.

@Suite struct SocketAddressTests {
    private func ipv6(_ count: Int) -> [UInt8] {
        let head: [UInt8] = [10, 0, 0x1f, 0x90, 9, 9, 9, 9, 0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [1]
        return Array((head + [3, 0, 0, 1] + [UInt8](repeating: 0xff, count: 128)).prefix(count))
    }

    @Test func bothFamiliesAreRead() {
        #expect(
            SocketAddress(sockaddr: [2, 0, 0x1f, 0x90, 127, 0, 0, 1] + [UInt8](repeating: 7, count: 8))
                == SocketAddress([127, 0, 0, 1], port: 8080))
        let address: [UInt8] = [0xfe, 0x80] + [UInt8](repeating: 0, count: 13) + [1]
        #expect(SocketAddress(sockaddr: ipv6(28)) == SocketAddress(address, port: 8080, scope: 0x0100_0003))
        #expect(SocketAddress(sockaddr: ipv6(128)) == SocketAddress(address, port: 8080, scope: 0x0100_0003))
        #expect(SocketAddress(sockaddr: ipv6(24)) == SocketAddress(address, port: 8080, scope: 0))
        #expect(SocketAddress(sockaddr: ipv6(26)) == SocketAddress(address, port: 8080, scope: 3))
    }

    @Test func whatIsNoWholeAddressOfTheInternetIsNone() {
        for count in 0..<24 { #expect(SocketAddress(sockaddr: ipv6(count)) == nil) }
        for count in 0..<16 { #expect(SocketAddress(sockaddr: Array(([2, 0] + ipv6(28)).prefix(count))) == nil) }
        #expect(SocketAddress(sockaddr: [1, 0] + ipv6(28)) == nil)
        #expect(SocketAddress(sockaddr: [2, 1] + ipv6(28)) == nil)
    }

    /// They come from the memory of the app.
    @Test func garbageDoesNotTrap() {
        var random = RandomSource(seed: 9)
        for count in 0...140 {
            for family in [UInt8(2), 10, 0, 255] {
                var bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &random) }
                if count >= 2 { bytes.replaceSubrange(0..<2, with: [family, 0]) }
                guard let address = SocketAddress(sockaddr: bytes) else { continue }
                #expect(address.bytes.count == (family == 2 ? 4 : 16))
                #expect(ListenAddress.Host(address.bytes, isIPv6Only: false) != nil)
            }
        }
    }

    @Test func aHostIsOfFourBytesOrSixteen() {
        #expect(ListenAddress.Host([10, 0, 0, 255], isIPv6Only: true) == .ipv4("10.0.0.255"))
        let zero = [UInt8](repeating: 0, count: 16)
        #expect(ListenAddress.Host(zero, isIPv6Only: false) == .any)
        #expect(ListenAddress.Host(zero, isIPv6Only: true) == .ipv6("::"))
        #expect(ListenAddress.Host([], isIPv6Only: false) == nil)
        #expect(ListenAddress.Host(Array(zero.dropFirst()), isIPv6Only: false) == nil)
    }
}
