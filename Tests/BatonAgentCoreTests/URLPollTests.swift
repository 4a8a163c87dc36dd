import BatonCore
import Testing

@testable import BatonAgentCore

@Suite struct URLPollTests {
    private func poll() -> URLPoll {
        URLPoll(
            URLSource(name: "page", url: "https://example.com/a/page?token=hunter2"), interval: .seconds(10), seed: 1,
            at: Instant(nanoseconds: 0))
    }

    @Test func contentIsDeliveredOnceAndAskedForByItsTag() {
        var poll = poll()
        let tag = URLPoll.Validators(entityTag: "\"1\"", lastModified: "Sun, 22 Nov 2026 10:00:00 GMT")
        #expect(poll.handle(.content([1], tag), at: Instant(nanoseconds: 0)) == [.deliver([1])])
        #expect(poll.validators == tag && poll.wait >= .seconds(9) && poll.wait <= .seconds(11))
        #expect(poll.handle(.notModified, at: Instant(nanoseconds: 1)).isEmpty)
        // A server without tags.
        #expect(poll.handle(.content([1], .init()), at: Instant(nanoseconds: 2)).isEmpty)
        #expect(poll.handle(.content([2], .init()), at: Instant(nanoseconds: 3)) == [.deliver([2])])
    }

    @Test func failuresAreToldOnceWithoutSecretsAndWaitLonger() {
        var poll = poll()
        var messages: [String] = []
        for second in 0..<20 {
            for case .log(let record) in poll.handle(
                .broken("no answer in time"), at: Instant(nanoseconds: Int64(second) * 10_000_000_000))
            { messages.append(record.message) }
        }
        #expect(messages == ["cannot read https://example.com/a/page: no answer in time"])
        #expect(poll.wait > .seconds(10) && poll.wait <= .seconds(60))
        _ = poll.handle(.refused(503, retryAfter: .seconds(120)), at: Instant(nanoseconds: 0))
        #expect(poll.wait == .seconds(120))
    }
}
