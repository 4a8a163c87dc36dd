"""What the benches share: contestants, rounds, ratios."""
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile

from harness.places import BATON
from harness.processes import environment, start

ROUNDS = int(os.environ.get("BATON_BENCH_ROUNDS", "5"))
# Where all of them put their things.
work = tempfile.mkdtemp()


def inits():
    """Copies, as in an image that has just been unpacked: how a file came into the page cache shows in the time to map it."""
    found = {}
    for name, program, options in [("baton", BATON, ["--"]), ("tini", "tini", ["-s", "--"]), ("dumb-init", "dumb-init", ["--"]),
                                   ("catatonit", "catatonit", ["--"])]:
        if shutil.which(program):
            found[name] = [shutil.copy(shutil.which(program), "%s/init-%s" % (work, name))] + options
    # What is still to be written to the disk counts as dirty memory of whoever maps it.
    os.sync()
    return found


def percentile(values, share):
    """Of sorted values; not a number where there are none."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


def spread(ratios):
    return "%.2f (%.2f–%.2f)" % (statistics.median(ratios), min(ratios), max(ratios))


QUIET = {"LOG_LEVEL": "error", "CONTROL": "off"}


def quiet():
    """An environment for a Baton that says nothing."""
    return environment(**QUIET)


def started(command, output=subprocess.DEVNULL, error=subprocess.DEVNULL, **settings):
    """A Baton that says nothing, or somebody beside it."""
    return start(command, mark=work, output=output, error=error, **(QUIET | settings))


def compare(title, unit, measure, contestants, reference, samples=1):
    """measure(name) is taken so many times a round, in turn, and their median counts."""
    figures = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        taken = {name: [] for name in contestants}
        for _ in range(samples):
            # Who comes after whom finds the machine as warm as that one left it.
            for name in random.sample(list(contestants), len(contestants)):
                taken[name].append(measure(name))
        for name in contestants:
            figures[name].append(statistics.median(taken[name]))
    show(title, unit, figures, reference)
    return figures


def show(title, unit, figures, reference):
    """One figure of each round for each of them; the ratio is to the reference of the same round."""
    print("\n%s\n%-26s %12s   baton / this one, median (least–most of %d rounds)" % (title, "", unit, ROUNDS))
    for name in figures:
        ratios = [own / other for own, other in zip(figures[reference], figures[name])]
        print("%-26s %12.3f   %s" % (name, statistics.median(figures[name]), "" if name == reference else spread(ratios)))
    sys.stdout.flush()
