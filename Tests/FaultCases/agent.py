"""Harm to the agent, and to whom it asks."""
import contextlib
import http.server
import os
import shutil
import signal
import ssl
import subprocess
import threading
import time

from FaultCases.registry import fault, need
from harness import AGENT, BATON, SERVER, eventually, free_port


def with_agent(s, **settings):
    need(os.access(AGENT, os.X_OK), "baton-agent")
    s.start(ADMIN="127.0.0.1:0", **settings)
    def find():
        for pid in s.children():
            with contextlib.suppress(OSError):
                if os.readlink("/proc/%d/exe" % pid).endswith("baton-agent"):
                    return pid
    return find


@fault("agent", "it is killed", "started again; the app never notices")
def _(s):
    agent = with_agent(s)
    first = eventually("the agent", agent)
    s.signal(signal.SIGKILL, first)
    eventually("another agent", lambda: agent() not in (None, first))
    s.change("1")
    return "a new one runs, a change applied"


@fault("agent", "it is stopped (SIGSTOP)", "changes of files are applied all the same")
def _(s):
    agent = with_agent(s)
    s.signal(signal.SIGSTOP, eventually("the agent", agent))
    s.change("1")
    return "a change applied"


@fault("agent", "it is killed four times", "started again with growing pauses")
def _(s):
    agent = with_agent(s)
    for _ in range(4):
        s.signal(signal.SIGKILL, eventually("the agent", agent, 40))
        time.sleep(0.2)
    s.change("1")
    return "a change applied meanwhile"


@fault("agent", "its program is missing", "71, in words, before the app starts")
def _(s):
    alone = s.directory + "/baton"
    shutil.copy(BATON, alone)
    s.start(wait=None, loaded=False, ADMIN="127.0.0.1:0", wrapper=["sh", "-c", 'shift; exec "%s" "$@"' % alone, "sh"])
    code = s.ends(71)
    assert "beside baton" in s.log()
    return code


class Web:
    """An https server that can be told how to misbehave."""

    def __init__(self, directory):
        need(shutil.which("openssl"), "openssl")
        self.mode, self.body, self.port = "good", b"u0", free_port()
        self.ca = directory + "/ca.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", directory + "/key.pem", "-out", self.ca,
                        "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"],
                       check=True, capture_output=True)
        web = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def log_message(self, *_):
                pass

            def do_GET(self):
                if web.mode == "hangs":
                    time.sleep(30)
                if web.mode == "refuses":
                    return self.send_error(503)
                size = len(web.body) * (2 if web.mode == "cuts" else 1)
                if web.mode == "floods":
                    size = 10 << 20
                self.send_response(200)
                self.send_header("Content-Length", str(size))
                self.end_headers()
                self.wfile.write(b"x" * size if web.mode == "floods" else web.body)

        class Quiet(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.server = Quiet(("127.0.0.1", self.port), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.ca, directory + "/key.pem")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def url(self):
        return "app.txt=https://localhost:%d/app.txt" % self.port


def misbehaves(s, mode):
    web = Web(s.directory)
    stage = s.directory + "/stage"
    os.mkdir(stage)
    need(os.access(AGENT, os.X_OK), "baton-agent")
    s.start(app=[SERVER, stage + "/url/app.txt/app.txt"], WATCH=web.url(), STAGE=stage, URL_CA_FILE=web.ca, URL_INTERVAL="100ms",
            URL_TIMEOUT="500ms")
    assert s.load.last == "u0", s.load.last
    web.mode, web.body = mode, b"u1"
    s.see("u0" if mode == "good" else "https://localhost", seconds=30)
    s.serves()
    assert s.load.last == "u0", s.load.last
    web.mode = "good"
    eventually("u1\n" + s.log()[-1500:], lambda: s.load.last == "u1", 30)
    return "the old content stayed, then the new was applied"


for mode, words in [("hangs", "does not answer"), ("refuses", "answers 503"), ("cuts", "ends in the middle of its answer"),
                    ("floods", "sends 10 MB where 1 is allowed")]:
    fault("agent", "the web server " + words, "the last good content stays; applied when it is well again")(
        lambda s, mode=mode: misbehaves(s, mode))
