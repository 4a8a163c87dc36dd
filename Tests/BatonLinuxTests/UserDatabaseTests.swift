import Testing

@testable import BatonLinux

@Suite struct UserDatabaseTests {
    @Test func entriesAreReadAndNonsenseIsLeftOut() {
        let users = UserDatabase.users(
            parsing: "root:x:0:0:root:/root:/bin/sh\n# comment\nbad\napp:x:1000:1001::/app:\nneg:x:-1:0::/:\n")
        #expect(users.map(\.name) == ["root", "app"] && users[1].gid == 1001 && users[1].home == "/app")
        // A name may begin with an accent, which to Swift's String is part of the colon before it.
        let accented = UserDatabase.users(parsing: "app:x:1000:1000:\u{301}x:/home/app:/bin/sh\r\nb:x:2:2::/b:\n")
        #expect(accented.map(\.home) == ["/home/app", "/b"])
        let groups = UserDatabase.groups(parsing: "web:x:33:app,other\nempty:x:5:\nbad:x:y:\n")
        #expect(groups.map(\.gid) == [33, 5] && groups[0].members == ["app", "other"] && groups[1].members.isEmpty)
    }
}
