"""Baton with its app, its configuration and its clients."""
import contextlib
import os
import signal
import socket
import subprocess

from harness import proc
from harness.clients import Load, free_port, own_address
from harness.places import BATON, SERVER
from harness.processes import kill_marked, start, under_baton
from harness.volume import Volume, write
from harness.waiting import eventually


class Stand:
    """A kubelet volume, Baton that watches it, the demo server below it, and clients, on a loopback address of its own."""

    def __init__(self, directory):
        self.directory = directory
        self.kubelet = Volume(directory + "/config")
        self.volume = self.kubelet.path
        self.config = self.volume + "/app.txt"
        address = own_address()
        self.place = (address, free_port(address))
        self.listen = "tcp://%s:%d" % self.place
        self.process = self.load = None
        os.chmod(directory, 0o755)
        self.swap("0")
        self.app = [SERVER, self.config]

    def swap(self, text):
        self.kubelet.swap("app.txt", text)

    @property
    def count(self):
        """How many versions the volume has had."""
        return self.kubelet.count

    def start(self, app=None, wrapper=(), wait="generation 1 is ready", loaded=True, output=None, program=BATON, **settings):
        """
        output: where stdout and stderr go in place of the file that `log` reads.
        """
        settings = {"WATCH": self.volume, "LISTEN": self.listen, "ON_CHANGE": "handover", "CONTROL": "off"} | settings
        self.log_path = self.directory + "/stderr"
        with open(self.log_path, "ab") as file:
            target = file if output is None else output
            self.process = start(under_baton(app or self.app, wrapper, program), mark=self.directory, output=target, error=target, **settings)
        self.pid = self.process.pid
        if wait:
            self.see(wait)
        elif loaded:
            eventually("the app's port", self.is_open)
        if loaded:
            self.load = Load(self.place)
            eventually("first answers", lambda: self.load.requests > 20)

    def is_open(self):
        with contextlib.suppress(OSError), socket.create_connection(self.place):
            return True

    # What is seen.

    def log(self):
        with contextlib.suppress(OSError), open(self.log_path, errors="replace") as file:
            return file.read()
        return ""

    def end_of_log(self):
        return self.log()[-1500:]

    def see(self, text, count=1, seconds=20, after=0):
        """Waits for the text in the log, behind its first `after` characters."""
        def seen():
            if self.log()[after:].count(text) >= count:
                return True
            if self.process.poll() is not None and self.log()[after:].count(text) < count:
                raise AssertionError("ended with %s before: %s\n%s" % (self.process.returncode, text, self.end_of_log()))

        eventually(lambda: "%s\n%s" % (text, self.end_of_log()), seen, seconds)

    def generation(self, number):
        """Its main process."""
        def find():
            return next((pid for pid in self.children() if proc.environ(pid).get("BATON_GENERATION") == str(number)), None)

        return eventually("generation %d" % number, find)

    def children(self):
        return proc.children(self.pid)

    def has_one_generation(self):
        return len(self.children()) == 1

    def descriptors(self):
        return len(proc.descriptors(self.pid))

    # What is done.

    def change(self, text):
        """A change that has to reach the clients."""
        self.swap(text)
        self.applied(text)

    def applied(self, text, seconds=20):
        eventually(lambda: "an answer with %s\n%s" % (text, self.end_of_log()), lambda: self.load.last == text, seconds)

    def write_and_apply(self, path, text):
        """As `change`, of a plain file."""
        write(path, text)
        self.applied(text)

    def serves(self, text=None):
        """Whatever was done to it, the app answers; where a text is named, with that."""
        before = self.load.requests
        eventually(lambda: "more answers\n" + self.end_of_log(), lambda: self.load.requests > before + 20)
        assert text is None or self.load.last == text, "%s, not %s" % (self.load.last, text)

    def signal(self, number, pid=None):
        os.kill(pid or self.pid, number)

    def stop(self, code=0, seconds=30):
        if self.load:
            self.load.stop()
        self.signal(signal.SIGTERM)
        return self.ends(code, seconds)

    def ends(self, code, seconds=30):
        try:
            found = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            raise AssertionError("not within %d s: the end of Baton\n%s" % (seconds, self.end_of_log())) from None
        assert found == code, "ended with %s\n%s" % (found, self.end_of_log())
        return "exit %d" % found

    def close(self):
        if self.load:
            self.load.stopping.set()
        kill_marked(self.directory)
        if self.process:
            self.process.kill()
            self.process.wait()
