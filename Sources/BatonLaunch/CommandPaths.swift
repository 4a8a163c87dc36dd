/// Where a program's name may lead: execvp(3)'s rules, worked out before the fork.
enum CommandPaths {
    /// glibc's default where PATH is unset.
    static let defaultPath = "/bin:/usr/bin"

    static func candidates(_ name: String, path: String?) -> [String] {
        if name.isEmpty { return [] }
        if name.contains("/") { return [name] }
        // By bytes: to look for characters is most of the time here, and here is on the way of every start.
        let directories = (path ?? defaultPath).utf8.split(
            separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        return directories.map { $0.isEmpty ? "./" + name : String(Substring($0)) + "/" + name }
    }
}
