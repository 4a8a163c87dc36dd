"""Waiting for what is to happen, with a deadline, and watching that something stays as it is."""
import time

# Between two checks of a condition.
PAUSE = 0.01


def eventually(what, condition, seconds=20, pause=PAUSE):
    """Returns what the condition returns, as soon as that is true. `what` is text, or a function that makes it after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() >= deadline:
            raise AssertionError("not within %d s: %s" % (seconds, what() if callable(what) else what))
        time.sleep(pause)


def stays(what, condition, seconds):
    """For cases in which time itself is tested: the condition must hold all this time."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert condition(), "not for all of %g s: %s" % (seconds, what)
        time.sleep(PAUSE)


def at_rest(measure, seconds=1.5, deadline=60):
    """The measured value, as soon as it has been the same for so many seconds."""
    value, since = measure(), time.monotonic()

    def has_rested():
        nonlocal value, since
        now = measure()
        if now != value:
            value, since = now, time.monotonic()
        return time.monotonic() - since >= seconds

    eventually("a value that stays", has_rested, deadline)
    return value


def let_pass(seconds):
    """For benches, in which a span of time is what is measured, or the pace of what is done: nothing is waited for."""
    time.sleep(max(0, seconds))
