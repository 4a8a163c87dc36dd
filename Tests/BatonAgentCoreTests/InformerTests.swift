import BatonCore
import Testing

@testable import BatonAgentCore

/// What a real API server was recorded to answer, and what it means.
@Suite struct InformerTests {
    @Test func aWatchThatBeginsWithWhatIsThereNeedsNoList() throws {
        var follower = Follower()
        #expect(follower.informer.next == .watchList && follower.informer.wait == .zero)
        try follower.tell("watchlist-initial-events")
        #expect(follower.delivered() == [["app.yaml": "v: 3"]])
        follower.tell(.ended)
        #expect(follower.informer.next == .watch(from: "462"))
    }

    @Test func withoutWatchListItListsAndThenWatches() throws {
        var follower = Follower()
        try follower.tell("watchlist-422")
        #expect(follower.informer.next == .list && follower.informer.wait == .zero)
        try follower.tell("list-configmap")
        #expect(follower.delivered().count == 1)
        #expect(follower.informer.next == .watch(from: "456"))
    }

    @Test func onlyDataCountsAndDeletionKeepsTheLastGood() throws {
        var follower = Follower()
        follower.tell(.list(ObjectList(version: "456", object: nil)))
        #expect(follower.messages == ["configmap/web does not exist in namespace fixture"])
        try follower.tell("watch-modified-deleted-added-bookmark")
        // Not for the annotation, nor for the deletion.
        let delivered = follower.delivered()
        #expect(delivered.map { $0["app.yaml"] } == ["v: 2", "v: 3"])
        // binaryData, too.
        #expect(delivered.first?["logo.bin"] == "\0\u{1}\u{2}\u{3}\u{4}\u{5}")
        #expect(
            follower.messages.last
                == "configmap/web does not exist in namespace fixture; its last content stays in force"
        )
        follower.tell(.ended)
        #expect(follower.informer.next == .watch(from: "460"))
    }

    @Test func aSecretIsDecoded() throws {
        var follower = Follower("secret/web-tls")
        try follower.tell("watch-403")
        #expect(follower.informer.next == .get)
        try follower.tell("get-secret", .secret)
        #expect(follower.delivered() == [["tls.crt": "one", "tls.key": "two"]])
    }

    @Test func anObjectThatIsNotThereIsMissing() throws {
        var follower = Follower()
        follower.tell(.event(.bookmark(version: "9", endsInitialEvents: true)))
        #expect(follower.effects.contains(.missing))
        // And comes.
        let object = KubernetesObject(uid: "u", version: "10", files: ["a": [1]])
        follower.tell(.event(.added(object)))
        #expect(follower.effects.contains(.deliver(object)))
    }

    // MARK: versions

    @Test(arguments: ["watch-old-resourceversion", "watch-bad-resourceversion", "list-future-resourceversion-504"])
    func aVersionThatIsNotTakenIsAskedWithout(_ name: String) throws {
        var follower = Follower()
        try follower.tell("watchlist-initial-events")
        follower.now = Instant(nanoseconds: 10_000_000_000)
        follower.tell(.ended)
        try follower.tell(name)
        #expect(follower.informer.next == .watchList)
        #expect(follower.informer.wait <= Informer.Times.firstRetry)
    }

    @Test func silenceIsNotTrusted() throws {
        var follower = Follower()
        try follower.tell("watchlist-initial-events")
        follower.now = Instant(nanoseconds: 90_000_000_000)
        follower.tell(.silent)
        #expect(follower.informer.next == .watchList && follower.informer.wait == .zero)
        #expect(follower.messages.last?.contains("the watch was silent") == true)
        // A server that was restored from a backup: older by its number, and what it has now all the same.
        let restored = KubernetesObject(uid: "7cc04f4d-e2f7-4732-8fa0-750de7cce603", version: "12", files: ["a": [1]])
        follower.tell(.event(.added(restored)))
        #expect(follower.effects.contains(.deliver(restored)))
    }

    @Test func anOlderRevisionNeverReplacesANewerOne() {
        var follower = Follower()
        func object(_ version: Int) -> KubernetesObject {
            KubernetesObject(uid: "u", version: "\(version)", files: ["v": [UInt8(version)]])
        }
        follower.tell(
            .event(.added(object(9))), .event(.bookmark(version: "9", endsInitialEvents: true)),
            .event(.modified(object(11))), .event(.modified(object(10))), .event(.modified(object(12))))
        let versions = follower.effects.compactMap { if case .deliver(let object) = $0 { object.version } else { nil } }
        #expect(versions == ["9", "11", "12"] && follower.informer.outOfOrder == 1)
    }

    // MARK: refusals

    @Test func aTokenThatHasExpiredIsReadAgain() throws {
        var follower = Follower()
        try follower.tell("watchlist-initial-events")
        follower.tell(.ended)
        follower.now = Instant(nanoseconds: 10_000_000_000)
        try follower.tell("get-401")
        #expect(follower.informer.next == .watch(from: "462") && follower.informer.wait > .zero)
        // Not yet stale enough to be told about.
        #expect(follower.messages.isEmpty)
        follower.now = Instant(nanoseconds: 16_000_000_000)
        try follower.tell("get-401")
        #expect(follower.messages.last?.contains("(401); its last content stays in force") == true)
    }

    @Test func withGetAloneItIsPolled() throws {
        var follower = Follower()
        try follower.tell("watch-403")
        #expect(follower.informer.next == .get && follower.informer.wait == .zero)
        try follower.tell("get-configmap")
        #expect(follower.delivered().count == 1)
        #expect(follower.messages.last?.contains("polling it every 5s") == true)
        #expect(follower.messages.last?.contains("verbs: [list, watch]") == true)
        #expect(follower.informer.next == .get && follower.informer.wait == .seconds(5))
        try follower.tell("get-configmap")
        #expect(follower.delivered().isEmpty)
        // Perhaps it is allowed by now.
        follower.now = Instant(nanoseconds: 400_000_000_000)
        try follower.tell("get-configmap")
        #expect(follower.informer.next == .watchList)
    }

    @Test func withoutAnyRightTheMissingRoleIsTold() throws {
        var follower = Follower()
        try follower.tell("watch-403")
        try follower.tell("get-403")
        #expect(
            follower.messages == [
                "not allowed to read configmap/web: the service account needs a Role in namespace fixture with the rule "
                    + "{apiGroups: [\"\"], resources: [configmaps], resourceNames: [web], verbs: [get, list, watch]}"
            ])
        #expect(follower.informer.next == .watchList && follower.informer.wait >= .seconds(10))
        // Told once.
        try follower.tell("watch-403")
        try follower.tell("get-403")
        #expect(follower.messages.filter { $0.contains("not allowed to read") }.count == 1)
        try follower.tell("watchlist-initial-events")
        #expect(follower.messages.last?.contains("may read configmap/web now") == true)
    }

    @Test func aServerThatAsksForPatienceGetsIt() throws {
        var follower = Follower()
        try follower.tell("reject-429")
        #expect(follower.informer.wait == .seconds(4))
    }

    @Test func waitsGrowAndAreBounded() {
        var follower = Follower()
        var longest = Interval.zero
        for _ in 0..<50 {
            follower.tell(.broken("cannot connect"))
            longest = max(longest, follower.informer.wait)
            #expect(follower.informer.wait <= Informer.Times.lastRetry && follower.informer.wait > .zero)
        }
        #expect(longest > .seconds(15))
        // Told once, and once more when it is well again.
        #expect(follower.messages.count == 1)
    }

    @Test func aServerThatEndsEveryStreamAtOnceIsNotAskedWithoutPause() throws {
        var follower = Follower()
        try follower.tell("watchlist-initial-events")
        var waited = Interval.zero
        for _ in 0..<10 {
            follower.tell(.ended)
            waited = max(waited, follower.informer.wait)
        }
        #expect(waited > .seconds(5))
    }
}
