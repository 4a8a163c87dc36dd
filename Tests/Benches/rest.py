"""What Baton costs at rest, and what grows with its work."""
import os
import shutil
import socket
import subprocess
import tempfile
import time

from Benches.common import answer, memory_of, nginx_config, quiet, work
from harness import BATON, Volume, eventually, free_port, write


def bench_idle():
    print("\nidle: 10 s without a change\n%-34s %10s %12s" % ("", "wake-ups", "CPU ms/hour"))
    settings = {"no source": {}}
    for count in (1, 100, 10000):
        folder = "%s/files%d" % (work, count)
        os.makedirs(folder)
        for number in range(count):
            open("%s/%d" % (folder, number), "w").write("x")
        settings["a directory of %d files" % count] = {"WATCH": folder}
        settings["the same, polled every 5s"] = {"WATCH": folder, "STRATEGY": "poll"}
        volume = "%s/volume%d" % (work, count)
        os.makedirs(volume + "/..2026_01_01_00_00_00.1")
        for number in range(count):
            open("%s/..2026_01_01_00_00_00.1/%d" % (volume, number), "w").write("x")
        os.symlink("..2026_01_01_00_00_00.1", volume + "/..data")
        settings["a kubelet volume of %d files" % count] = {"WATCH": volume}
        for name in list(settings):
            if name.startswith("the same"):
                settings["%d files, polled every 5s" % count] = settings.pop(name)
    for name, more in settings.items():
        process = subprocess.Popen([BATON, "--", "sleep", "60"], env=quiet(**more), stderr=subprocess.DEVNULL)
        time.sleep(3)

        def used():
            status = open("/proc/%d/status" % process.pid).read()
            wakes = int(status.split("voluntary_ctxt_switches:")[1].split()[0])
            return wakes, int(open("/proc/%d/schedstat" % process.pid).read().split()[0])

        before = used()
        time.sleep(10)
        after = used()
        print("%-34s %10d %12.1f" % (name, after[0] - before[0], (after[1] - before[1]) / 1e6 * 360), flush=True)
        process.terminate()
        process.wait()


def bench_growth():
    """What Baton needs more of as things grow."""
    print("\ngrowth: private dirty memory at rest, open descriptors, and CPU of one change\n%-34s %10s %12s %14s" % ("", "kB", "descriptors", "ms a change"))

    def look(name, change, command=("sleep", "60"), **more):
        process = subprocess.Popen([BATON, "--"] + list(command), env=quiet(**more), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        time.sleep(2)
        used = lambda: int(open("/proc/%d/schedstat" % process.pid).read().split()[0])
        before = used()
        for number in range(10):
            change(number)
            time.sleep(0.4)
        print("%-34s %10d %12d %14.2f" % (name, memory_of(process.pid)[2], len(os.listdir("/proc/%d/fd" % process.pid)),
                                          (used() - before) / 1e7), flush=True)
        process.kill()
        process.wait()
        subprocess.run(["pkill", "-KILL", "-f", work + "/grow"])

    def touch(path):
        return lambda number: write(path, str(number))

    for count in (1, 100, 1000, 10000):
        folder = "%s/grow-files%d" % (work, count)
        os.makedirs(folder)
        for number in range(count):
            touch("%s/%d" % (folder, number))("x")
        look("a directory of %d files" % count, touch(folder + "/0"), WATCH=folder, ON_CHANGE="none")
    for count in (1, 10, 100, 1000):
        folders = ["%s/grow-sources%d/%d" % (work, count, number) for number in range(count)]
        for folder in folders:
            os.makedirs(folder)
            touch(folder + "/app")("x")
        look("%d sources of one file" % count, touch(folders[0] + "/app"), WATCH=",".join(folders), ON_CHANGE="none")
    for size in (1 << 10, 1 << 20, 32 << 20):
        path = "%s/grow-size%d" % (work, size)
        with open(path, "wb") as file:
            file.truncate(size)

        def grow(number, path=path):
            with open(path, "r+b") as file:
                file.write(bytes([number]))
        look("a file of %d kB" % (size >> 10), grow, WATCH=path, ON_CHANGE="none")
    drains()


def drains():
    """What an old generation costs that still has connections, in the five seconds after its handover."""
    if not shutil.which("nginx"):
        return
    print("\ngrowth: five seconds of a drain of nginx\n%-46s %10s %12s %14s %10s" % ("", "kB", "descriptors", "CPU ms", "lost"))
    for generations, connections in ((1, 0), (1, 100), (1, 1000), (1, 10000), (10, 10), (50, 50)):
        print("%-46s %10d %12d %14.1f %10d" % (("%d old, %d open connections" % (generations, connections),)
                                               + drain(generations, connections)), flush=True)


def drain(generations, connections):
    folder = tempfile.mkdtemp(dir=work)
    os.chmod(folder, 0o755)
    port, volume = free_port(), Volume(folder + "/config")

    def configure(number):
        volume.swap("nginx.conf", nginx_config(folder, port, "number %d" % number, connections=20000))

    configure(0)
    process = subprocess.Popen(
        [BATON, "--", shutil.which("nginx"), "-c", volume.path + "/..data/nginx.conf"], stderr=subprocess.DEVNULL,
        env=quiet(WATCH=volume.path, ON_CHANGE="handover", LISTEN="tcp://127.0.0.1:%d" % port, DRAIN_SIGNAL="QUIT", MAX_DRAINING="100",
                  DRAIN_TIMEOUT="10m"))
    clients = []
    # It answers a moment before it is seen to be ready.
    eventually("the first", lambda: answer(port))
    time.sleep(1)
    for number in range(generations):
        eventually("number %d" % number, lambda: answer(port) == "number %d" % number)
        for _ in range(connections // generations):
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            client.recv(4096)
            clients.append(client)
        used = lambda: int(open("/proc/%d/schedstat" % process.pid).read().split()[0])
        before = used()
        configure(number + 1)
    time.sleep(5)
    cost = (used() - before) / 1e6
    found = memory_of(process.pid)[2], len(os.listdir("/proc/%d/fd" % process.pid)), cost
    lost = 0
    for client in clients:
        try:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            lost += not client.recv(4096)
        except OSError:
            lost += 1
        client.close()
    process.terminate()
    process.wait()
    return found + (lost,)

