"""Harm to handovers and drains."""
import shutil
import signal
import socket
import time

from FaultCases.apps import DEAF
from FaultCases.registry import fault, need
from harness import eventually


@fault("drain", "the old generation ignores its signal", "killed at BATON_DRAIN_TIMEOUT")
def _(s):
    need(shutil.which("node"), "node")
    s.start(DRAIN_TIMEOUT="1s", STOP_TIMEOUT="1s", app=["node", "-e", DEAF, s.volume + "/app.txt"])
    s.change("1")
    s.see("what is left of it is killed", seconds=30)
    s.serves()
    s.stop(137)
    return "killed after its time"


@fault("drain", "a client that never ends its request", "cut off at BATON_DRAIN_TIMEOUT, and told", "that client's")
def _(s):
    s.start(DRAIN_TIMEOUT="2s")
    with socket.create_connection(("127.0.0.1", s.port)) as slow:
        slow.sendall(b"GET / HTTP/1.1\r\n")
        time.sleep(0.2)
        s.swap("1")
        s.see("is applied by handover")
        s.see("generation 1", seconds=30)
        eventually("the end of generation 1", lambda: len(s.children()) == 1, 30)
    before = len(s.load.failures)
    s.serves()
    return "told, %d other requests lost meanwhile" % before


@fault("drain", "a change in each of the stages of the change before", "the last is served, the others are superseded")
def _(s):
    s.start()
    for number in range(30):
        s.swap("c%d" % number)
        time.sleep(0.03 + number % 5 * 0.02)
    s.applied("c29")
    eventually("one generation", lambda: len(s.children()) == 1, 40)
    return "the last is served, one process left"


@fault("drain", "the new generation is shot in its slow start", "all connections go to the old one again",
       "those that it had: it is killed")
def _(s):
    s.start(SLOW_START="20s")
    s.swap("1")
    s.see("generation 2 gets more and more")
    eventually("an answer of the new one", lambda: s.load.last == "1")
    s.signal(signal.SIGKILL, s.generation(2))
    s.see("change 1 is rolled back: generation 2 was ended by signal KILL in its slow start")
    s.serves()
    assert s.load.last == "0"
    return "rolled back"


@fault("drain", "the old generation is shot in a slow start", "all connections go to the new one", "those that it had: it is killed")
def _(s):
    s.start(SLOW_START="3s")
    s.swap("1")
    s.see("generation 2 gets more and more")
    s.signal(signal.SIGKILL, s.generation(1))
    s.see("change 1 is applied by handover")
    s.serves()
    assert s.load.last == "1"
    return "applied"


@fault("drain", "more old generations than BATON_MAX_DRAINING", "the oldest is ended", "requests that never end")
def _(s):
    s.start(MAX_DRAINING="2", DRAIN_TIMEOUT="60s")
    held = []
    for number in range(5):
        client = socket.create_connection(("127.0.0.1", s.port))
        client.sendall(b"GET / HTTP/1.1\r\n")
        held.append(client)
        time.sleep(0.1)
        s.change("m%d" % number)
    eventually("no more than three", lambda: len(s.children()) <= 3, 30)
    for client in held:
        client.close()
    return "never more than 2 and the one that serves"
