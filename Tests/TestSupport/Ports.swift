import Glibc

/// A port that nobody uses, and that no other test is given, of whichever process: tests run beside each other.
///
/// It is none of those that the kernel gives to clients: under load there are thousands of them, and one may come between the
/// choice of a port and the bind(2) of it.
public func freePort() -> UInt16 {
    let clients = readFile("/proc/sys/net/ipv4/ip_local_port_range").split { $0 == " " || $0 == "\t" }
    let end = max(clients.first.flatMap { Int($0) } ?? 32768, first + 1000)
    let counter = open("/tmp/baton-test-ports.\(geteuid())", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
    defer { close(counter) }
    flock(counter, LOCK_EX)
    var port: UInt16 = 0
    pread(counter, &port, 2, 0)
    for _ in first..<end {
        port = first <= port && Int(port) + 1 < end ? port + 1 : UInt16(first)
        guard isFree(port) else { continue }
        pwrite(counter, &port, 2, 0)
        break
    }
    return port
}

private let first = 10000

/// On any address.
private func isFree(_ port: UInt16) -> Bool {
    let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    defer { close(fd) }
    var on: Int32 = 1
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
    var address = loopback(port)
    address.sin_addr.s_addr = 0
    return withUnsafePointer(to: &address) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            bind(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
        }
    }
}
