import TestSupport

/// A suite of apps that open their listening sockets themselves: small servers in Python, each with a habit of its own.
protocol AdoptingSuite {
    var directory: TemporaryDirectory { get }
}

extension AdoptingSuite {
    var config: String { directory.file("config") }

    /// Answers with the generation's number. At SIGTERM it finishes the request that it has, and accepts no other.
    ///
    /// - Parameter body: opens the listening sockets into `listeners`.
    func server(_ body: String, serve: String = "serve(listeners)", atEnd: String = "pass") -> [String] {
        writeFile(
            directory.file("server.py"),
            """
            import os, select, socket, sys, time, signal
            generation = os.environ["BATON_GENERATION"]
            signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
            listeners = []
            def tcp(host, port, family=socket.AF_INET, options=()):
                s = socket.socket(family, socket.SOCK_STREAM)
                s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                for option in options: s.setsockopt(*option)
                s.bind((host, port))
                return s
            def listening(*arguments, **options):
                # Late, as many do: until then the description is a blocking one.
                s = tcp(*arguments, **options); s.listen(64); s.setblocking(False); listeners.append(s); return s
            def answer(c):
                c.setblocking(True); c.recv(4096)
                c.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n%s"
                          % (len(generation), generation.encode())); c.close()
            def serve_blocking(s):
                s.setblocking(True)
                while True: answer(s.accept()[0])
            def serve(listeners):
                poller = select.epoll()
                for s in listeners: poller.register(s.fileno(), select.EPOLLIN)
                # By a descriptor: Python does not see a SIGTERM that comes just before it begins to wait, until something else comes.
                told, tell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
                poller.register(told, select.EPOLLIN)
                signal.set_wakeup_fd(tell); signal.signal(signal.SIGTERM, lambda *_: None)
                while True:
                    ready = [fd for fd, _ in poller.poll()]
                    if told in ready:
                        \(atEnd)
                        sys.exit(0)
                    for fd in ready:
                        try: c, _ = next(s for s in listeners if s.fileno() == fd).accept()
                        # Somebody else had it, or it was shut down and is not yet repaired.
                        except OSError: continue
                        answer(c)
            \(body)
            print("open", flush=True)
            \(serve)
            """)
        return [Stand.python, directory.file("server.py")]
    }

    /// Baton that watches `config`; a change is a handover, where the settings say nothing else.
    ///
    /// - Parameter missing: what the kernel is to lack (`probe-app without`), each with the errno where there is one.
    func start(_ command: [String], _ settings: [String: String] = [:], without missing: [String] = []) throws
        -> RunningProcess
    {
        writeFile(config, "0")
        var options = RunningProcess.Options()
        let own = ["BATON_WATCH": config, "BATON_ON_CHANGE": "handover", "BATON_PROBATION": "0s"]
        options.environment = own.merging(settings) { _, new in new }
        let without = missing.flatMap { [Stand.probe, "without"] + $0.split(separator: " ").map(String.init) + ["--"] }
        return try RunningProcess(without + [Stand.baton, "--"] + command, options)
    }

    /// A handover, and an answer of the new generation.
    func handOver(_ baton: RunningProcess, _ port: UInt16, to number: Int) throws {
        try baton.waitForError("generation \(number - 1) is ready")
        replaceFile(config, "\(number)")
        try baton.waitForError("change \(number - 1) is applied by handover")
        try waitForAnswer(port: port, "\(number)")
    }
}
