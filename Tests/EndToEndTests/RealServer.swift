import TestSupport
import Testing

/// A real web server whose every answer is its name and the number of its configuration.
struct RealServer: Sendable, CustomTestStringConvertible {
    /// How it comes by its listening socket.
    enum Socket: Sendable {
        /// Descriptor 3, the way that its manual says for socket activation.
        case handed
        /// It opens the address itself, the way that its manual says for everybody.
        case own
    }

    /// What it runs with. The paths are as the server sees them.
    struct Site: Sendable {
        let port: UInt16
        /// The configuration, and the folder in which the server may write.
        var volume: String
        var scratch: String
    }

    let name: String
    let program: String
    /// Graceful stop, by its manual.
    let drainSignal: String
    /// Exit codes of a clean stop.
    var cleanCodes: Set<Int32> = [0]
    let command: @Sendable (Site, Socket) -> [String]
    /// The configuration of this number.
    let configuration: @Sendable (Site, Socket, _ text: String) -> [String: String]
    /// What lies beside it and never changes.
    let files: @Sendable (Site, Socket) -> [String: String]

    var testDescription: String { name }
    func text(_ number: Int) -> String { "\(name) \(number)" }

    static let all = [nginx, haproxy, gunicorn, uvicorn, node]
    static let installed = all.filter { Stand.has($0.program) }

    static let nginx = RealServer(
        name: "nginx", program: "nginx", drainSignal: "QUIT",
        command: { site, _ in [Stand.find("nginx") ?? "nginx", "-c", site.volume + "/nginx.conf"] },
        configuration: { site, _, text in
            let scratch = site.scratch
            return [
                "nginx.conf": """
                daemon off; worker_processes 2; error_log \(scratch)/error.log; pid \(scratch)/nginx.pid;
                events { worker_connections 256; }
                http { access_log off; keepalive_requests 1000000;
                  client_body_temp_path \(scratch)/t1; proxy_temp_path \(scratch)/t2;
                  fastcgi_temp_path \(scratch)/t3; uwsgi_temp_path \(scratch)/t4; scgi_temp_path \(scratch)/t5;
                  server { listen 127.0.0.1:\(site.port); location / { return 200 "\(text)"; } } }
                """
            ]
        },
        files: { _, _ in [:] })

    static let haproxy = RealServer(
        name: "haproxy", program: "haproxy", drainSignal: "USR1",
        command: { site, _ in [Stand.find("haproxy") ?? "haproxy", "-db", "-f", site.volume + "/haproxy.cfg"] },
        configuration: { site, socket, text in
            [
                "haproxy.cfg": """
                global
                    maxconn 256
                defaults
                    mode http
                    timeout client 30s
                    timeout connect 5s
                    timeout server 30s
                frontend main
                    bind "\(socket == .handed ? "fd@3" : "127.0.0.1:\(site.port)")"
                    http-request return status 200 content-type text/plain string "\(text)"

                """
            ]
        },
        files: { _, _ in [:] })

    static let gunicorn = RealServer(
        name: "gunicorn", program: "gunicorn", drainSignal: "TERM",
        command: { site, _ in
            [
                "gunicorn", "--chdir", site.scratch, "-w", "2", "-k", "gthread", "--threads", "4", "--log-level",
                "error",
                "-b", "127.0.0.1:\(site.port)", "app:app",
            ]
        },
        configuration: { _, _, text in ["page": text] },
        files: { site, _ in
            [
                "app.py": """
                page = open("\(site.volume)/page", "rb").read()
                def app(environ, start_response):
                    start_response("200 OK", [("Content-Length", str(len(page)))])
                    return [page]
                """
            ]
        })

    static let uvicorn = RealServer(
        name: "uvicorn", program: "uvicorn", drainSignal: "TERM",
        // Later versions end by the signal that they were told to go with.
        cleanCodes: [0, 143],
        command: { site, socket in
            ["uvicorn", "--app-dir", site.scratch, "--log-level", "error", "--lifespan", "off"]
                + (socket == .handed ? ["--fd", "3"] : ["--host", "127.0.0.1", "--port", "\(site.port)"]) + ["app:app"]
        },
        configuration: { _, _, text in ["page": text] },
        files: { site, _ in
            [
                "app.py": """
                page = open("\(site.volume)/page", "rb").read()
                async def app(scope, receive, send):
                    if scope["type"] != "http":
                        return
                    await send({"type": "http.response.start", "status": 200,
                                "headers": [(b"content-length", str(len(page)).encode())]})
                    await send({"type": "http.response.body", "body": page})
                """
            ]
        })

    static let node = RealServer(
        name: "node", program: "node", drainSignal: "TERM",
        command: { site, _ in ["node", site.scratch + "/app.js"] },
        configuration: { _, _, text in ["page": text] },
        files: { site, socket in
            let server = NodeServer(
                socket: socket == .handed ? .handed : .own(site.port),
                setup: NodeServer.page(of: site.volume + "/page"), answer: NodeServer.givesPage)
            return ["app.js": server.program]
        })

    func lay(_ site: Site, _ socket: Socket) {
        for (name, content) in files(site, socket) { writeFile(site.scratch + "/" + name, content) }
    }

    /// Under Server::Starter, which hands the socket over by a convention of its own: put where the manuals want it.
    func underServerStarter(_ site: Site) -> [String] {
        let shell = """
            eval "exec 3<&${SERVER_STARTER_PORT##*=}"; export NGINX="3;" LISTEN_FDS=1 LISTEN_PID=$$; exec "$@"
            """
        return [
            "start_server", "--port=127.0.0.1:\(site.port)", "--signal-on-hup=\(drainSignal)",
            "--signal-on-term=\(drainSignal)", "--", "sh", "-c", shell, "sh",
        ] + command(site, .handed)
    }
}
