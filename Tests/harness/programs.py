"""Programs in C, made when they are first asked for."""
import functools
import subprocess

from harness.volume import write


@functools.cache
def compiled(path, source, *options):
    write(path + ".c", source)
    subprocess.run(["cc", "-O2", "-o", path, path + ".c"] + list(options), check=True)
    return path


# As many as its first word says, one after the other.
ORPHANS = """
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


def orphans(folder):
    return compiled(folder + "/orphans", ORPHANS, "-static")
