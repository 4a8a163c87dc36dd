"""Latency and throughput of servers that get a new configuration: by Baton, and by their own ways."""
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time

import picture
from Benches.common import ROUNDS, percentile, spread, started, work
from harness import servers
from harness.clients import answer, free_port
from harness.processes import stop, under_baton
from harness.programs import compiled
from harness.volume import Volume, write
from harness.waiting import eventually, let_pass


class Contestant:
    """A server, and its own way or Baton's to take a new configuration."""

    def __init__(self, name, server, by_baton, **settings):
        self.name, self.server, self.by_baton, self.settings = name, server, by_baton, settings
        # Until a second after the old copy has its last connection: a slow start's time later, and by Server::Starter, which lets
        # both take them for a second, one second later.
        both = int(settings.get("SLOW_START", "0s").rstrip("s")) if by_baton else 1 if server == "node" else 0
        self.change_lasts = 1 + both
        # What a program that is compiled while it runs does in its first seconds is neither the handover nor how it serves.
        self.settles = 3 if server == "node" else 1.5
        self.apart = self.change_lasts + self.settles + 2.5
        # Enough requests in few.
        self.changes = 4 if self.change_lasts < 10 else 2

    def start(self, folder, port):
        self.folder, self.port, self.number = folder, port, 0
        os.chmod(folder, 0o755)
        self.volume = Volume(folder + "/config")
        self.write()
        config = folder + "/config/..data/config" if self.by_baton else folder + "/config/config"
        commands = {
            "nginx": [shutil.which("nginx"), "-c", config],
            "haproxy": [shutil.which("haproxy"), "-db" if self.by_baton else "-W", "-f", config],
            "node": servers.node(config),
        }
        command, more = commands[self.server], {}
        if self.by_baton:
            more = {"WATCH": folder + "/config", "LISTEN": "tcp://127.0.0.1:%d" % port, "ON_CHANGE": "handover",
                    "DRAIN_SIGNAL": {"nginx": "QUIT", "haproxy": "USR1", "node": "TERM"}[self.server]} | self.settings
            command = under_baton(command)
        elif self.server == "node":
            command = ["start_server", "--port=127.0.0.1:%d" % port, "--signal-on-hup=TERM", "--"] + command
        self.process = started(command, **more)
        eventually("an answer of " + self.name, lambda: answer(port) is not None)

    def text(self):
        return "%s %d" % (self.server, self.number)

    def write(self):
        """The next configuration, as kubelet writes it where Baton reads it."""
        self.number += 1
        bind = "fd@3" if self.by_baton else "127.0.0.1:%d" % self.port
        content = {"nginx": servers.nginx_config(self.folder, self.port, self.text()), "haproxy": servers.haproxy_config(bind, self.text()),
                   "node": self.text()}[self.server]
        if self.by_baton:
            self.volume.swap("config", content)
        else:
            write(self.folder + "/config/config", content)

    def change(self):
        """The moment at which it was asked to."""
        self.write()
        at = time.monotonic()
        if not self.by_baton:
            self.process.send_signal({"nginx": signal.SIGHUP, "haproxy": signal.SIGUSR2, "node": signal.SIGHUP}[self.server])
        eventually("the new configuration of " + self.name, lambda: answer(self.port) == self.text())
        return at


def contestants():
    """Those that are installed; BATON_BENCH_SERVERS names some of nginx, haproxy and node."""
    found = []
    wanted = os.environ.get("BATON_BENCH_SERVERS", "nginx haproxy node").split()
    for server, own in (("nginx", "nginx, its own reload"), ("haproxy", "haproxy, its own reload"), ("node", "node, Server::Starter")):
        if server not in wanted or not shutil.which(server):
            continue
        found.append(Contestant("%s, Baton" % server, server, True))
        if server == "node":
            # A program that is compiled while it runs has its first request behind it before it gets the others; and it gets
            # them step by step.
            found.append(Contestant("node, Baton, READY=http:/", server, True, READY="http:/"))
            found.append(Contestant("the same, SLOW_START=20s", server, True, READY="http:/", SLOW_START="20s"))
        if server != "node" or shutil.which("start_server"):
            found.append(Contestant(own, server, False))
    return found


