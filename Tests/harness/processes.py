"""Starting and ending of processes: Baton, with settings in its environment, and what it is compared with."""
import contextlib
import os
import signal
import subprocess

from harness import proc
from harness.places import BATON
from harness.waiting import eventually

# In the environment of what belongs together; children inherit it, whoever their parent is later.
MARK = "TEST_MARK"


def environment(**settings):
    """This one's without anything of Baton's, and with these settings; None for none."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("BATON")}
    own |= {"BATON_" + name: value for name, value in settings.items() if value is not None}
    return own


def under_baton(app, wrapper=(), program=BATON):
    """The command that runs it there."""
    return [*wrapper, program, "--", *app]


def start(command, mark=None, output=subprocess.DEVNULL, error=subprocess.DEVNULL, **settings):
    """In a session of its own, without input."""
    marked = {MARK: mark} if mark else {}
    return subprocess.Popen(command, env=environment(**settings) | marked, stdin=subprocess.DEVNULL, stdout=output, stderr=error,
                            start_new_session=True)


def stop(process, seconds=15):
    """By SIGTERM; its session's group by SIGKILL where that is not enough. Returns its code."""
    process.terminate()
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        return process.wait()


def marked(mark):
    return proc.with_entry("%s=%s" % (MARK, mark))


def kill_marked(mark):
    """All of them, and what they start meanwhile."""
    def are_gone():
        left = marked(mark)
        for pid in left:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        return not left

    eventually("the end of what was started for " + mark, are_gone)


# Somebody who may do nothing.
NOBODY = 65534


def as_user(user):
    """What a command is put behind to be run by that user, without any capability."""
    return ["setpriv", "--reuid=%d" % user, "--regid=%d" % user, "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]


def after(script, *namespaces):
    """What a command is put behind to be run once the shell has run this, in new namespaces where some are named (unshare(1))."""
    return (["unshare", *namespaces] if namespaces else []) + ["sh", "-c", script + ' && exec "$0" "$@"']
