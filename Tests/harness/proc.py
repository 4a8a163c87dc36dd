"""What /proc tells of processes. Of one that is gone: nothing (None, an empty list, 0)."""
import collections
import contextlib
import os

Memory = collections.namedtuple("Memory", "resident proportional private")


def read(pid, name):
    with contextlib.suppress(OSError), open("/proc/%d/%s" % (pid, name), errors="replace") as file:
        return file.read()
    return ""


def children(pid):
    """Of its first thread, which is all that Baton has."""
    return [int(child) for child in read(pid, "task/%d/children" % pid).split()]


def descendants(pid):
    found = children(pid)
    for child in found:
        found += children(child)
    return found


def environ(pid):
    return dict(entry.split("=", 1) for entry in read(pid, "environ").split("\0") if "=" in entry)


def executable(pid):
    with contextlib.suppress(OSError):
        return os.readlink("/proc/%d/exe" % pid)


def state(pid):
    """R, S, D, T, Z… (proc(5)); None where it is gone."""
    after_name = read(pid, "stat").rpartition(") ")[2]
    return after_name[:1] or None


def descriptors(pid):
    with contextlib.suppress(OSError):
        return os.listdir("/proc/%d/fd" % pid)
    return []


def memory(pid):
    """In kB; None where it is gone."""
    rows = (line.split() for line in read(pid, "smaps_rollup").splitlines())
    sizes = {row[0]: int(row[1]) for row in rows if row[-1] == "kB"}
    return Memory(sizes["Rss:"], sizes["Pss:"], sizes["Private_Dirty:"]) if sizes else None


def processor_time(pid):
    """In nanoseconds."""
    return int((read(pid, "schedstat").split() or ["0"])[0])


def wake_ups(pid):
    """How often it has gone to sleep by itself."""
    return int((read(pid, "status").partition("\nvoluntary_ctxt_switches:")[2].split() or ["0"])[0])


def watches_files(pid):
    """By inotify."""
    return any("inotify wd:" in read(pid, "fdinfo/" + number) for number in descriptors(pid))


def everyone():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def with_entry(entry):
    """Those that have this entry (NAME=VALUE) in the environment that they were started with."""
    entry = ("\0%s\0" % entry)
    return [pid for pid in everyone() if entry in "\0" + read(pid, "environ") + "\0"]
