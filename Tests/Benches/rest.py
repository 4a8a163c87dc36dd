"""What Baton costs at rest, and what grows with its work."""
import os
import shutil
import socket
import tempfile

from Benches.common import started, work
from harness import proc
from harness.clients import answer, free_port
from harness.processes import kill_marked, stop, under_baton
from harness.servers import nginx_config
from harness.volume import Volume, write
from harness.waiting import at_rest, eventually, let_pass


def bench_idle():
    print("\nidle: 10 s without a change\n%-34s %10s %12s" % ("", "wake-ups", "CPU ms/hour"))
    settings = {"no source": {}}
    for count in (1, 100, 10000):
        folder = "%s/files%d" % (work, count)
        os.makedirs(folder)
        for number in range(count):
            write("%s/%d" % (folder, number), "x")
        settings["a directory of %d files" % count] = {"WATCH": folder}
        settings["the same, polled every 5s"] = {"WATCH": folder, "STRATEGY": "poll"}
        volume = "%s/volume%d" % (work, count)
        os.makedirs(volume + "/..2026_01_01_00_00_00.1")
        for number in range(count):
            write("%s/..2026_01_01_00_00_00.1/%d" % (volume, number), "x")
        os.symlink("..2026_01_01_00_00_00.1", volume + "/..data")
        settings["a kubelet volume of %d files" % count] = {"WATCH": volume}
        for name in list(settings):
            if name.startswith("the same"):
                settings["%d files, polled every 5s" % count] = settings.pop(name)
    for name, more in settings.items():
        process = started(under_baton(["sleep", "100"]), **more)
        used = lambda: (proc.wake_ups(process.pid), proc.processor_time(process.pid))
        at_rest(lambda: proc.memory(process.pid))
        before = used()
        let_pass(10)
        after = used()
        print("%-34s %10d %12.1f" % (name, after[0] - before[0], (after[1] - before[1]) / 1e6 * 360), flush=True)
        stop(process)


def bench_growth():
    """What Baton needs more of as things grow."""
    print("\ngrowth: private dirty memory at rest, open descriptors, and CPU of one change\n%-34s %10s %12s %14s" % ("", "kB", "descriptors", "ms a change"))

    def look(name, change, **more):
        process = started(under_baton(["sleep", "100"]), **more)
        used = lambda: proc.processor_time(process.pid)
        # Its memory, not its time: of many sources there are always some that are polled.
        at_rest(lambda: proc.memory(process.pid))
        before = used()
        for number in range(10):
            change(number)
            let_pass(0.4)
        print("%-34s %10d %12d %14.2f" % (name, proc.memory(process.pid).private, len(proc.descriptors(process.pid)),
                                          (used() - before) / 1e7), flush=True)
        kill_marked(work)
        process.wait()

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
    process = started(under_baton([shutil.which("nginx"), "-c", volume.path + "/..data/nginx.conf"]), WATCH=volume.path,
                      ON_CHANGE="handover", LISTEN="tcp://127.0.0.1:%d" % port, DRAIN_SIGNAL="QUIT", MAX_DRAINING="100",
                      DRAIN_TIMEOUT="10m")
    used = lambda: proc.processor_time(process.pid)
    clients = []
    # It answers a moment before it is seen to be ready.
    eventually("the first", lambda: answer(port))
    at_rest(lambda: proc.memory(process.pid))
    for number in range(generations):
        eventually("number %d" % number, lambda: answer(port) == "number %d" % number)
        for _ in range(connections // generations):
            client = socket.create_connection(("127.0.0.1", port))
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            client.recv(4096)
            clients.append(client)
        before = used()
        configure(number + 1)
    let_pass(5)
    cost = (used() - before) / 1e6
    found = proc.memory(process.pid).private, len(proc.descriptors(process.pid)), cost
    lost = 0
    for client in clients:
        try:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            lost += not client.recv(4096)
        except OSError:
            lost += 1
        client.close()
    stop(process)
    return found + (lost,)

