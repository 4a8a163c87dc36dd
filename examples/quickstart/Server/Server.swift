import Glibc

/// The demo app: answers every request with the text of its configuration file as it was when the process started, so
/// that a client can see which generation answered. It takes its listening socket from LISTEN_FDS or, without, opens the one
/// that PORT names; it says READY=1 when it serves, and at SIGTERM finishes and exits. It knows nothing of configuration changes: that is Baton's part.
@main
enum Server {
    /// The write end of a pipe: the signal handler's only means to tell the loop, and set before the handler is.
    nonisolated(unsafe) private static var stopPipe: Int32 = -1

    static func main() {
        guard CommandLine.arguments.count == 2 else { fail("usage: quickstart-server CONFIGURATION-FILE") }
        guard let configuration = read(file: CommandLine.arguments[1]) else {
            fail("cannot read \(CommandLine.arguments[1])")
        }
        guard let listener = isHandedSocket() ? 3 : openOwnSocket() else {
            fail("LISTEN_FDS and LISTEN_PID do not name a socket for this process, and PORT none that can be opened")
        }
        // The socket is shared with other generations: whoever comes second must not block in accept.
        _ = fcntl(listener, F_SETFL, O_NONBLOCK)
        let stop = stopAtSIGTERM()
        notifyReady()

        let answer =
            Array(
                """
                HTTP/1.1 200 OK\r
                Content-Type: text/plain\r
                Content-Length: \(configuration.count)\r
                Connection: close\r
                \r

                """.utf8) + configuration
        serve(listener, stop, answer)
    }

    private static func serve(_ listener: Int32, _ stop: Int32, _ answer: [UInt8]) {
        while true {
            var pollers = [
                pollfd(fd: stop, events: Int16(POLLIN), revents: 0),
                pollfd(fd: listener, events: Int16(POLLIN), revents: 0),
            ]
            guard poll(&pollers, 2, -1) > 0 else { continue }
            if pollers[0].revents != 0 { return }
            let client = accept(listener, nil, nil)
            if client >= 0 { handle(client, answer) }
        }
    }

    private static func handle(_ client: Int32, _ answer: [UInt8]) {
        defer { close(client) }
        var timeout = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(client, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var request: [UInt8] = []
        var part = [UInt8](repeating: 0, count: 4096)
        while !ends(request), request.count < 65536 {
            // With a timeout set a signal ends recv early, whatever the handler's flags say (signal(7)).
            let count = uninterrupted { recv(client, &part, part.count, 0) }
            guard count > 0 else { return }
            request += part.prefix(count)
        }
        var sent = 0
        while sent < answer.count {
            let count = answer.withUnsafeBytes { bytes in
                uninterrupted {
                    send(client, bytes.baseAddress.map { $0 + sent }, answer.count - sent, Int32(MSG_NOSIGNAL))
                }
            }
            guard count > 0 else { return }
            sent += count
        }
    }

    private static func uninterrupted(_ call: () -> Int) -> Int {
        while true {
            let result = call()
            if result >= 0 || errno != EINTR { return result }
        }
    }

    /// The blank line behind a request's head.
    private static func ends(_ request: [UInt8]) -> Bool { request.suffix(4).elementsEqual("\r\n\r\n".utf8) }

    /// On every IPv4 address, with the port that PORT names.
    private static func openOwnSocket() -> Int32? {
        guard let text = getenv("PORT"), let port = UInt16(String(cString: text)) else { return nil }
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var on: Int32 = 1
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<Int32>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        let isBound = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
        return isBound && listen(fd, 1024) == 0 ? fd : nil
    }

    private static func isHandedSocket() -> Bool {
        guard let pid = getenv("LISTEN_PID"), let count = getenv("LISTEN_FDS") else { return false }
        return Int32(String(cString: pid)) == getpid() && (Int32(String(cString: count)) ?? 0) >= 1
    }

    /// - Returns: a descriptor that becomes readable at SIGTERM.
    private static func stopAtSIGTERM() -> Int32 {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { fail("cannot make a pipe") }
        stopPipe = ends[1]
        signal(SIGTERM) { _ in
            var byte: UInt8 = 1
            _ = write(Server.stopPipe, &byte, 1)
        }
        return ends[0]
    }

    /// sd_notify(3) in its shortest form.
    private static func notifyReady() {
        guard let name = getenv("NOTIFY_SOCKET") else { return }
        let path = String(cString: name)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        guard path.utf8.count < MemoryLayout.size(ofValue: address.sun_path) else { return }
        withUnsafeMutableBytes(of: &address.sun_path) { bytes in
            for (index, byte) in path.utf8.enumerated() {
                bytes[index] = index == 0 && byte == UInt8(ascii: "@") ? 0 : byte
            }
        }
        let fd = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0)
        defer { close(fd) }
        let size = socklen_t(MemoryLayout<sa_family_t>.size + path.utf8.count)
        let message = Array("READY=1".utf8)
        _ = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { sendto(fd, message, message.count, 0, $0, size) }
        }
    }

    private static func read(file path: String) -> [UInt8]? {
        let fd = open(path, O_RDONLY)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = Glibc.read(fd, &bytes, bytes.count)
        return count < 0 ? nil : Array(bytes.prefix(count))
    }

    private static func fail(_ reason: String) -> Never {
        let text = "quickstart-server: \(reason)\n"
        _ = write(2, text, text.utf8.count)
        exit(1)
    }
}
