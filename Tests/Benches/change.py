"""From a change to the app's signal handler, beside loops that people write."""
import itertools
import os
import random
import shutil
import subprocess
import tempfile
import time

from Benches.common import ROUNDS, percentile, show, started, work
from harness import proc
from harness.clients import free_port
from harness.places import BATON
from harness.processes import kill_marked, under_baton
from harness.programs import compiled
from harness.volume import Volume, write
from harness.waiting import eventually, let_pass

# Told by SIGHUP, or with a port by a webhook. Its first line is out as soon as either can come.
RECEIVER = """
    #include <netinet/in.h>
    #include <signal.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <string.h>
    #include <sys/socket.h>
    #include <time.h>
    #include <unistd.h>
    static void told(int number) {
        (void)number;
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        long long at = now.tv_sec * 1000000000LL + now.tv_nsec;
        write(1, &at, sizeof at);
    }
    static void hear(int client) {
        static const char answer[] = "HTTP/1.1 200 OK\\r\\nContent-Length: 0\\r\\n\\r\\n";
        char request[4096];
        for (ssize_t size; (size = read(client, request, sizeof request)) > 0;) {
            if (size < 4 || memcmp(request + size - 4, "\\r\\n\\r\\n", 4) != 0) continue;
            told(0);
            write(client, answer, sizeof answer - 1);
        }
        close(client);
    }
    int main(int argc, char **argv) {
        struct sigaction action = {.sa_handler = told};
        sigaction(SIGHUP, &action, 0);
        int listener = -1;
        if (argc > 1) {
            struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(atoi(argv[1])), .sin_addr = {htonl(INADDR_LOOPBACK)}};
            listener = socket(AF_INET, SOCK_STREAM, 0);
            setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int));
            if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 8)) return 1;
        }
        long long ready = 0;
        write(1, &ready, sizeof ready);
        for (;;) if (listener < 0) pause(); else hear(accept(listener, 0, 0));
    }"""


# The least that there is: one that has nothing to do but this. What the machine itself takes.
BARE = """
    #include <signal.h>
    #include <string.h>
    #include <sys/inotify.h>
    #include <unistd.h>
    int main(int argc, char **argv) {
        if (argc < 3) return 2;
        pid_t app = fork();
        if (app == 0) execl(argv[1], argv[1], (char *)0);
        int events = inotify_init();
        inotify_add_watch(events, argv[2], IN_MOVED_TO);
        char buffer[4096] __attribute__((aligned(8)));
        for (ssize_t size; (size = read(events, buffer, sizeof buffer)) > 0;) {
            const struct inotify_event *event;
            for (char *at = buffer; at < buffer + size; at += sizeof *event + event->len) {
                event = (const struct inotify_event *)at;
                if (event->len && strcmp(event->name, "..data") == 0) kill(app, SIGHUP);
            }
        }
        return 1;
    }"""


class Receiver:
    """Somebody who watches, with the receiver below it."""

    def __init__(self, command, settings):
        self.process = started([receiver() if word is None else word for word in command], output=subprocess.PIPE, **settings)
        self.told()
        eventually("the watching to begin", self.watches)

    def watches(self):
        """By inotify, or by a loop that has looked once and sleeps; Baton does before it starts the app."""
        everyone = [self.process.pid] + proc.descendants(self.process.pid)
        looked = [os.path.realpath(BATON), os.path.realpath(shutil.which("sleep"))]
        return any(proc.watches_files(pid) or proc.executable(pid) in looked for pid in everyone)

    def told(self):
        """When the receiver has been told (ns, monotonic); 0 for its first line."""
        line = self.process.stdout.read(8)
        if len(line) < 8:
            raise RuntimeError("the receiver has ended")
        return int.from_bytes(line, "little")

    def delay(self, change):
        """Of one change, in ms. `change` returns when it began (ns, monotonic)."""
        began = change()
        return (self.told() - began) / 1e6



def receiver():
    return compiled(work + "/receiver", RECEIVER, "-static")


# $1 is what is watched; $0 the receiver. The trap is undone for it, which sets its own handler.
LOOP = 'trap "" HUP; "$0" & app=$!; inotifywait -qm -e moved_to "$1" | while read -r line; do case $line in *%s) %s;; esac; done'
# One that does what Baton does, too: nothing where the content is what it was.
CAREFUL = 'new=$(cat "$1"/%s | sha256sum); [ "$new" = "$old" ] || kill -HUP $app; old=$new'


