/// /etc/passwd and /etc/group, read as text: in a static program getpwnam(3) needs files that small images lack.
public enum UserDatabase {
    public struct User: Sendable, Hashable {
        public let name: String
        public let uid: UInt32
        public let gid: UInt32
        public let home: String
    }

    public struct Group: Sendable, Hashable {
        public let name: String
        public let gid: UInt32
        public let members: [String]
    }

    public static func users(parsing text: String) -> [User] {
        lines(text).compactMap { fields in
            guard fields.count >= 6, let uid = UInt32(fields[2]), let gid = UInt32(fields[3]) else { return nil }
            return User(name: fields[0], uid: uid, gid: gid, home: fields[5])
        }
    }

    public static func groups(parsing text: String) -> [Group] {
        lines(text).compactMap { fields in
            guard fields.count >= 4, let gid = UInt32(fields[2]) else { return nil }
            return Group(name: fields[0], gid: gid, members: fields[3].split(separator: ",").map(String.init))
        }
    }

    public static func users() -> [User] { users(parsing: (try? readSmallFile("/etc/passwd")) ?? "") }
    public static func groups() -> [Group] { groups(parsing: (try? readSmallFile("/etc/group")) ?? "") }

    private static func lines(_ text: String) -> [[String]] {
        text.split(separator: "\n").filter { !$0.hasPrefix("#") }
            .map { $0.split(separator: ":", omittingEmptySubsequences: false).map(String.init) }
    }
}
