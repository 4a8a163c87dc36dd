"""Harm to sockets."""
import os
import shutil
import signal
import socket

from FaultCases.apps import NODE, PYTHON
from FaultCases.registry import fault, need
from harness import IS_ROOT, eventually


@fault("sockets", "the port is taken", "71, in words, before the app starts")
def _(s):
    with socket.create_server(("127.0.0.1", s.port)):
        s.start(wait=None, loaded=False)
        code = s.ends(71)
    assert "another process has it" in s.log() and "starting generation" not in s.log()
    return code


@fault("sockets", "a port without the right to it", "71, in words")
def _(s):
    need(IS_ROOT and shutil.which("setpriv"), "root and setpriv")
    limit = int(open("/proc/sys/net/ipv4/ip_unprivileged_port_start").read())
    need(limit > 80, "ports below 1024 to be privileged")
    s.start(wait=None, loaded=False, LISTEN="tcp://127.0.0.1:80",
            wrapper=["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"])
    code = s.ends(71)
    assert "CAP_NET_BIND_SERVICE" in s.log()
    return code


@fault("sockets", "a unix socket's path is removed", "the next generation has it again")
def _(s):
    path = s.directory + "/app.sock"
    s.start(LISTEN="tcp://127.0.0.1:%d,unix://%s" % (s.port, path))
    os.unlink(path)
    s.change("1")
    eventually("the path", lambda: os.path.exists(path) or "app.sock" in s.log())
    return "back" if os.path.exists(path) else "told"


@fault("sockets", "1,000 idle connections", "they cost Baton nothing")
def _(s):
    need(shutil.which("node"), "node")
    s.start(DRAIN_TIMEOUT="2s", app=["node", "-e", NODE, s.volume + "/app.txt"])
    before = s.descriptors()
    idle = [socket.create_connection(("127.0.0.1", s.port)) for _ in range(1000)]
    s.change("1")
    assert s.descriptors() <= before + 8
    for client in idle:
        client.close()
    return "%d descriptors, as before" % before


@fault("sockets", "garbage and resets on the port", "only those who send it notice")
def _(s):
    s.start()
    for number in range(300):
        with socket.create_connection(("127.0.0.1", s.port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.sendall(os.urandom(200))
    s.change("1")
    return "kept serving, a change applied"


@fault("sockets", "the app shuts its listener down", "Baton has a working one for the next generation",
       "those that came while none listened")
def _(s):
    s.start(app=["/usr/bin/python3", "-c", PYTHON, s.volume + "/app.txt"], READY="tcp")
    s.signal(signal.SIGUSR1, s.generation(1))
    eventually("requests lost", lambda: s.load.failures)
    s.swap("1")
    s.applied("1")
    return "served again by the next generation"
