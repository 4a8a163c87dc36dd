import BatonCore
import BatonLinux

/// Files that editors lay beside what they edit for a moment: they are not configuration.
enum EditorFiles {
    static func isTemporary(_ name: Path) -> Bool {
        // vim: swap files, its test file, backups; emacs: lock links and auto-saves; others end in a tilde too.
        if name.hasSuffix("~") || name == "4913" { return true }
        if name.hasPrefix(".#") || (name.hasPrefix("#") && name.hasSuffix("#")) { return true }
        guard name.hasPrefix(".") else { return false }
        let suffix = Array(name.text.utf8.suffix(4))
        return name.text.utf8.count > 4 && suffix.starts(with: ".sw".utf8) && suffix.last != UInt8(ascii: ".")
    }
}
