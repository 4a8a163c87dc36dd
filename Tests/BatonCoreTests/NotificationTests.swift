import Testing

@testable import BatonCore

@Suite struct NotificationTests {
    @Test func notificationsAreRead() {
        let text =
            "READY=1\nSTATUS=Serving\nMAINPID=42\nEXTEND_TIMEOUT_USEC=1500000\nRELOADING=1\nSTOPPING=1\nX_FOO=bar"
        let notification = Notification(datagram: text.utf8)
        #expect(notification.ready && notification.reloading && notification.stopping)
        #expect(notification.status == "Serving" && notification.mainPID == 42)
        #expect(notification.extendTimeout == .milliseconds(1500))
    }

    @Test func nonsenseInNotificationsIsIgnored() {
        var random = RandomSource(seed: 7)
        for text in [
            "", "READY", "READY=2", "=1", "MAINPID=1", "MAINPID=-5", "MAINPID=99999999999", "EXTEND_TIMEOUT_USEC=x",
        ] {
            #expect(Notification(datagram: text.utf8) == Notification())
        }
        for _ in 0..<2000 {
            _ = Notification(datagram: random.bytes(0..<200))
        }
        #expect(
            Notification(datagram: "EXTEND_TIMEOUT_USEC=18446744073709551615".utf8).extendTimeout
                == Interval(nanoseconds: .max))
    }
}
