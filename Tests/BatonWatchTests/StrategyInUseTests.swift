import BatonCore
import BatonLinux
import TestSupport
import Testing

@testable import BatonWatch

/// What is decided about a source's strategy, without inotify and without a file.
@Suite struct StrategyInUseTests {
    private let start = Instant(nanoseconds: 0)
    private var random = RandomSource(seed: 1)

    private func strategy(
        _ end: PathTrace.End = .file("/etc/app.yaml"), mount: MountTable.Mount? = nil,
        _ choice: StrategyChoice = .auto, audit: Interval = .seconds(60)
    ) -> StrategyInUse {
        var strategy = StrategyInUse(
            .choose(.init(end: end, mount: mount), choice),
            .init(strategy: choice, pollInterval: .seconds(10), auditInterval: audit, phaseSeed: 0), phaseSeed: 7)
        strategy.begin(at: start)
        return strategy
    }

    private let pinning = MountTable.Mount(root: "/host/f.conf", mountPoint: "/etc/app.yaml", fileSystem: "ext4")

    @Test func theFirstPollIsWithinTheIntervalAndTheNextOneAnIntervalLater() throws {
        var polled = strategy(.file("/etc/app.yaml"), mount: pinning)
        let first = try #require(polled.nextPoll)
        #expect(first >= start && first <= start + .seconds(10))
        let isEarly = polled.takePoll(at: Instant(nanoseconds: first.nanoseconds - 1))
        let isDue = polled.takePoll(at: first)
        #expect(!isEarly && isDue && polled.nextPoll == first + .seconds(10))
        // One that comes late is not made up for.
        let isLate = polled.takePoll(at: first + .seconds(100))
        #expect(isLate && polled.nextPoll == first + .seconds(100))
        let audited = try #require(strategy().nextPoll)
        #expect(audited <= start + .seconds(60))
        #expect(strategy(audit: .zero).nextPoll == nil)
        #expect(strategy(.blind(fileSystem: "nfs4")).nextPoll == start)
    }

    @Test mutating func whereItFailsItIsPolledAndTriedAgainLaterAndLater() throws {
        var strategy = strategy()
        var last = Interval.zero
        var now = start
        for round in 0..<8 {
            let isNews = strategy.inotifyFailed(at: now, &random)
            let isNewsAgain = strategy.inotifyFailed(at: now, &random)
            #expect(isNews && !isNewsAgain)
            #expect(strategy.current == .poll && strategy.nextPoll.map { $0 <= now + .seconds(10) } == true)
            let due = try #require(strategy.retryAt)
            #expect(due - now >= .seconds(15) && due - now <= .seconds(600), "round \(round)")
            last = max(last, due - now)
            #expect(strategy.nextDeadline(isBeingPolled: true) == due)
            let turns = [-1, 0, 0].map { strategy.decide(at: Instant(nanoseconds: due.nanoseconds + $0)) }
            #expect(turns == [nil, .retryInotify, nil] && strategy.current == .inotify && strategy.retryAt == nil)
            now = due
        }
        #expect(last >= .seconds(300))
        strategy.inotifyWorks(at: now)
        #expect(strategy.nextPoll.map { $0 <= now + .seconds(60) } == true)
        _ = strategy.inotifyFailed(at: now, &random)
        let due = try #require(strategy.retryAt)
        #expect(due - now <= .seconds(30))
    }

    @Test mutating func whatInotifyTellsOfInTimeIsNotMissed() {
        var strategy = strategy()
        strategy.auditFoundChange(at: start)
        strategy.auditFoundChange(at: start + .milliseconds(900))
        #expect(strategy.noticeDue == start + StrategyInUse.noticeTime)
        strategy.clearNotice()
        let turn = strategy.decide(at: start + .seconds(5))
        #expect(turn == nil && strategy.current == .inotify)
    }

    @Test mutating func whatItDoesNotTellOfIsTheEndOfTrust() {
        var strategy = strategy(.file("/etc/app.yaml"))
        strategy.auditFoundChange(at: start)
        let turns = [999, 1000].map { strategy.decide(at: start + .milliseconds($0)) }
        #expect(turns == [nil, .distrustInotify])
        _ = strategy.inotifyFailed(at: start + .seconds(1), &random)
        #expect(strategy.current == .poll && strategy.retryAt == nil && !strategy.usesInotify)
    }

    @Test mutating func besideThePollOfAPinnedFileItIsUsedAndNeverJudged() {
        var strategy = strategy(.file("/etc/app.yaml"), mount: pinning)
        #expect(strategy.current == .poll && strategy.usesInotify)
        strategy.auditFoundChange(at: start)
        #expect(strategy.noticeDue == nil)
        #expect(!self.strategy(.file("/etc/app.yaml"), mount: pinning, .poll).usesInotify)
        #expect(!self.strategy(.file("/etc/app.yaml"), .poll).usesInotify)
    }

    @Test mutating func whatTurnsOutToBeRemoteIsNotTriedAgain() {
        var strategy = strategy(.missing)
        #expect(strategy.usesInotify)
        strategy.learn(.choose(.init(end: .blind(fileSystem: "fuse")), .auto))
        let isNews = strategy.inotifyFailed(at: start, &random)
        #expect(isNews && strategy.retryAt == nil)
    }
}
