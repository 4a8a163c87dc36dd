import BatonCore
import BatonLinux
import Testing

@testable import BatonLaunch

@Suite struct AppEnvironmentTests {
    private func variables(_ entries: [String]) -> [EnvironmentVariable] {
        entries.compactMap { EnvironmentVariable(entry: CText($0)) }
    }

    private func texts(_ variables: [EnvironmentVariable]) -> [String] { variables.map { "\($0.name)=\($0.value)" } }

    @Test func whatBatonWasGivenGoesOnButForWhatIsMeantForItself() {
        let environment = AppEnvironment(
            variables(["PATH=/bin", "LISTEN_FDS=2", "NOTIFY_SOCKET=@x", "A=1", "BATON_GENERATION=7"]), user: nil)
        #expect(
            texts(environment.adding(variables(["LISTEN_FDS=1"]), generation: 3))
                == ["PATH=/bin", "A=1", "LISTEN_FDS=1", "BATON_GENERATION=3"])
    }

    @Test func filesWinOverWhatBatonWasGivenAndTheLastOfThemOverTheOthers() {
        let environment = AppEnvironment(variables(["B=old", "A=1", "C=3"]), user: nil)
        let files = variables(["Z=9", "B=first", "B=last", "BATON_GENERATION=no"])
        #expect(
            texts(environment.adding(variables(["C=own"]), files: files, generation: 1))
                == ["A=1", "B=last", "Z=9", "C=own", "BATON_GENERATION=1"])
    }

    @Test func anotherUserHasItsOwnHome() {
        let users = UserDatabase.users(parsing: "app:x:1000:1000::/home/app:/bin/sh\n")
        let environment = AppEnvironment(variables(["HOME=/root", "USER=root"]), user: users.first)
        #expect(
            texts(environment.adding([], generation: 1))
                == ["BATON_GENERATION=1", "HOME=/home/app", "USER=app", "LOGNAME=app"])
    }

    @Test func theAgentGetsOnlyWhatItNeeds() {
        let environment = AppEnvironment(
            variables(["PASSWORD=x", "PATH=/bin", "KUBERNETES_SERVICE_HOST=h", "BATON_WATCH=w", "TZ=UTC"]), user: nil)
        #expect(
            texts(environment.ofAgent(link: 3))
                == ["PATH=/bin", "KUBERNETES_SERVICE_HOST=h", "BATON_WATCH=w", "TZ=UTC", "BATON_AGENT_FD=3"])
    }

    @Test func theValidatorIsToldItsSnapshotAndNoSockets() {
        let environment = AppEnvironment(variables(["A=1", "BATON_SNAPSHOT=old", "LISTEN_FDS=1"]), user: nil)
        #expect(texts(environment.ofValidator("/run/s")) == ["A=1", "BATON_SNAPSHOT=/run/s"])
    }
}
