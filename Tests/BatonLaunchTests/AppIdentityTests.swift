import BatonCore
import BatonLinux
import CBatonShims
import Glibc
import TestSupport
import Testing

@testable import BatonLaunch

@Suite struct AppIdentityTests {
    private let users = UserDatabase.users(parsing: "app:x:1000:1000::/home/app:/bin/sh\n33:x:77:78::/odd:\n")
    private let groups = UserDatabase.groups(parsing: "app:x:1000:\nweb:x:33:app\nlog:x:44:other\n")

    private func resolve(_ text: String) throws -> AppIdentity {
        let (settings, _) = Settings.parse([("BATON_USER", text)])
        return try AppIdentity.resolve(try #require(settings.user), users, groups)
    }

    @Test func namesAndNumbers() throws {
        let app = try resolve("app")
        #expect(app.uid == 1000 && app.gid == 1000 && app.supplementary == [33] && app.user?.home == "/home/app")
        let bare = try resolve("65532")
        #expect(bare.uid == 65532 && bare.gid == 65532 && bare.supplementary.isEmpty && bare.user == nil)
        let explicit = try resolve("app:web,44,log")
        #expect(explicit.gid == 33 && explicit.supplementary == [44, 44])
        // A name that looks like a number is a name first, as in chown(1).
        #expect(try resolve("33").uid == 77)
        #expect(try resolve("1000").user?.name == "app")
    }

    @Test func unknownOnesAreToldSo() {
        #expect(
            throws: AppIdentity.Unknown(reason: "no user \"nobody2\" in /etc/passwd; use its number")
        ) {
            try resolve("nobody2")
        }
        #expect(throws: AppIdentity.Unknown.self) { try resolve("app:nogroup2") }
        #expect(throws: AppIdentity.Unknown.self) { try resolve("4294967295") }
    }
}
