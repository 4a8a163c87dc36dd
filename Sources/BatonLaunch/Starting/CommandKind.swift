import BatonCore
public import BatonLinux
import CBatonShims
import Glibc

/// What can be told of the app's program before it runs.
public struct CommandKind: Sendable, Hashable {
    /// A shell, or a script for one: what it starts is another process than the one that LISTEN_PID names.
    public let isShell: Bool
    /// Its file is set-user-id or set-group-id for somebody else, or has capabilities: an exec makes it more than its parent.
    public let gainsPrivileges: Bool

    private static let shells: Set<Substring> = ["sh", "bash", "dash", "ash", "zsh", "ksh", "busybox"]

    /// - Parameter path: PATH as the app will have it.
    public init(_ program: CText, path: CText?) {
        let candidates = CommandPaths.candidates(program, path: path)
        guard let file = candidates.first(where: { $0.withCString { access($0, X_OK) } == 0 }) else {
            isShell = false
            gainsPrivileges = false
            return
        }
        isShell = CommandKind.shells.contains(CommandKind.baseName(file.text)) || CommandKind.isScript(file.text)
        gainsPrivileges = CommandKind.gainsPrivileges(file)
    }

    /// execve(2), capabilities(7).
    private static func gainsPrivileges(_ file: CText) -> Bool {
        file.withCString { path in
            var info = stat()
            guard stat(path, &info) == 0 else { return false }
            if info.st_mode & S_ISUID != 0, info.st_uid != geteuid() { return true }
            if info.st_mode & S_ISGID != 0, info.st_gid != getegid() { return true }
            return geteuid() != 0 && baton_getxattr(path, "security.capability", nil, 0) > 0
        }
    }

    private static func baseName(_ path: String) -> Substring { path.split(separator: "/").last ?? "" }

    /// `#!/bin/sh`, `#!/usr/bin/env bash`.
    private static func isScript(_ path: String) -> Bool {
        guard let fd = try? openForReading(path), let bytes = try? readAvailable(fd.number, limit: 128) else {
            return false
        }
        let line = String(decoding: bytes.prefix { $0 != UInt8(ascii: "\n") }, as: UTF8.self)
        guard line.hasPrefix("#!") else { return false }
        let words = line.dropFirst(2).split(separator: " ")
        return words.prefix(2).contains { shells.contains(baseName(String($0))) }
    }
}
