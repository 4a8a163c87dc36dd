"""What an init costs: its start, its memory, the reaping of orphans."""
import os
import shutil
import subprocess
import time

from Benches.common import ROUNDS, compare, inits, memory_of, quiet, work
from harness import BATON, compiled


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
    source = """
        #include <stdlib.h>
        #include <sys/wait.h>
        #include <unistd.h>
        int main(int argc, char **argv) {
            for (int left = atoi(argv[1]); left > 0; left--) {
                pid_t child = vfork();
                if (child == 0) { if (vfork() == 0) _exit(0); _exit(0); }
                waitpid(child, 0, 0);
            }
            return 0;
        }"""
    orphans = compiled(work + "/orphans", source, "-static")
    contestants = {name: command for name, command in inits().items() if name in ("baton", "tini")}

    portions = 10
    portion = count // ROUNDS // portions

    def measure(name):
        began = time.perf_counter()
        subprocess.run(contestants[name] + [orphans, str(portion)], env=quiet(), check=True)
        return (time.perf_counter() - began) * 1000

    compare("reaping: %d orphans, by portions of %d in turn" % (count, portion), "ms", measure, contestants, "baton", samples=portions)


def bench_memory():
    config = work + "/memory.conf"
    open(config, "w").write("x")
    runs = {name: (command + ["sleep", "60"], {}) for name, command in inits().items()}
    runs["baton, a file"] = ([BATON, "--", "sleep", "60"], {"WATCH": config})
    runs["baton, listening"] = ([BATON, "--", "sleep", "60"], {"WATCH": config, "LISTEN": "tcp://127.0.0.1:0"})
    if shutil.which("s6-svscan"):
        os.makedirs(work + "/scan", exist_ok=True)
        runs["s6-svscan"] = (["s6-svscan", work + "/scan"], {})
    if shutil.which("supervisord"):
        open(work + "/supervisord.conf", "w").write("[supervisord]\nnodaemon=true\nlogfile=/dev/null\npidfile=%s/pid\n" % work)
        runs["supervisord"] = (["supervisord", "-c", work + "/supervisord.conf"], {})
    # The sidecar's own memory; the app and its init come on top of it.
    if shutil.which("configmap-reload"):
        runs["configmap-reload"] = (["configmap-reload", "-volume-dir", work, "-webhook-url", "http://127.0.0.1:9/", "-web.listen-address", "127.0.0.1:0"], {})
    print("\nmemory: at rest, with one program below\n%-18s %8s %8s %14s" % ("", "RSS kB", "PSS kB", "private dirty kB"))
    for name, (command, more) in runs.items():
        process = subprocess.Popen(command, env=quiet(**more), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(2)
        print("%-18s %8d %8d %14d" % ((name,) + memory_of(process.pid)), flush=True)
        process.terminate()
        process.wait()
