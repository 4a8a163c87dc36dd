import BatonCore
import BatonLinux
import CBatonShims
import Glibc
import TestSupport
import Testing

@testable import BatonLaunch

@Suite struct PrivilegePlanTests {
    private let all = CapabilitySet(rawValue: 1 << 41 - 1)

    private func plan(
        root: Bool = true, noNew: Bool = false, user: Bool = false, passedOn: CapabilitySet? = nil,
        sources: Bool = true,
        permitted: CapabilitySet? = nil
    ) -> PrivilegePlan {
        PrivilegePlan(
            .init(
                permitted: permitted ?? all, isRoot: root, hasNoNewPrivileges: noNew, changesUser: user,
                passedOn: passedOn,
                hasSources: sources))
    }

    @Test func onlyWhatIsNeededIsKept() {
        #expect(plan().permitted == [.kill, .dacReadSearch])
        #expect(plan(user: true, sources: false).permitted == [.kill, .setUID, .setGID])
        let bind = CapabilitySet.netBindService
        #expect(
            plan(user: true, passedOn: [bind], sources: false).permitted == [.kill, .setUID, .setGID, .setPCap, bind])
    }

    /// With no_new_privs an exec gains nothing, so what Baton gives up its app could never have again.
    @Test func anAppThatCannotGainKeepsWhatItWouldHaveHad() {
        #expect(plan(noNew: true).permitted == all)
        #expect(plan(noNew: true).effective == [.kill, .dacReadSearch])
        #expect(plan(root: false).permitted == all)
    }

    @Test func nothingIsInvented() {
        #expect(plan(root: false, permitted: []).permitted.isEmpty)
        #expect(plan(permitted: [.kill]).effective == [.kill])
    }
}
