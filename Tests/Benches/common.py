"""What the benches share: contestants, rounds, ratios."""
import os
import random
import shutil
import socket
import statistics
import sys
import tempfile

from harness import BATON, environment

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


def quiet(**settings):
    return environment(**({"LOG_LEVEL": "error", "CONTROL": "off"} | settings))


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


def memory_of(pid):
    rollup = {}
    for line in open("/proc/%d/smaps_rollup" % pid):
        parts = line.split()
        if parts[-1] == "kB":
            rollup[parts[0]] = int(parts[1])
    return rollup.get("Rss:", 0), rollup.get("Pss:", 0), rollup.get("Private_Dirty:", 0)


def nginx_config(folder, port, text, connections=256):
    return """daemon off; worker_processes 1; error_log %s/error.log; pid %s/nginx.pid; events { worker_connections %d; }
        http { access_log off; client_body_temp_path %s/t1; proxy_temp_path %s/t2; fastcgi_temp_path %s/t3; uwsgi_temp_path %s/t4;
        scgi_temp_path %s/t5; server { listen 127.0.0.1:%d; location / { return 200 "%s"; } } }""" % ((folder,) * 2 + (connections,) + (folder,) * 5 + (port, text))


def answer(port):
    """The body of one, or None."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=5) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            whole = b"".join(iter(lambda: client.recv(65536), b""))
        return whole.partition(b"\r\n\r\n")[2].decode().strip()
    except OSError:
        return None
