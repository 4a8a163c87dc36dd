"""Harm to what is watched."""
import os
import shutil
import subprocess
import tempfile
import time

from FaultCases.registry import fault, need, need_root
from harness.places import SERVER
from harness.processes import NOBODY, after, as_user
from harness.volume import write


@fault("watching", "swaps without a pause", "the last content is served")
def _(s):
    s.start()
    for number in range(60):
        s.swap("s%d" % number)
    s.applied("s59")
    return "60 swaps, the last is served"


@fault("watching", "half a swap: ..data leads nowhere", "nothing is done until it is whole again")
def _(s):
    s.start()
    os.symlink("..nowhere", s.volume + "/..data_tmp")
    os.rename(s.volume + "/..data_tmp", s.volume + "/..data")
    s.serves()
    assert "starting generation 2" not in s.log()
    s.change("whole")
    return "kept serving, then applied"


@fault("watching", "the volume's directory is removed and made anew", "the old content stays in force; the new is applied")
def _(s):
    s.start()
    shutil.rmtree(s.volume)
    s.see("no longer exists")
    s.serves()
    os.mkdir(s.volume)
    s.change("anew")
    return "told, kept serving, then applied"


def plain(s, **settings):
    path = s.directory + "/plain.txt"
    write(path, "p0")
    s.start(app=[SERVER, path], WATCH=path, **settings)
    return path


@fault("watching", "a file is unlinked, and comes back", "told; applied when it is back")
def _(s):
    path = plain(s)
    os.unlink(path)
    s.see("no longer exists")
    s.serves()
    s.write_and_apply(path, "p1")
    return "told, kept serving, then applied"


@fault("watching", "a directory in the place of the file", "the app goes on with what it has")
def _(s):
    path = plain(s, READY_TIMEOUT="2s")
    os.unlink(path)
    os.mkdir(path)
    s.serves()
    os.rmdir(path)
    s.write_and_apply(path, "p1")
    return "kept serving, then applied"


@fault("watching", "a FIFO in the place of the file", "no read of it blocks")
def _(s):
    path = plain(s, READY_TIMEOUT="2s")
    os.unlink(path)
    os.mkfifo(path)
    s.serves()
    os.unlink(path)
    s.write_and_apply(path, "p1")
    return "kept serving, then applied"


@fault("watching", "a file that nobody may read", "told; the last good content stays")
def _(s):
    need_root("setpriv")
    path = s.directory + "/plain.txt"
    write(path, "p0")
    s.start(app=[SERVER, path], WATCH=path, wrapper=as_user(NOBODY))
    os.chmod(path, 0)
    s.see("Permission denied (EACCES)")
    s.serves()
    write(path, "p1")
    os.chmod(path, 0o644)
    s.applied("p1")
    return "told in words, kept serving, then applied"


@fault("watching", "a loop of links", "told; the last good content stays")
def _(s):
    path = plain(s)
    os.unlink(path)
    os.symlink("plain.txt", path)
    s.see("(ELOOP)")
    s.serves()
    os.unlink(path)
    s.write_and_apply(path, "p1")
    return "told in words, kept serving, then applied"


@fault("watching", "a file of 65 MiB", "refused before it is read; the last good content stays")
def _(s):
    path = plain(s)
    with open(path, "r+b") as file:
        file.truncate(65 << 20)
    s.see("(EFBIG)")
    s.serves()
    s.write_and_apply(path, "p1")
    return "told in words, kept serving, then applied"


@fault("watching", "a writer that does not rest", "one reading when the limit is over, not one a write")
def _(s):
    path = plain(s)
    deadline = time.monotonic() + 3
    while time.monotonic() < deadline:
        write(path, "w%f" % time.monotonic())
    write(path, "quiet")
    s.applied("quiet")
    changes = s.log().count("the configuration has changed")
    assert changes < 20, changes
    return "%d changes of thousands of writes" % max(changes, s.log().count("is applied by handover"))


@fault("watching", "content with NULs and no text", "it is content like any other")
def _(s):
    path = plain(s)
    write(path, bytes(range(1, 256)) + b"\0\0")
    s.see("is applied by handover")
    s.serves()
    return "applied"


@fault("watching", "times set back to 1970", "the same content is no change")
def _(s):
    path = plain(s, LOG_LEVEL="debug")
    os.utime(path, (0, 0))
    s.see("the content is the same")
    assert "starting generation 2" not in s.log()
    s.serves()
    return "looked at, nothing done"


@fault("watching", "no inotify for this user (limit 0)", "polled instead, and told")
def _(s):
    need(subprocess.run(["unshare", "--user", "--map-root-user", "true"], capture_output=True).returncode == 0, "user namespaces")
    s.start(wrapper=after("echo 0 > /proc/sys/user/max_inotify_instances", "--user", "--map-root-user"), POLL_INTERVAL="100ms")
    s.see("(EMFILE)")
    s.change("polled")
    return "polled, with the limit's name in the log"


@fault("watching", "10,000 files touched at once", "one change")
def _(s):
    # In memory where there is enough: to make and remove them on a disk takes most of the time.
    has_room = os.path.isdir("/dev/shm") and shutil.disk_usage("/dev/shm").free > 100 << 20
    with tempfile.TemporaryDirectory(prefix="baton-fault-", dir="/dev/shm" if has_room else s.directory) as folder:
        os.chmod(folder, 0o755)
        for number in range(10000):
            write("%s/%d" % (folder, number), "x")
        s.start(WATCH=folder)
        for number in range(10000):
            write("%s/%d" % (folder, number), "y")
        s.see("is applied by handover", seconds=60)
        s.serves()
        handovers = s.log().count("is applied by handover")
        s.stop()
    return "%d handovers" % handovers


@fault("watching", "the file behind a single-file mount is replaced", "told what to do; the app goes on")
def _(s):
    need_root("unshare")
    point = s.directory + "/point.txt"
    write(point, "")
    source = os.path.realpath(s.config)
    s.start(app=[SERVER, point], WATCH=point, wrapper=after('mount --bind "%s" "%s"' % (source, point), "--mount"))
    s.swap("unseen")
    s.see("subPath")
    s.serves()
    return "told, kept serving"
