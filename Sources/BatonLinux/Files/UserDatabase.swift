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
            return Group(name: fields[0], gid: gid, members: split(fields[3].utf8, at: ",", omitsEmpty: true))
        }
    }

    public static func users() -> [User] { users(parsing: (try? readSmallFile("/etc/passwd")) ?? "") }
    public static func groups() -> [Group] { groups(parsing: (try? readSmallFile("/etc/group")) ?? "") }

    private static func lines(_ text: String) -> [[String]] {
        split(text.utf8, at: "\n", omitsEmpty: true).filter { $0.utf8.first != UInt8(ascii: "#") }
            .map { split($0.utf8, at: ":", omitsEmpty: false) }
    }

    /// By bytes: to Swift's String a separator with an accent behind it is none.
    private static func split(_ text: String.UTF8View, at separator: Unicode.Scalar, omitsEmpty: Bool) -> [String] {
        text.split(separator: UInt8(ascii: separator), omittingEmptySubsequences: omitsEmpty)
            .map { String(Substring($0)) }
    }
}
