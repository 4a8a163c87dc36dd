"""From a change to the app's signal handler, beside loops that people write."""
import os
import random
import shutil
import signal
import statistics
import subprocess
import time

from Benches.common import compare, quiet, work
from harness import BATON, Volume, compiled, free_port, write

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


class Receiver:
    """Somebody who watches, with the receiver below it."""

    def __init__(self, command, settings):
        self.program = compiled(work + "/receiver", RECEIVER, "-static")
        self.process = subprocess.Popen([self.program if word is None else word for word in command], env=quiet(**settings),
                                        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        self.told()
        time.sleep(1.5)

    def told(self):
        """When the receiver has been told (ns, monotonic); 0 for its first line."""
        line = self.process.stdout.read(8)
        if len(line) < 8:
            raise RuntimeError("the receiver has ended")
        return int.from_bytes(line, "little")

    def delays(self, change, count, pause):
        """Of so many changes, in ms, sorted. `change` returns when it began (ns, monotonic)."""
        taken = []
        for _ in range(count):
            began = change()
            taken.append((self.told() - began) / 1e6)
            time.sleep(pause())
        return sorted(taken)

    def end(self):
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        subprocess.run(["pkill", "-KILL", "-f", self.program])


# $1 is what is watched; $0 the receiver. The trap is undone for it, which sets its own handler.
LOOP = 'trap "" HUP; "$0" & app=$!; inotifywait -qm -e moved_to "$1" | while read -r line; do case $line in *%s) %s;; esac; done'
# One that does what Baton does, too: nothing where the content is what it was.
CAREFUL = 'new=$(cat "$1"/%s | sha256sum); [ "$new" = "$old" ] || kill -HUP $app; old=$new'


def report(title, contestants, change, count, pause, share, reference="baton"):
    """The ratios are of this percentile; the others are printed, too."""
    percentiles = {}

    def measure(name):
        receiver = Receiver(*contestants[name])
        taken = receiver.delays(change, count, pause)
        receiver.end()
        percentiles.setdefault(name, []).append((taken[count // 2], taken[int(count * 0.99)]))
        return taken[int(count * share)]

    compare(title, "ms", measure, contestants, reference)
    for name, values in percentiles.items():
        print("%-26s p50 %.3f, p99 %.3f ms" % (name, *(statistics.median(value[place] for value in values) for place in (0, 1))))


def bench_signal():
    """From the rename of kubelet's ..data link to the app's signal handler."""
    kubelet = Volume(work + "/volume")
    volume = kubelet.path

    def swap():
        return kubelet.swap("app.yaml", str(kubelet.count))

    swap()
    os.symlink("..data/app.yaml", volume + "/app.yaml")
    contestants = {"baton": ([BATON, "--", None], {"WATCH": volume, "ON_CHANGE": "reload"})}
    if shutil.which("inotifywait"):
        contestants["inotifywait"] = (["sh", "-c", LOOP % ("..data", "kill -HUP $app"), None, volume], {})
        contestants["the same, that compares"] = (["sh", "-c", LOOP % ("..data", CAREFUL % "..data/*"), None, volume], {})
    if shutil.which("configmap-reload"):
        sidecar = '"$0" "$2" & exec configmap-reload -volume-dir "$1" -webhook-url "http://127.0.0.1:$2/" -web.listen-address 127.0.0.1:0 >&2'
        contestants["configmap-reload, webhook"] = (["sh", "-c", sidecar, None, volume, str(free_port())], {})
    report("change to signal: p99 of 300 swaps of a kubelet volume", contestants, swap, 300, lambda: 0.01, 0.99)


def bench_file():
    """From the rename over a plain file to the app's signal handler. entr can follow this one, as it has no ..data link."""
    os.makedirs(work + "/plain")
    path, count = work + "/plain/app.yaml", [0]

    def replace():
        count[0] += 1
        write(work + "/plain/new", "%d" % count[0])
        began = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        os.rename(work + "/plain/new", path)
        return began

    replace()
    contestants = {"baton": ([BATON, "--", None], {"WATCH": path, "ON_CHANGE": "reload"})}
    if shutil.which("inotifywait"):
        contestants["inotifywait"] = (["sh", "-c", LOOP % ("app.yaml", "kill -HUP $app"), None, work + "/plain"], {})
    if shutil.which("entr"):
        entr = 'trap "" HUP; "$0" & app=$!; echo "$1" | entr -n -p kill -HUP $app'
        contestants["entr"] = (["sh", "-c", entr, None, path], {})
    report("change to signal: p99 of 50 renames over a plain file", contestants, replace, 50, lambda: 0.3, 0.99)


def bench_poll():
    """Where nothing but looking helps: a loop that compares every 250 ms."""
    kubelet = Volume(work + "/polled")

    def swap():
        return kubelet.swap("app.yaml", str(kubelet.count))

    swap()
    loop = 'trap "" HUP; "$0" & app=$!; old=$(cat "$1"/..data/* | sha256sum); while sleep 0.25; do %s; done' % (CAREFUL % "..data/*")
    contestants = {
        "baton": ([BATON, "--", None], {"WATCH": kubelet.path, "ON_CHANGE": "reload", "STRATEGY": "poll", "POLL_INTERVAL": "250ms"}),
        "a loop with sleep 0.25": (["sh", "-c", loop, None, kubelet.path], {})}
    report("change to signal: p50 of 40 swaps, polled every 250 ms", contestants, swap, 40, lambda: random.uniform(0.05, 0.3), 0.5)
