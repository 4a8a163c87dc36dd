/// Files that editors lay beside what they edit for a moment: they are not configuration.
enum EditorFiles {
    static func isTemporary(_ name: String) -> Bool {
        // vim: swap files, its test file, backups; emacs: lock links and auto-saves; others end in a tilde too.
        if name.hasSuffix("~") || name == "4913" { return true }
        if name.hasPrefix(".#") || (name.hasPrefix("#") && name.hasSuffix("#")) { return true }
        guard name.hasPrefix("."), let dot = name.lastIndex(of: "."), dot != name.startIndex else { return false }
        let suffix = name[name.index(after: dot)...]
        return suffix.count == 3 && suffix.hasPrefix("sw")
    }
}
