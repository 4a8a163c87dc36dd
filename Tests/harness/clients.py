"""Clients of servers on loopback addresses. A place is an address and a port."""
import itertools
import os
import re
import socket
import threading
import time

from harness.waiting import eventually

LOOPBACK = "127.0.0.1"
numbers = itertools.count()


def own_address():
    """A loopback address that nobody else in this process has: no connection of others takes a port of it by chance."""
    return "127.%d.%d.%d" % (64 + os.getpid() % 128, os.getpid() // 128 % 256, next(numbers) % 254 + 1)


def free_port(address=LOOPBACK):
    with socket.socket() as probe:
        probe.bind((address, 0))
        return probe.getsockname()[1]


def ask(place, seconds=20):
    """The whole answer to a request on a connection of its own. An answer that is not whole is an OSError."""
    with socket.create_connection(place, timeout=seconds) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    head, _, body = answer.partition(b"\r\n\r\n")
    size = re.search(rb"(?i)Content-Length: (\d+)", head)
    if not size or int(size[1]) != len(body):
        raise OSError("an answer of %d bytes was cut short" % len(answer))
    return body.decode(errors="replace")


def answer(port):
    """What it answers, or None."""
    try:
        return ask((LOOPBACK, port), 5).strip()
    except OSError:
        return None


class HeldRequest:
    """A request that never ends, of which the app has read what there is."""

    def __init__(self, place):
        self.client = socket.create_connection(place)
        self.client.sendall(b"GET / HTTP/1.1\r\n")
        own, far = self.client.getsockname(), self.client.getpeername()
        self.row = "%s %s " % (self.written(far), self.written(own))
        eventually("the app to read a request", self.is_read)

    @staticmethod
    def written(place):
        """As /proc/net/tcp has it (proc(5))."""
        address = int.from_bytes(socket.inet_aton(place[0]), "little")
        return "%08X:%04X" % (address, place[1])

    def is_read(self):
        """A connection that nobody has accepted yet has no inode."""
        for line in open("/proc/net/tcp"):
            if self.row in line:
                parts = line.split()
                return parts[9] != "0" and int(parts[4].partition(":")[2], 16) == 0
        return False

    def close(self):
        self.client.close()

    def is_cut(self):
        """The other side has closed it."""
        self.client.setblocking(False)
        try:
            return self.client.recv(1) == b""
        except BlockingIOError:
            return False
        except OSError:
            return True


class Load:
    """Clients in a closed loop, with a connection for each request; an answer that is not whole is lost."""

    # Of a client, between an answer and the next request (s).
    PAUSE = 0.001

    def __init__(self, place, clients=3):
        self.place, self.requests, self.failures, self.last = place, 0, [], None
        self.stopping = threading.Event()
        self.threads = [threading.Thread(target=self.run, daemon=True) for _ in range(clients)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.stopping.wait(self.PAUSE):
            try:
                self.last = ask(self.place)
            except OSError as error:
                if not self.stopping.is_set():
                    now = time.time()
                    self.failures.append("%s at %s.%03d" % (error, time.strftime("%T", time.gmtime(now)), now % 1 * 1000))
            self.requests += 1

    def stop(self):
        self.stopping.set()
        for thread in self.threads:
            thread.join(25)
