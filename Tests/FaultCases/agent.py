"""Harm to the agent, and to whom it asks."""
import http.server
import os
import signal
import ssl
import subprocess
import threading

from FaultCases.registry import fault, need_agent, need_program
from harness import proc
from harness.clients import free_port
from harness.places import AGENT, BATON, SERVER
from harness.programs import copied
from harness.waiting import eventually


def with_agent(s, **settings):
    """Starts it; the function that is returned finds the agent's process."""
    need_agent()
    s.start(ADMIN="127.0.0.1:0", **settings)
    return lambda: next((pid for pid in s.children() if proc.executable(pid) == os.path.realpath(AGENT)), None)


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
    killed = set()
    for number in range(1, 5):
        eventually("agent %d" % number, lambda: agent() not in killed | {None}, 40)
        killed.add(agent())
        s.signal(signal.SIGKILL, agent())
        s.see("the agent was killed by signal KILL", count=number)
    s.change("1")
    return "a change applied meanwhile"


@fault("agent", "its program is missing", "71, in words, before the app starts")
def _(s):
    s.start(wait=None, loaded=False, ADMIN="127.0.0.1:0", program=copied(BATON, s.directory + "/baton"))
    code = s.ends(71)
    assert "in the same directory as baton" in s.log() and "starting generation" not in s.log()
    return code


class Web:
    """An https server that can be told how to misbehave."""

    def __init__(self, directory):
        need_program("openssl")
        self.mode, self.body, self.port = "good", b"u0", free_port()
        self.is_well = threading.Event()
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
                    web.is_well.wait(30)
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

    def recover(self):
        self.mode = "good"
        self.is_well.set()

    def close(self):
        self.server.shutdown()
        self.server.server_close()


def misbehaves(s, mode):
    need_agent()
    web = Web(s.directory)
    stage = s.directory + "/stage"
    os.mkdir(stage)
    try:
        s.start(app=[SERVER, stage + "/url/app.txt/app.txt"], WATCH=web.url(), STAGE=stage, URL_CA_FILE=web.ca, URL_INTERVAL="100ms",
                URL_TIMEOUT="500ms")
        s.serves("u0")
        web.mode, web.body = mode, b"u1"
        s.see("https://localhost", seconds=30)
        s.serves("u0")
        web.recover()
        s.applied("u1", seconds=30)
    finally:
        web.close()
    return "the old content stayed, then the new was applied"


for mode, words in [("hangs", "does not answer"), ("refuses", "answers 503"), ("cuts", "ends in the middle of its answer"),
                    ("floods", "sends 10 MB where 1 is allowed")]:
    fault("agent", "the web server " + words, "the last good content stays; applied when it is well again")(
        lambda s, mode=mode: misbehaves(s, mode))
