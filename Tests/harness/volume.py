"""Files, and the volumes that kubelet makes of them."""
import os
import shutil
import time


def write(path, text):
    with open(path, "w" if isinstance(text, str) else "wb") as file:
        file.write(text)


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
        if not os.path.lexists("%s/%s" % (self.path, name)):
            os.symlink("..data/" + name, "%s/%s" % (self.path, name))
        if old != self.path + "/..data":
            shutil.rmtree(old, ignore_errors=True)
        return began
