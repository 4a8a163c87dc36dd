import BatonLinux

/// Where a program's name may lead: execvp(3)'s rules, worked out before the fork. By bytes: names of files need not be UTF-8.
enum CommandPaths {
    /// - Parameter path: PATH; glibc's default where it is unset.
    static func candidates(_ name: CText, path: CText?) -> [CText] {
        let slash = UInt8(ascii: "/")
        if name.bytes.isEmpty { return [] }
        if name.bytes.contains(slash) { return [name] }
        let directories = (path ?? CText("/bin:/usr/bin")).bytes.split(
            separator: UInt8(ascii: ":"), omittingEmptySubsequences: false)
        return directories.map { CText(bytes: ($0.isEmpty ? [UInt8(ascii: ".")] : Array($0)) + [slash] + name.bytes) }
    }
}
