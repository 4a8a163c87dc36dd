import Glibc

/// A pseudo-terminal: what is typed here, a program on the other side reads, and what it writes is kept.
public final class PseudoTerminal {
    private let master: Int32
    /// For the program's stdin, stdout and stderr.
    public let slave: Int32
    public private(set) var screen = ""

    public init() throws {
        // TIOCSPTLCK and TIOCGPTN (ioctl_tty(2)): Swift's Glibc module lacks unlockpt(3) and ptsname(3).
        var unlocked: Int32 = 0
        var number: Int32 = -1
        master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard master >= 0, ioctl(master, 0x4004_5431, &unlocked) == 0, ioctl(master, 0x8004_5430, &number) == 0 else {
            throw TimedOut("cannot open a pseudo-terminal")
        }
        slave = open("/dev/pts/\(number)", O_RDWR | O_NOCTTY | O_CLOEXEC)
        guard slave >= 0 else { throw TimedOut("cannot open /dev/pts/\(number)") }
        _ = fcntl(master, F_SETFL, O_NONBLOCK)
    }

    public func type(_ text: String) { _ = write(master, text, text.utf8.count) }

    private func pump() {
        var part = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(master, &part, part.count)
            guard count > 0 else { return }
            screen += String(decoding: part.prefix(count), as: UTF8.self)
        }
    }

    /// Waits for text that appears after all that was waited for before, and forgets what came until then.
    public func waitFor(_ text: String) throws {
        do {
            try waitUntil("\"\(text)\" on the terminal", seconds: 10) {
                pump()
                return occurrences(of: text, in: screen) > 0
            }
        } catch { throw TimedOut("\(error)\n\(screen)") }
        let parts = screen.split(separator: text, maxSplits: 1, omittingEmptySubsequences: false)
        screen = parts.count > 1 ? String(parts[1]) : ""
    }

    deinit {
        close(master)
        close(slave)
    }
}
