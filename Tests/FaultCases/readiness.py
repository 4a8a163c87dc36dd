"""Harm to what tells that a generation is ready."""
import contextlib
import os
import socket

from FaultCases.registry import fault
from harness import proc
from harness.volume import write


def next_answers(s, script):
    """The readiness command of the next generation."""
    path = s.directory + "/answer"
    write(path, "exit 0\n")
    s.start(READY="exec:sh %s" % path, READY_TIMEOUT="1s")
    write(path, script + "\n")
    s.swap("1")
    s.see("failed to become ready")
    s.serves("0")
    write(path, "exit 0\n")
    s.change("2")
    return "kept serving, the next change applied"


@fault("readiness", "the readiness command always says no", "the old generation goes on")
def _(s):
    return next_answers(s, "exit 1")


@fault("readiness", "the readiness command hangs", "ended with the generation; the old one goes on")
def _(s):
    return next_answers(s, "sleep 1000")


@fault("readiness", "10,000 datagrams of garbage on the notification socket", "none of it matters")
def _(s):
    s.start()
    name = proc.environ(s.generation(1))["NOTIFY_SOCKET"]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for number in range(10000):
            with contextlib.suppress(BlockingIOError):
                sender.sendto(os.urandom(number % 3000 + 1), "\0" + name[1:])
    s.change("1")
    return "kept serving, a change applied"
