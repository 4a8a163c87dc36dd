import BatonCore
import CBatonShims
import Glibc
import TestSupport
import Testing

@testable import BatonLinux

@Suite struct HostTextTests {
    /// The address of a socket is compared with those of BATON_LISTEN by its text.
    @Test func addressesAreWrittenAsInetNtopWritesThem() {
        var random = RandomSource(seed: 5)
        for round in 0..<30_000 {
            let count = round % 3 == 0 ? 4 : 16
            // Many zeros, so that runs of every length and place come.
            var bytes = (0..<count).map { _ in
                Int.random(in: 0..<4, using: &random) == 0 ? UInt8.random(in: 0...255, using: &random) : 0
            }
            if count == 16, round % 5 == 0 { bytes.replaceSubrange(0..<12, with: [UInt8](repeating: 0, count: 12)) }
            if count == 16, round % 7 == 0 {
                bytes.replaceSubrange(0..<12, with: [UInt8](repeating: 0, count: 10) + [0xff, 0xff])
            }
            var text = [CChar](repeating: 0, count: 64)
            let isWritten = inet_ntop(count == 4 ? AF_INET : AF_INET6, bytes, &text, socklen_t(text.count)) != nil
            let wanted = String(decoding: text.prefix { $0 != 0 }.map { UInt8(truncatingIfNeeded: $0) }, as: UTF8.self)
            let host = ListenAddress.Host(bytes, isIPv6Only: true)
            #expect(isWritten && host == (count == 4 ? .ipv4(wanted) : .ipv6(wanted)), "\(bytes)")
            #expect(host?.bytes == bytes)
        }
    }
}
