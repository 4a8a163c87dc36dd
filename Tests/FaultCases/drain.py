"""Harm to handovers and drains."""
import signal

from FaultCases.registry import fault, need_program
from harness import servers
from harness.clients import HeldRequest
from harness.waiting import eventually


@fault("drain", "the old generation ignores its signal", "killed at BATON_DRAIN_TIMEOUT")
def _(s):
    need_program("node")
    s.start(DRAIN_TIMEOUT="1s", STOP_TIMEOUT="1s", app=servers.node(s.config, "{}"))
    s.change("1")
    s.see("killing its processes", seconds=30)
    s.serves("1")
    s.stop(137)
    return "killed after its time"


@fault("drain", "a client that never ends its request", "cut off at BATON_DRAIN_TIMEOUT, and told; nobody else notices")
def _(s):
    need_program("node")
    s.start(DRAIN_TIMEOUT="2s", app=servers.node(s.config))
    slow = HeldRequest(s.place)
    s.change("1")
    s.see("generation 1 did not exit within the drain timeout of 2s", seconds=30)
    eventually("the end of generation 1", s.has_one_generation)
    eventually("the end of its connection", slow.is_cut)
    slow.close()
    s.serves("1")
    return "told, cut off"


# What the log has of a change and of the generation that it starts, in this order.
STAGES = ["the configuration has changed", "starting generation", "is ready", "is applied by handover", "after its drain"]


@fault("drain", "a change in each of the stages of the change before", "the last is served, the others are superseded")
def _(s):
    s.start()
    for number in range(30):
        before = len(s.log())
        s.swap("c%d" % number)
        s.see(STAGES[number % len(STAGES)], after=before)
    s.swap("last")
    s.applied("last")
    eventually("one generation", s.has_one_generation, 40)
    return "the last is served, one process left"


@fault("drain", "the new generation is shot in its slow start", "all connections go to the old one again",
       "those that it had: it is killed")
def _(s):
    s.start(SLOW_START="20s")
    s.swap("1")
    s.see("slow start of generation 2")
    s.applied("1")
    s.signal(signal.SIGKILL, s.generation(2))
    s.see("change 1 is rolled back: generation 2 was killed by signal KILL in slow start")
    s.serves("0")
    return "rolled back"


@fault("drain", "the old generation is shot in a slow start", "all connections go to the new one", "those that it had: it is killed")
def _(s):
    s.start(SLOW_START="3s")
    s.swap("1")
    s.see("slow start of generation 2")
    s.signal(signal.SIGKILL, s.generation(1))
    s.see("change 1 is applied by handover")
    s.serves("1")
    return "applied"


@fault("drain", "more old generations than BATON_MAX_DRAINING",
       "the oldest gets its drain signal, and is killed when the next is one too many; only its client notices")
def _(s):
    need_program("node")
    s.start(MAX_DRAINING="2", DRAIN_TIMEOUT="60s", STOP_TIMEOUT="1s", app=servers.node(s.config))
    held = []
    for number in range(5):
        held.append(HeldRequest(s.place))
        s.change("m%d" % number)
    eventually("the end of two", lambda: [client.is_cut() for client in held] == [True] * 2 + [False] * 3)
    eventually("two that drain, one that is to finish, one that serves", lambda: len(s.children()) == 4)
    for client in held:
        client.close()
    eventually("one generation", s.has_one_generation)
    return "2 of 5 killed, the others end when their clients do"
