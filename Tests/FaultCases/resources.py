"""Too little of something, and time that does not pass as it should."""
import glob
import os
import signal
import subprocess
import time

from FaultCases.registry import fault, need, need_root
from harness import proc, servers
from harness.places import BATON, IS_ROOT, SERVER
from harness.processes import after, as_user
from harness.programs import orphans
from harness.volume import write
from harness.waiting import eventually, stays


def limited(s, user=None, **limits):
    become = as_user(user) if user else []
    subprocess.run(become + ["prlimit", "--pid", str(s.pid)] + ["--%s=%s" % item for item in limits.items()], check=True)


@fault("resources", "no descriptor is free (EMFILE)", "the handover fails in words; the next works")
def _(s):
    s.start()
    limited(s, nofile="%d:4096" % s.descriptors())
    s.swap("1")
    s.see("(EMFILE)")
    s.serves()
    limited(s, nofile="1024:4096")
    s.change("2")
    return "told in words, kept serving, the next change applied"


@fault("resources", "no process can be made (EAGAIN)", "the handover fails in words; the next works")
def _(s):
    need_root("setpriv")
    # A user whom nothing else runs as: they count for all of theirs.
    user = 54321
    s.start(wrapper=as_user(user))
    limited(s, nproc="1:100", user=user)
    s.swap("1")
    s.see("(EAGAIN)")
    s.serves()
    limited(s, nproc="100:100", user=user)
    s.change("2")
    return "told in words, kept serving, the next change applied"


@fault("resources", "no file may grow (RLIMIT_FSIZE 0)", "no SIGXFSZ, no crash; the log is lost")
def _(s):
    s.start()
    limited(s, fsize="0:unlimited")
    s.change("1")
    limited(s, fsize="unlimited:unlimited")
    s.change("2")
    return "changes applied"


@fault("resources", "no signal can be queued (RLIMIT_SIGPENDING 0)", "nothing depends on a queue")
def _(s):
    s.start()
    limited(s, sigpending="0:0")
    for number in range(5):
        s.change("q%d" % number)
    return "5 changes applied"


@fault("resources", "64 MiB of address space", "it is plenty")
def _(s):
    s.start()
    limited(s, **{"as": str(64 << 20)})
    s.change("1")
    return "a change applied"


@fault("resources", "stderr: nobody reads the pipe", "log lines are dropped and counted; nothing waits")
def _(s):
    reader, writer = os.pipe()
    s.start(wait=None, output=writer, LOG_LEVEL="debug")
    os.close(writer)
    for number in range(20):
        s.change("n%d" % number)
    os.close(reader)
    s.change("gone")
    return "20 changes applied, one more with the reader gone"


@fault("resources", "stderr: a full disk (/dev/full)", "the log is lost, nothing else")
def _(s):
    with open("/dev/full", "wb") as full:
        s.start(wait=None, output=full)
    s.change("1")
    return "a change applied"


@fault("resources", "the stage's file system is full (ENOSPC)", "the change is refused in words; the next that fits works")
def _(s):
    need_root("unshare")
    stage = s.directory + "/stage"
    os.mkdir(stage)
    s.start(app=[SERVER, stage + "/files" + s.volume + "/app.txt"], STAGE=stage, STAGE_FILES="on",
            wrapper=after("mount -t tmpfs -o size=64k none " + stage, "--mount"))
    s.swap("x" * 200000)
    s.see("(ENOSPC)")
    s.serves("0")
    s.change("fits")
    return "told in words, kept serving, the next change applied"


def in_mounts(s, script, **settings):
    need_root("unshare")
    s.start(wrapper=after(script, "--mount"), **settings)
    s.change("1")


@fault("resources", "/run is read-only", "no control socket, and no more than that")
def _(s):
    in_mounts(s, "mount -t tmpfs -o ro none /run", CONTROL="auto")
    return "a change applied"


@fault("resources", "no /proc/sys", "nothing depends on it")
def _(s):
    in_mounts(s, "mount -t tmpfs -o ro none /proc/sys")
    return "a change applied"


@fault("resources", "no /proc at all", "what cannot be looked at is waited for")
def _(s):
    # Not the demo server: a Swift program without /proc ends at once, unless it is Baton.
    in_mounts(s, "mount -t tmpfs -o ro none /proc", app=servers.python(s.config))
    return "a change applied"


@fault("resources", "the working directory is removed", "nothing depends on it")
def _(s):
    folder = s.directory + "/cwd"
    os.mkdir(folder)
    s.start(wrapper=after("cd %s && rmdir %s" % (folder, folder)))
    s.change("1")
    return "a change applied"


@fault("resources", "5,000 orphans at once", "all are reaped", alone=True)
def _(s):
    done = s.directory + "/done"
    s.start(app=["sh", "-c", '{ "%s" 5000; echo > "%s"; } & exec "$0" "$@"' % (orphans(s.directory), done), SERVER, s.config])
    s.change("1")
    eventually("the last orphan", lambda: os.path.exists(done), 60)
    eventually("no zombie", lambda: not any(proc.state(pid) == "Z" for pid in s.children()), 60)
    return "no zombie is left, a change applied"


@fault("resources", "eight busy processes beside it", "slower, and no more than that", alone=True)
def _(s):
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"]) for _ in range(8)]
    try:
        s.start()
        for number in range(3):
            s.change("b%d" % number)
    finally:
        for process in busy:
            process.kill()
            process.wait()
    return "3 changes applied"


@fault("resources", "the clock of the container is 10 years on", "only differences count")
def _(s):
    need(IS_ROOT and subprocess.run(["unshare", "--time", "--monotonic", "100", "true"], capture_output=True).returncode == 0,
         "root and time namespaces")
    s.start(wrapper=["unshare", "--time", "--monotonic", "315360000", "--boottime", "315360000", "--fork", "--kill-child"])
    s.change("1")
    # unshare(1) waits for it.
    s.pid = s.children()[0]
    return "a change applied"


@fault("resources", "the wall clock jumps ten years ahead, and twenty back", "only the log's times follow")
def _(s):
    # Of this process alone: a library in front of the C library's clock, which takes one that is linked with it as it runs.
    library = next(iter(glob.glob("/usr/lib/*/faketime/libfaketime.so.1")), None)
    program = os.path.dirname(os.path.dirname(BATON)) + "/debug/baton"
    need(library and os.access(program, os.X_OK), "faketime, and a debug build")
    offset = s.directory + "/offset"
    write(offset, "+0")
    s.start(program=program, POLL_INTERVAL="50ms", STRATEGY="poll",
            wrapper=["env", "LD_PRELOAD=" + library, "FAKETIME_TIMESTAMP_FILE=" + offset, "FAKETIME_NO_CACHE=1", "DONT_FAKE_MONOTONIC=1"])
    for jump, year in (("+10y", 10), ("-10y", -10)):
        write(offset, jump)
        s.change("at " + jump)
        s.see("%d-" % (time.gmtime().tm_year + year))
    return "two changes applied"


@fault("resources", "time passes while Baton does not run", "what fell due meanwhile is done once")
def _(s):
    s.start(POLL_INTERVAL="50ms", STRATEGY="poll")
    s.signal(signal.SIGSTOP)
    s.swap("1")
    eventually("Baton to be stopped", lambda: proc.state(s.pid) == "T")
    stays("stopped, and the old content served", lambda: proc.state(s.pid) == "T" and s.load.last == "0", 2)
    s.signal(signal.SIGCONT)
    s.applied("1")
    assert s.log().count("starting generation") == 2
    return "one handover"
