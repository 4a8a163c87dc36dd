import Glibc
import TestSupport
import Testing

/// One Baton with an app that reads its configuration at its start and at SIGHUP, and clients that count what they lose.
///
/// What the configuration says is what the app does: see `Bad`. Any other content is its answer.
final class ProofTrial {
    enum Bad: String {
        case exits = "exit 3"
        case exitsWell = "exit 0"
        case exitsLater = "exit-later 3"
        case isKilled = "kill 9"
        /// Its readiness check is green for a moment and red from then on.
        case isSick = "sick"
        case hangs = "hang"
        /// What was loaded before stays; a new process has nothing. Its readiness check tells.
        case isIgnored = "ignore"
    }

    let directory = TemporaryDirectory()
    let baton: RunningProcess
    private let name: String
    private let app: App
    private let port: UInt16
    private let page: String
    private var load: HTTPLoad?
    private var begunAt: Int64 = 0
    private var goodAtRollback: Int?

    /// Where its configuration comes from, and who opens its socket.
    enum App {
        case handed, handedAsNobody
        case opensItsSocket
        /// Its configuration is a variable, by BATON_ENV_FROM.
        case readsItsEnvironment
    }

    static let clients = 2

    private var control: String { directory.file("stage/control.sock") }
    private var prefix: String { app == .readsItsEnvironment ? "PAGE=" : "" }
    var staged: String { directory.file("stage") + "/files" + page }

    init(_ name: String, _ settings: [String: String], _ app: App = .handed) throws {
        self.name = name
        self.app = app
        port = freePort()
        page = directory.file("config/page.env")
        for folder in ["config", "stage"] { mkdir(directory.file(folder), 0o755) }
        if app == .handedAsNobody { chmod(directory.file("stage"), 0o777) }
        let prefix = app == .readsItsEnvironment ? "PAGE=" : ""
        writeFile(page, prefix + "good1")
        writeFile(directory.file("app.py"), Self.program)
        var all = [
            "BATON_STAGE": directory.file("stage"), "BATON_STAGE_FILES": "on", "BATON_SETTLE": "10ms",
            "BATON_CONTROL": directory.file("stage/control.sock"), "BATON_READY_TIMEOUT": "3s",
            "BATON_DRAIN_TIMEOUT": "1s",
        ]
        all[app == .readsItsEnvironment ? "BATON_ENV_FROM" : "BATON_WATCH"] = page
        if app != .opensItsSocket { all["BATON_LISTEN"] = "tcp://127.0.0.1:\(port)" }
        all.merge(settings) { _, new in new }
        let isStaged = all["BATON_STAGE_FILES"] == "on"
        let command = [
            Stand.python, directory.file("app.py"), isStaged ? directory.file("stage") + "/files" + page : page,
            "\(app == .opensItsSocket ? port : 0)",
        ]
        baton = app == .handedAsNobody ? try Stand.runAsNobody(command, all) : try Stand.run(command, all)
    }

    // MARK: what is done

    /// Waits until its clients are served.
    func begin() throws {
        try baton.waitForError("generation 1 is ready")
        try waitForAnswer(port: port, "good1")
        load = HTTPLoad(port: port, clients: Self.clients, pause: 10)
        try waitUntil("answers of generation 1") { good("good1") > 10 }
    }

    func change(to content: String) {
        begunAt = monotonicNow()
        replaceFile(page, prefix + content)
    }

    /// - Returns: what was lost.
    func end() throws -> HTTPLoad.Result {
        let result = try #require(load).stop()
        load = nil
        try baton.stop(expecting: 0, 143)
        return result
    }

    // MARK: what is seen

    private func good(_ content: String) -> Int { load?.current.bodies[content] ?? 0 }
    func says(_ text: String) -> Bool { baton.error.contains(text) }
    var starts: Int { occurrences(of: "starting generation", in: baton.error) }

    /// Change 1 is undone: the good content is on the stage, and clients that ask from then on get it.
    var isBack: Bool {
        guard says("change 1 is rolled back"), readFile(staged) == prefix + "good1" else { return false }
        guard let before = goodAtRollback else {
            goodAtRollback = good("good1")
            return false
        }
        return good("good1") > before + 2 * Self.clients
    }

