/// Where a program's name may lead: execvp(3)'s rules, worked out before the fork.
enum CommandPaths {
    /// glibc's default where PATH is unset.
    static let defaultPath = "/bin:/usr/bin"

    static func candidates(_ name: String, path: String?) -> [String] {
        if name.isEmpty { return [] }
        if name.contains("/") { return [name] }
        return (path ?? defaultPath).split(separator: ":", omittingEmptySubsequences: false).map { directory in
            directory.isEmpty ? "./\(name)" : "\(directory)/\(name)"
        }
    }
}
