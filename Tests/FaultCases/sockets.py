"""Harm to sockets."""
import os
import signal
import socket

from FaultCases.registry import fault, need, need_program, need_root
from harness import servers
from harness.processes import NOBODY, as_user
from harness.waiting import eventually


@fault("sockets", "the port is taken", "71, in words, before the app starts")
def _(s):
    with socket.create_server(s.place):
        s.start(wait=None, loaded=False)
        code = s.ends(71)
    assert "another process uses the address" in s.log() and "starting generation" not in s.log()
    return code


@fault("sockets", "a port without the right to it", "71, in words")
def _(s):
    need_root("setpriv")
    limit = int(open("/proc/sys/net/ipv4/ip_unprivileged_port_start").read())
    need(limit > 80, "ports below 1024 to be privileged")
    s.start(wait=None, loaded=False, LISTEN="tcp://%s:80" % s.place[0], wrapper=as_user(NOBODY))
    code = s.ends(71)
    assert "CAP_NET_BIND_SERVICE" in s.log()
    return code


@fault("sockets", "a unix socket's path is removed", "the next generation has it again")
def _(s):
    path = s.directory + "/app.sock"
    s.start(LISTEN="%s,unix://%s" % (s.listen, path))
    os.unlink(path)
    s.change("1")
    s.see("unix://%s was removed and exists again" % path)
    assert os.path.exists(path)
    return "back"


@fault("sockets", "1,000 idle connections", "they cost Baton nothing")
def _(s):
    need_program("node")
    s.start(DRAIN_TIMEOUT="2s", app=servers.node(s.config))
    before = s.descriptors()
    idle = [socket.create_connection(s.place) for _ in range(1000)]
    s.change("1")
    assert s.descriptors() <= before + 8
    for client in idle:
        client.close()
    return "%d descriptors, as before" % before


@fault("sockets", "garbage and resets on the port", "only those who send it notice")
def _(s):
    s.start()
    for number in range(300):
        with socket.create_connection(s.place) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.sendall(os.urandom(200))
    s.change("1")
    return "kept serving, a change applied"


@fault("sockets", "the app shuts its listener down", "Baton has a working one for the next generation",
       "those that came while none listened")
def _(s):
    s.start(app=servers.python(s.config), READY="tcp")
    s.signal(signal.SIGUSR1, s.generation(1))
    eventually("requests lost", lambda: s.load.failures)
    s.change("1")
    return "served again by the next generation"
