"""What the scripts beside this file share: a Baton with its app and its clients."""
import contextlib
import functools
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
BATON = os.environ.get("BATON", ROOT + "/.build/release/baton")
SERVER = os.path.dirname(BATON) + "/quickstart-server"
AGENT = os.path.dirname(BATON) + "/baton-agent"
IS_ROOT = os.geteuid() == 0
os.environ["PATH"] += ":/usr/sbin:/sbin"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def eventually(what, condition, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.01)
    raise AssertionError("not within %d s: %s" % (seconds, what))


def environment(**settings):
    """This one's without anything of Baton's, and with these settings; None for none."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("BATON")}
    own |= {"BATON_" + name: value for name, value in settings.items() if value is not None}
    return own


@functools.cache
def compiled(path, source, *options):
    """A C program, made when it is first asked for."""
    with open(path + ".c", "w") as file:
        file.write(source)
    subprocess.run(["cc", "-O2", "-o", path, path + ".c"] + list(options), check=True)
    return path


class Volume:
    """A directory that kubelet's AtomicWriter writes."""

    def __init__(self, path):
        self.path, self.count = path, 0
        os.makedirs(path)

    def swap(self, name, text):
        """One file, with this content, from now on. Returns when the rename began (ns, monotonic)."""
        self.count += 1
        version = "..2026_01_01_00_00_00.%d" % self.count
        os.mkdir("%s/%s" % (self.path, version))
        write("%s/%s/%s" % (self.path, version, name), text)
        old = os.path.realpath(self.path + "/..data")
        os.symlink(version, self.path + "/..data_tmp")
        began = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        os.rename(self.path + "/..data_tmp", self.path + "/..data")
        if old != self.path + "/..data":
            shutil.rmtree(old, ignore_errors=True)
        return began


def write(path, text):
    with open(path, "w" if isinstance(text, str) else "wb") as file:
        file.write(text)


class Load:
    """Clients that ask without pause, with a connection for each request; an answer that is not whole is lost."""

    def __init__(self, port, clients=3):
        self.port, self.requests, self.failures, self.stopping = port, 0, [], False
        self.last = None
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.stopping:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=20) as client:
                    client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
                    answer = b""
                    while part := client.recv(65536):
                        answer += part
                head, _, body = answer.partition(b"\r\n\r\n")
                size = re.search(rb"Content-Length: (\d+)", head)
                if not size or int(size[1]) != len(body):
                    raise OSError("an answer of %d bytes was cut short" % len(answer))
                self.last = body.decode(errors="replace")
            except OSError as error:
                if not self.stopping:
                    self.failures.append("%s at %s" % (error, time.strftime("%T", time.gmtime()) + ".%03d" % (time.time() % 1 * 1000)))
            self.requests += 1
            time.sleep(0.001)

    def stop(self):
        self.stopping = True
        for thread in self.threads:
            thread.join(25)


class Stand:
    """A kubelet volume, Baton that watches it, the demo server below it, and clients."""

    def __init__(self, directory):
        self.directory = directory
        self.volume = directory + "/config"
        self.kubelet = Volume(self.volume)
        self.port = free_port()
        self.process = self.load = None
        os.chmod(directory, 0o755)
        self.swap("0")
        os.symlink("..data/app.txt", self.volume + "/app.txt")
        self.app = [SERVER, self.volume + "/app.txt"]

    def swap(self, text):
        self.kubelet.swap("app.txt", text)

    @property
    def count(self):
        """How many versions the volume has had."""
        return self.kubelet.count

    def start(self, app=None, wrapper=(), wait="generation 1 is ready", loaded=True, stderr=None, program=BATON, **settings):
        settings = {"WATCH": self.volume, "LISTEN": "tcp://127.0.0.1:%d" % self.port, "ON_CHANGE": "handover",
                    "CONTROL": "off"} | settings
        self.log_path = self.directory + "/stderr"
        log = stderr if stderr is not None else open(self.log_path, "ab")
        self.process = subprocess.Popen(list(wrapper) + [program, "--"] + (app or self.app), env=environment(**settings), stdout=log, stderr=log,
                                        stdin=subprocess.DEVNULL, start_new_session=True)
        self.pid = self.process.pid
        if wait:
            self.see(wait)
        elif loaded:
            eventually("the app's port", self.is_open)
        if loaded:
            self.load = Load(self.port)
            eventually("first answers", lambda: self.load.requests > 20)

    def is_open(self):
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port)):
            return True

    def log(self):
        try:
            with open(self.log_path, errors="replace") as file:
                return file.read()
        except OSError:
            return ""

    def see(self, text, count=1, seconds=20):
        """Waits for the text in the log."""
        def seen():
            if self.log().count(text) >= count:
                return True
            if self.process.poll() is not None and self.log().count(text) < count:
                raise AssertionError("ended with %s before: %s\n%s" % (self.process.returncode, text, self.log()[-1500:]))
        eventually("%s\n%s" % (text, self.log()[-1500:]), seen, seconds)

    def change(self, text):
        """A change that has to reach the clients."""
        self.swap(text)
        self.applied(text)

    def applied(self, text):
        eventually("an answer with %s\n%s" % (text, self.log()[-1500:]), lambda: self.load.last == text)

    def serves(self):
        """Whatever was done to it, the app answers, and the next change arrives."""
        before = self.load.requests
        eventually("more answers", lambda: self.load.requests > before + 20)

    def generation(self, number):
        """Its main process."""
        def find():
            for pid in self.children():
                with contextlib.suppress(OSError):
                    if b"BATON_GENERATION=%d\0" % number in open("/proc/%d/environ" % pid, "rb").read():
                        return pid
        return eventually("generation %d" % number, find)

    def children(self):
        with contextlib.suppress(OSError):
            return [int(pid) for pid in open("/proc/%d/task/%d/children" % (self.pid, self.pid)).read().split()]
        return []

    def descriptors(self):
        return len(os.listdir("/proc/%d/fd" % self.pid))

    def signal(self, number, pid=None):
        os.kill(pid or self.pid, number)

    def stop(self, code=0, seconds=30):
        if self.load:
            self.load.stop()
        self.signal(signal.SIGTERM)
        return self.ends(code, seconds)

    def ends(self, code, seconds=30):
        found = self.process.wait(seconds)
        assert found == code, "ended with %s\n%s" % (found, self.log()[-1500:])
        return "exit %d" % found

    def close(self):
        if self.load:
            self.load.stopping = True
        with contextlib.suppress(Exception):
            os.kill(self.pid, signal.SIGCONT)
            os.kill(self.pid, signal.SIGKILL)
            self.process.wait()
        subprocess.run(["pkill", "-KILL", "-f", self.directory], check=False)