class Run:
    """Some changes under load, and every request of it: when it began (s), how long it took (ms), whether it was answered."""

    def __init__(self, contestant, rate, changes):
        self.change_lasts, self.settles, apart = contestant.change_lasts, contestant.settles, contestant.apart
        contestant.start(tempfile.mkdtemp(dir=work), free_port())
        log = contestant.folder + "/requests"
        program = compiled(work + "/loader", open(os.path.dirname(__file__) + "/loader.c").read(), "-pthread")
        loader = subprocess.Popen([program, str(contestant.port), "4", str(rate), log], stdin=subprocess.PIPE)
        self.began = time.monotonic()
        let_pass(apart)
        self.marks = []
        for _ in range(changes):
            self.marks.append(contestant.change())
            let_pass(self.marks[-1] + apart - time.monotonic())
        loader.stdin.close()
        loader.wait()
        self.ended = time.monotonic()
        stop(contestant.process)
        self.requests = []
        for line in open(log):
            at, took, whole = (int(word) for word in line.split())
            self.requests.append((at / 1e9, took / 1e6, whole))
        self.failed = sum(not whole for _, _, whole in self.requests)
        self.moving, self.steady = [], []
        for at, took, _ in self.requests:
            if self.is_moving(at):
                self.moving.append(took)
            elif self.is_steady(at):
                self.steady.append(took)
        self.moving.sort()
        self.steady.sort()

    def since(self, at):
        return min((at - mark for mark in self.marks if at >= mark), default=None)

    def is_moving(self, at):
        since = self.since(at)
        return since is not None and since < self.change_lasts

    def is_steady(self, at):
        """All is quiet some time after that, and after the start."""
        since = self.since(at)
        return at > self.began + self.settles if since is None else since > self.change_lasts + self.settles

    def seconds(self, test):
        """For how long that is so."""
        steps = int((self.ended - self.began) * 100)
        return sum(test(self.began + step / 100) for step in range(steps)) / 100


def bench_handover():
    """Of every request at a steady pace: in seconds with a handover, and in seconds without."""
    rate = 800
    print("\nhandover: %d requests a second, a connection each; some handovers in each of %d rounds. ms, in seconds without | with a handover"
          "\n(one second; two by Server::Starter, which tells the old copy after one; a slow start's more)" % (rate, ROUNDS))
    print("%-27s %8s %19s %19s %19s   p99 with / without, median (least–most)" % ("", "failed", "p50", "p99", "p99.9"))
    pictures = []
    for contestant in contestants():
        runs = [Run(contestant, rate, contestant.changes) for _ in range(ROUNDS)]
        ratios = [percentile(run.moving, 0.99) / percentile(run.steady, 0.99) for run in runs]
        steady = sorted(took for run in runs for took in run.steady)
        moving = sorted(took for run in runs for took in run.moving)
        pair = lambda share: "%8.2f | %8.2f" % (percentile(steady, share), percentile(moving, share))
        lost = "%d/%d" % (sum(run.failed for run in runs), sum(len(run.requests) for run in runs))
        print("%-27s %8s %19s %19s %19s   %s" % (contestant.name, lost, pair(0.5), pair(0.99), pair(0.999), spread(ratios)), flush=True)
        pictures.append(panel(contestant, runs[0]))
    target = os.environ.get("BATON_BENCH_PICTURE")
    if target:
        picture.draw(target, "Latency of %d requests a second, and new configurations (dashed)" % rate, pictures)
        print("the picture is " + target)


def panel(contestant, run):
    slowest = {}
    for at, took, _ in run.requests:
        bin = int((at - run.began) * 50)
        slowest[bin] = max(slowest.get(bin, 0), took)
    points = [(bin / 50, took) for bin, took in sorted(slowest.items()) if bin >= 0]
    return picture.Panel(contestant.name, "ms", [("the slowest of each 20 ms", points, "points")],
                         [mark - run.began for mark in run.marks], True)


def bench_throughput():
    """Of four clients that ask without pause: requests a second, in seconds with a handover, and in seconds without."""
    changes = 2
    print("\nhandover: 4 clients that ask without pause, a connection for each request; %d handovers in each of %d rounds" % (changes, ROUNDS))
    print("%-27s %10s %15s %15s   with / without, median (least–most)" % ("", "failed", "without, a s", "with, a s"))
    for contestant in contestants():
        runs = [Run(contestant, 0, changes) for _ in range(ROUNDS)]
        steady = [len(run.steady) / run.seconds(run.is_steady) for run in runs]
        moving = [len(run.moving) / run.seconds(run.is_moving) for run in runs]
        lost = "%d/%d" % (sum(run.failed for run in runs), sum(len(run.requests) for run in runs))
        print("%-27s %10s %15.0f %15.0f   %s" % (contestant.name, lost, statistics.median(steady), statistics.median(moving),
                                                 spread([with_one / without for with_one, without in zip(moving, steady)])), flush=True)