    /// Clients that ask now get this content.
    func isServed(_ content: String) -> Bool { good(content) > 2 * Self.clients }

    /// Seconds since the change.
    var seconds: Double { Double(monotonicNow() - begunAt) / 1e9 }

    func ask(_ words: String...) throws -> String { try Stand.call(words, ["BATON_CONTROL": control]).output }

    /// What `baton history --json` has of this change.
    func record(of change: Int) throws -> String {
        var text = try ask("history", "--json")[...]
        while let found = text.firstRange(of: "{\"type\":\"change\"") {
            text = text[found.upperBound...]
            let record = text.prefix { $0 != "}" }
            if record.contains("\"change\":\(change),") { return String(record) }
        }
        return ""
    }

    /// What to tell of one that failed.
    var story: Comment { "\(name), after \(seconds) s\n\(baton.error.suffix(4000))" }

    /// Waits until this holds for each, and tells how long that took since the change. One that has ended is not waited for.
    static func wait(_ what: String, _ trials: [ProofTrial], _ condition: (Int) -> Bool) throws -> [Double?] {
        var times = [Double?](repeating: nil, count: trials.count)
        var hasEnded = false
        try waitUntil(what, seconds: 30, pause: 20) {
            for index in trials.indices where times[index] == nil {
                if condition(index) { times[index] = trials[index].seconds }
                hasEnded = hasEnded || !trials[index].baton.isRunning
            }
            return hasEnded || !times.contains { $0 == nil }
        }
        return times
    }

    // MARK: the app

    /// Answers one after the other, so that one that hangs keeps all waiting. `/ready` is its readiness check: 200 where it uses what
    /// is in the file.
    private static let program = """
        import os, select, signal, socket, sys, threading, time
        path, port = sys.argv[1], int(sys.argv[2])
        page, hangs, is_sick, read_at = "nothing", False, False, 0
        def content(): return os.environ["PAGE"] if "PAGE" in os.environ else open(path).read()
        def read(*_):
            global page, hangs, is_sick, read_at
            text = content()
            word, _, number = text.partition(" ")
            if word == "exit": os._exit(int(number))
            if word == "kill": os.kill(os.getpid(), int(number))
            if word == "exit-later": threading.Timer(1, os._exit, [int(number)]).start()
            hangs, is_sick = word == "hang", word == "sick"
            if word != "ignore": page = text
            read_at = time.monotonic()
        def say(word):
            if "SPEAKS" in os.environ:
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(word, os.environ["NOTIFY_SOCKET"].replace("@", "\\0", 1))
        def reload(*_): say(b"RELOADING=1"); read(); say(b"READY=1")
        signal.signal(signal.SIGHUP, reload)
        read()
        if port == 0:
            listener = socket.socket(fileno=3)
        else:
            listener = socket.socket(); listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(("127.0.0.1", port)); listener.listen(64)
        listener.setblocking(False)
        def answer(client):
            client.setblocking(True)
            asks_ready = client.recv(4096).startswith(b"GET /ready")
            while hangs: time.sleep(0.01)
            is_bad = asks_ready and (page != content() or is_sick and time.monotonic() > read_at + 0.7)
            client.sendall(b"HTTP/1.1 %s\\r\\nContent-Length: %d\\r\\nConnection: close\\r\\n\\r\\n%s"
                           % (b"503 no" if is_bad else b"200 OK", len(page), page.encode()))
            client.close()
        # By a descriptor: Python does not see a signal that comes just before it begins to wait.
        told, tell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        is_told = False
        def end(*_):
            global is_told
            is_told = True
        signal.set_wakeup_fd(tell); signal.signal(signal.SIGTERM, end)
        poller = select.epoll()
        for descriptor in (listener.fileno(), told): poller.register(descriptor, select.EPOLLIN)
        say(b"READY=1")
        while not is_told:
            for descriptor, _ in poller.poll():
                if descriptor == told: os.read(told, 64); continue
                try: client, _ = listener.accept()
                except OSError: continue
                try: answer(client)
                except OSError: pass
        os._exit(0)
        """
}
