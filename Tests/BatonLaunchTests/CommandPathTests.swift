import BatonCore
import BatonLinux
import CBatonShims
import Glibc
import TestSupport
import Testing

@testable import BatonLaunch

@Suite struct CommandPathTests {
    @Test(
        arguments: [
            ("app", "/a:/b", ["/a/app", "/b/app"]), ("./app", "/a", ["./app"]),
            ("app", nil, ["/bin/app", "/usr/bin/app"]),
            ("app", "/a:", ["/a/app", "./app"]), ("", "/a", []),
        ] as [(String, String?, [String])])
    func candidatesFollowExecvp(_ name: String, _ path: String?, _ expected: [String]) {
        #expect(CommandPaths.candidates(CText(name), path: path.map { CText($0) }).map(\.text) == expected)
    }
}
