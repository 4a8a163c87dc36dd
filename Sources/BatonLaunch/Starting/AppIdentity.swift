public import BatonCore
public import BatonLinux

/// Whom the app runs as, in numbers.
public struct AppIdentity: Sendable, Hashable {
    public let uid: UInt32
    public let gid: UInt32
    public let supplementary: [UInt32]
    /// HOME, USER and LOGNAME, where /etc/passwd knows the user.
    public let user: UserDatabase.User?

    public struct Unknown: Error, Hashable, Sendable {
        public let reason: String
    }

    /// Looks names up; numbers need not be in any file.
    public static func resolve(_ name: UserName, _ users: [UserDatabase.User], _ groups: [UserDatabase.Group])
        throws(Unknown) -> AppIdentity
    {
        func gid(_ text: String) throws(Unknown) -> UInt32 {
            if let group = groups.first(where: { $0.name == text }) { return group.gid }
            if let number = UInt32(text), number != .max { return number }
            throw Unknown(reason: "no group \"\(text)\" in /etc/group; use its number")
        }
        let number = UInt32(name.user).flatMap { $0 == .max ? nil : $0 }
        let entry = users.first { $0.name == name.user } ?? users.first { $0.uid == number }
        guard let uid = entry?.uid ?? number else {
            throw Unknown(reason: "no user \"\(name.user)\" in /etc/passwd; use its number")
        }
        if let group = name.group {
            var supplementary: [UInt32] = []
            for extra in name.supplementary { supplementary.append(try gid(extra)) }
            return AppIdentity(uid: uid, gid: try gid(group), supplementary: supplementary, user: entry)
        }
        guard let entry else {
            // Without an entry the group of the same number is what container images mean.
            return AppIdentity(uid: uid, gid: uid, supplementary: [], user: nil)
        }
        let memberships = groups.filter { $0.members.contains(entry.name) && $0.gid != entry.gid }.map(\.gid)
        return AppIdentity(uid: uid, gid: entry.gid, supplementary: memberships, user: entry)
    }
}
