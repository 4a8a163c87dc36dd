"""Servers that the tests put under Baton, and configurations of those that are installed. The demo server is serial: for requests
that do not end, node's is the one to take."""

# On the socket that it is handed, by Baton or by Server::Starter. Its last word is the file that it answers with.
NODE = """
const http = require("http"), fs = require("fs"), body = fs.readFileSync(process.argv.at(-1));
const starter = process.env.SERVER_STARTER_PORT, fd = starter ? +starter.split("=").pop() : 3;
const server = http.createServer((request, answer) => { answer.setHeader("Content-Length", body.length); answer.end(body); });
server.listen({ fd });
process.on("SIGTERM", () => %s);
"""


def node(path, at_sigterm="server.close(() => process.exit(0))"):
    """A command; `at_sigterm` is JavaScript."""
    return ["node", "-e", NODE % at_sigterm, path]


# SIGUSR1 makes it shut its own listener down.
PYTHON = """
import http.server, os, signal, socket, sys, threading
body = open(sys.argv[1], 'rb').read()
class Handler(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_GET(self):
        self.send_response(200); self.send_header('Content-Length', str(len(body))); self.end_headers(); self.wfile.write(body)
server = http.server.HTTPServer(('127.0.0.1', 0), Handler, False)
server.socket = socket.socket(fileno=3)
# Once the request that it is at has its answer.
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
signal.signal(signal.SIGUSR1, lambda *_: server.socket.shutdown(2))
server.serve_forever(0.05)
"""


def python(path):
    return ["/usr/bin/python3", "-c", PYTHON, path]


def nginx_config(folder, port, text, connections=256):
    """An idle connection is left open for longer than a bench takes."""
    temporary = " ".join("%s_temp_path %s/t%d;" % (name, folder, number) for number, name in
                         enumerate(["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]))
    return """daemon off; worker_processes 1; error_log %s/error.log; pid %s/nginx.pid; events { worker_connections %d; }
        http { access_log off; keepalive_timeout 1h; %s server { listen 127.0.0.1:%d; location / { return 200 "%s"; } } }""" % (
        folder, folder, connections, temporary, port, text)


def haproxy_config(bind, text):
    return """global
    maxconn 256
defaults
    mode http
    timeout client 30s
    timeout connect 5s
    timeout server 30s
frontend main
    bind "%s"
    http-request return status 200 content-type text/plain string "%s"
""" % (bind, text)
