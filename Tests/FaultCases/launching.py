"""Harm to starts of the app, while another generation of it serves."""
import os
import signal

from FaultCases.registry import fault
from FaultCases.scripted import scripted
from harness.places import SERVER
from harness.programs import copied
from harness.volume import write


def with_own_program(s, **settings):
    program = copied(SERVER, s.directory + "/server")
    s.start(app=[program, s.config], **settings)
    return program


@fault("launching", "the program vanishes before a handover", "the old generation goes on; the change is told to have failed")
def _(s):
    program = with_own_program(s)
    os.rename(program, program + ".away")
    s.swap("1")
    s.see("(ENOENT)")
    s.serves("0")
    os.rename(program + ".away", program)
    s.change("2")
    return "told, kept serving, the next change applied"


@fault("launching", "the program becomes garbage before a handover", "the old generation goes on")
def _(s):
    program = with_own_program(s)
    os.rename(program, program + ".away")
    write(program, b"\x7fELF\x02\x01\x01garbage")
    os.chmod(program, 0o755)
    s.swap("1")
    s.see("change 1 is rolled back")
    s.serves("0")
    os.rename(program + ".away", program)
    s.change("2")
    return "kept serving, the next change applied"


def next_fails(s, script, seen, **settings):
    path = scripted(s, script, **settings)
    s.swap("1")
    s.see(seen, seconds=30)
    s.serves("0")
    write(path, ":\n")
    s.change("2")
    return "kept serving, the next change applied"


@fault("launching", "the new generation is shot while it starts", "the old one goes on")
def _(s):
    return next_fails(s, "kill -KILL $$", "killed by signal KILL")


@fault("launching", "the new generation hangs before it is ready", "given up at BATON_READY_TIMEOUT")
def _(s):
    return next_fails(s, "sleep 100", "failed to become ready", READY_TIMEOUT="1s")


@fault("launching", "the new generation is stopped (SIGSTOP) while it starts", "given up at BATON_READY_TIMEOUT")
def _(s):
    return next_fails(s, "kill -STOP $$", "failed to become ready", READY_TIMEOUT="1s", DRAIN_TIMEOUT="1s")


@fault("launching", "the app crashes with clients waiting", "started again; who waits is served",
       "those that the crashed process had taken")
def _(s):
    s.start(RESTART="always")
    for _ in range(3):
        number = s.log().count("starting generation")
        s.signal(signal.SIGKILL, s.generation(number))
        s.see("starting generation", count=number + 1)
        s.see("is ready", count=number + 1)
    s.serves()
    assert len(s.load.failures) <= 3 * 3, s.load.failures
    return "3 crashes, %d of the requests under way lost" % len(s.load.failures)
