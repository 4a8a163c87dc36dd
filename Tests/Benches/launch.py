"""What an init costs: its start, its memory, the reaping of orphans."""
import os
import shutil
import subprocess
import time

from Benches.common import ROUNDS, compare, inits, quiet, started, work
from harness import proc
from harness.processes import stop, under_baton
from harness.programs import compiled, orphans
from harness.volume import write
from harness.waiting import at_rest


def bench_start():
    """From the start of the init to the first line of the app, which tells its time."""
    contestants = inits()
    app = compiled(work + "/started", """
        #include <time.h>
        #include <unistd.h>
        int main(void) {
            struct timespec now;
            clock_gettime(CLOCK_MONOTONIC, &now);
            long long at = now.tv_sec * 1000000000LL + now.tv_nsec;
            return write(1, &at, sizeof at) != sizeof at;
        }""", "-static")
    env = quiet()

    def measure(name):
        command = contestants[name] + [app]
        reader, writer = os.pipe()
        began = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        pid = os.posix_spawn(command[0], command, env, file_actions=[(os.POSIX_SPAWN_DUP2, writer, 1)])
        os.close(writer)
        took = int.from_bytes(os.read(reader, 8), "little") - began
        os.waitpid(pid, 0)
        os.close(reader)
        return took / 1e6

    compare("start: to the first line of the app", "ms", measure, contestants, "baton", samples=300)


def bench_reaping():
    count = int(os.environ.get("BATON_BENCH_ORPHANS", "100000"))
    program = orphans(work)
    contestants = {name: command for name, command in inits().items() if name in ("baton", "tini")}

    portions = 10
    portion = count // ROUNDS // portions

    def measure(name):
        began = time.perf_counter()
        subprocess.run(contestants[name] + [program, str(portion)], env=quiet(), check=True)
        return (time.perf_counter() - began) * 1000

    compare("reaping: %d orphans, by portions of %d in turn" % (count, portion), "ms", measure, contestants, "baton", samples=portions)


def bench_memory():
    config = work + "/memory.conf"
    write(config, "x")
    runs = {name: (command + ["sleep", "100"], {}) for name, command in inits().items()}
    runs["baton, a file"] = (under_baton(["sleep", "100"]), {"WATCH": config})
    runs["baton, listening"] = (under_baton(["sleep", "100"]), {"WATCH": config, "LISTEN": "tcp://127.0.0.1:0"})
    if shutil.which("s6-svscan"):
        os.makedirs(work + "/scan", exist_ok=True)
        runs["s6-svscan"] = (["s6-svscan", work + "/scan"], {})
    if shutil.which("supervisord"):
        write(work + "/supervisord.conf", "[supervisord]\nnodaemon=true\nlogfile=/dev/null\npidfile=%s/pid\n" % work)
        runs["supervisord"] = (["supervisord", "-c", work + "/supervisord.conf"], {})
    # The sidecar's own memory; the app and its init come on top of it.
    if shutil.which("configmap-reload"):
        runs["configmap-reload"] = (["configmap-reload", "-volume-dir", work, "-webhook-url", "http://127.0.0.1:9/", "-web.listen-address", "127.0.0.1:0"], {})
    print("\nmemory: at rest, with one program below\n%-18s %8s %8s %14s" % ("", "RSS kB", "PSS kB", "private dirty kB"))
    for name, (command, more) in runs.items():
        process = started(command, **more)
        print("%-18s %8d %8d %14d" % ((name,) + at_rest(lambda: proc.memory(process.pid))), flush=True)
        stop(process)
