"""Harm to what tells that a generation is ready."""
import contextlib
import os
import socket

from FaultCases.registry import fault
from harness import write


@fault("readiness", "the readiness command always says no", "the old generation goes on")
def _(s):
    path = s.directory + "/answer"
    write(path, "exit 0\n")
    s.start(READY="exec:sh %s" % path, READY_TIMEOUT="1s")
    write(path, "exit 1\n")
    s.swap("1")
    s.see("is given up")
    s.serves()
    assert s.load.last == "0"
    write(path, "exit 0\n")
    s.change("2")
    return "kept serving, the next change applied"


@fault("readiness", "the readiness command hangs", "ended with the generation; the old one goes on")
def _(s):
    path = s.directory + "/answer"
    write(path, "exit 0\n")
    s.start(READY="exec:sh %s" % path, READY_TIMEOUT="1s")
    write(path, "sleep 1000\n")
    s.swap("1")
    s.see("is given up")
    s.serves()
    write(path, "exit 0\n")
    s.change("2")
    return "kept serving, the next change applied"


@fault("readiness", "10,000 datagrams of garbage on the notification socket", "none of it matters")
def _(s):
    s.start()
    environ = open("/proc/%d/environ" % s.generation(1), "rb").read().split(b"\0")
    name = next(entry[14:] for entry in environ if entry.startswith(b"NOTIFY_SOCKET="))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for number in range(10000):
            with contextlib.suppress(BlockingIOError):
                sender.sendto(os.urandom(number % 3000 + 1), b"\0" + name[1:])
    s.change("1")
    return "kept serving, a change applied"
