import Glibc

/// A directory that is removed, with all in it, when it goes out of use.
public final class TemporaryDirectory: Sendable {
    public let path: String

    public init() {
        var template = Array("/tmp/baton-test-XXXXXX".utf8CString)
        path = mkdtemp(&template).map { String(cString: $0) } ?? "/tmp"
        chmod(path, 0o755)
    }

    deinit { if path != "/tmp" { removeTree(path) } }

    public func file(_ name: String) -> String { path + "/" + name }
}

public func removeTree(_ path: String) { removeTree(Array(path.utf8CString)) }

/// By bytes: the names that some tests make are not UTF-8.
private func removeTree(_ path: [CChar]) {
    guard unlink(path) != 0, let stream = opendir(path) else { return }
    while let entry = readdir(stream) {
        let name = withUnsafeBytes(of: &entry.pointee.d_name) { $0.prefix { $0 != 0 }.map { CChar(bitPattern: $0) } }
        let dot = CChar(bitPattern: UInt8(ascii: "."))
        if name != [dot], name != [dot, dot] {
            removeTree(path.dropLast() + [CChar(bitPattern: UInt8(ascii: "/"))] + name + [0])
        }
    }
    closedir(stream)
    rmdir(path)
}

public func listDirectory(_ path: String) -> [String] {
    guard let stream = opendir(path) else { return [] }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) {
            $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
}

/// Writes in place: truncate, then write.
public func writeFile(_ path: String, _ text: String, mode: UInt32 = 0o644) {
    let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
    guard fd >= 0 else { return }
    defer { close(fd) }
    let bytes = Array(text.utf8)
    var written = 0
    while written < bytes.count {
        let count = bytes.withUnsafeBytes { write(fd, $0.baseAddress.map { $0 + written }, bytes.count - written) }
        guard count > 0 else { return }
        written += count
    }
}

/// Writes beside it and moves over it.
public func replaceFile(_ path: String, _ text: String) {
    writeFile(path + ".new", text)
    rename(path + ".new", path)
}

public func readFile(_ path: String) -> String {
    let fd = open(path, O_RDONLY | O_CLOEXEC)
    guard fd >= 0 else { return "" }
    defer { close(fd) }
    var bytes: [UInt8] = []
    var part = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = read(fd, &part, part.count)
        guard count > 0 else { return String(decoding: bytes, as: UTF8.self) }
        bytes += part.prefix(count)
    }
}

public func fileExists(_ path: String) -> Bool { access(path, F_OK) == 0 }
