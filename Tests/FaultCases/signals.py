"""Signals, in every state."""
import os
import signal

from FaultCases.registry import fault, need_agent, need_program
from FaultCases.scripted import scripted
from harness import proc, servers
from harness.clients import HeldRequest
from harness.places import SERVER
from harness.processes import marked
from harness.volume import write
from harness.waiting import eventually


@fault("signals", "SIGSTOP and SIGCONT of Baton around a swap", "applied when it runs again")
def _(s):
    s.start()
    s.signal(signal.SIGSTOP)
    s.swap("1")
    s.serves()
    s.signal(signal.SIGCONT)
    s.applied("1")
    return "kept serving, then applied"


@fault("signals", "SIGSTOP and SIGCONT of the app around a swap", "the new generation takes over; the old one drains")
def _(s):
    s.start()
    old = s.generation(1)
    s.signal(signal.SIGSTOP, old)
    s.swap("1")
    s.see("is applied by handover")
    s.signal(signal.SIGCONT, old)
    s.applied("1")
    return "handed over, nothing lost"


@fault("signals", "a storm of SIGHUP", "each reading is a whole one; the app serves")
def _(s):
    s.start()
    for _ in range(300):
        s.signal(signal.SIGHUP)
    s.see("is applied by handover", seconds=30)
    s.change("1")
    return "%d handovers of 300 signals" % s.log().count("is applied by handover")


@fault("signals", "SIGCHLD, SIGALRM, SIGPIPE, SIGURG and SIGWINCH from outside", "none of them matters to Baton")
def _(s):
    s.start()
    for number in (signal.SIGCHLD, signal.SIGURG, signal.SIGWINCH, signal.SIGCONT):
        for _ in range(50):
            s.signal(number)
    s.change("1")
    return "kept serving, a change applied"


def stopped_in(state, reach):
    def run(s):
        reach(s)
        if s.load:
            s.load.stop()
        s.signal(signal.SIGTERM)
        code = s.process.wait(30)
        assert code in (0, 143), "ended with %s\n%s" % (code, s.log()[-1500:])
        left = marked(s.directory)
        assert not left, [proc.read(pid, "cmdline") for pid in left]
        return "exit %d, no process left" % code
    fault("signals", "SIGTERM while " + state, "all end in order, within their time")(run)


def waiting(s):
    need_agent()
    stage = s.directory + "/stage"
    os.mkdir(stage)
    s.start(loaded=False, wait="starting baton", WATCH="x=https://127.0.0.1:1/x", STAGE=stage)


stopped_in("a source is waited for", waiting)
stopped_in("the first generation starts", lambda s: s.start(
    app=["sh", "-c", 'sleep 100; exec "%s" "%s"' % (SERVER, s.config)], wait="starting generation 1", loaded=False))
stopped_in("the app serves", lambda s: s.start())


def starting_second(s):
    scripted(s, "sleep 100")
    s.swap("1")
    s.see("starting generation 2")


stopped_in("a second generation starts", starting_second)


def draining(s):
    need_program("node")
    s.start(DRAIN_TIMEOUT="20s", STOP_TIMEOUT="1s", app=servers.node(s.config))
    s.held = HeldRequest(s.place)
    s.change("1")
    assert not s.has_one_generation()


stopped_in("an old generation drains", draining)


def backing_off(s):
    s.start(app=["sh", "-c", "sleep 0.2; exit 1"], RESTART="always", wait="starting generation 3", loaded=False)


def settling(s):
    path = s.directory + "/plain.txt"
    write(path, "a")
    s.start(SETTLE="100s", WATCH=path)
    eventually("Baton to sleep", lambda: proc.state(s.pid) == "S")
    before = proc.wake_ups(s.pid)
    write(path, "b")
    eventually("Baton to see the write", lambda: proc.wake_ups(s.pid) > before and proc.state(s.pid) == "S")
    assert "the configuration has changed" not in s.log()


stopped_in("a crashed app is to be started again", backing_off)
stopped_in("a change settles", settling)


@fault("signals", "a second and a third SIGTERM", "forwarded as they come; no crash")
def _(s):
    need_program("node")
    s.start(STOP_TIMEOUT="2s", app=servers.node(s.config, 'console.log("told to end")'))
    s.load.stop()
    for number in range(1, 4):
        s.signal(signal.SIGTERM)
        s.see("told to end", count=number)
    return s.ends(137)