def report(title, contestants, place, count, pause, share, reference="baton"):
    """All of them at once, each with a place of its own, and the changes go round: what the machine does meanwhile, it does to all.
    The ratios of each round are of this percentile; those of all rounds together, which few slow ones move less, are printed, too."""
    rounds = {name: [] for name in contestants}
    for _ in range(ROUNDS):
        changes, receivers = {}, {}
        for name in contestants:
            path, changes[name] = place(tempfile.mkdtemp(dir=work) + "/watched")
            receivers[name] = Receiver(*contestants[name](path))
        # The first one waits until the app is taken as ready, and counts for nobody.
        for name in contestants:
            receivers[name].delay(changes[name])
        taken = {name: [] for name in contestants}
        for _ in range(count):
            for name in random.sample(list(contestants), len(contestants)):
                taken[name].append(receivers[name].delay(changes[name]))
                let_pass(pause())
        kill_marked(work)
        for one in receivers.values():
            one.process.wait()
        for name in contestants:
            rounds[name].append(sorted(taken[name]))
    show(title, "ms", {name: [percentile(delays, share) for delays in turns] for name, turns in rounds.items()}, reference)
    print("%-26s %12s %8s %8s   p99: baton / this one" % ("all rounds together", "p50", "p90", "p99"))
    together = {name: sorted(sum(turns, [])) for name, turns in rounds.items()}
    for name, delays in together.items():
        figures = [percentile(delays, part) for part in (0.5, 0.9, 0.99)]
        ratio = percentile(together[reference], 0.99) / figures[2]
        print("%-26s %12.3f %8.3f %8.3f   %s" % (name, *figures, "" if name == reference else "%.2f" % ratio))


def volume(path):
    """One that kubelet's AtomicWriter writes, and what swaps it."""
    kubelet = Volume(path)

    def swap():
        return kubelet.swap("app.yaml", str(kubelet.count))

    swap()
    return path, swap


def plain(path):
    """A file in a directory, and what renames another over it."""
    os.makedirs(path)
    file, count = path + "/app.yaml", itertools.count()

    def replace():
        write(path + "/new", str(next(count)))
        began = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        os.rename(path + "/new", file)
        return began

    replace()
    return file, replace


def baton(**settings):
    return lambda path: (under_baton([None]), {"WATCH": path, "ON_CHANGE": "reload"} | settings)


def shell(script, *words):
    return lambda path: (["sh", "-c", script, None, path, *words], {})


def bench_signal():
    """From the rename of kubelet's ..data link to the app's signal handler."""
    bare = compiled(work + "/bare", BARE, "-static")
    contestants = {"baton": baton(), "inotify and kill, no more": lambda path: ([bare, receiver(), path], {})}
    if shutil.which("inotifywait"):
        contestants["inotifywait"] = shell(LOOP % ("..data", "kill -HUP $app"))
        contestants["the same, that compares"] = shell(LOOP % ("..data", CAREFUL % "..data/*"))
    if shutil.which("configmap-reload"):
        sidecar = '"$0" "$2" & exec configmap-reload -volume-dir "$1" -webhook-url "http://127.0.0.1:$2/" -web.listen-address 127.0.0.1:0 >&2'
        contestants["configmap-reload, webhook"] = shell(sidecar, str(free_port()))
    report("change to signal: p99 of 1,000 swaps of a kubelet volume", contestants, volume, 1000, lambda: 0.01, 0.99)


def bench_file():
    """From the rename over a plain file to the app's signal handler. entr can follow this one, as it has no ..data link."""
    contestants = {"baton": baton()}
    if shutil.which("inotifywait"):
        contestants["inotifywait"] = lambda path: shell(LOOP % ("app.yaml", "kill -HUP $app"))(os.path.dirname(path))
    if shutil.which("entr"):
        contestants["entr"] = shell('trap "" HUP; "$0" & app=$!; echo "$1" | entr -n -p kill -HUP $app')
    report("change to signal: p99 of 100 renames over a plain file", contestants, plain, 100, lambda: 0.1, 0.99)


def bench_poll():
    """Where nothing but looking helps: a loop that compares every 250 ms."""
    loop = 'trap "" HUP; "$0" & app=$!; old=$(cat "$1"/..data/* | sha256sum); while sleep 0.25; do %s; done' % (CAREFUL % "..data/*")
    contestants = {"baton": baton(STRATEGY="poll", POLL_INTERVAL="250ms"), "a loop with sleep 0.25": shell(loop)}
    report("change to signal: p50 of 40 swaps, polled every 250 ms", contestants, volume, 40, lambda: random.uniform(0.05, 0.3), 0.5)
