"""Programs that are made for a test: of C, when they are first asked for, and copies."""
import functools
import subprocess

from harness.volume import write


@functools.cache
def compiled(path, source, *options):
    write(path + ".c", source)
    subprocess.run(["cc", "-O2", "-o", path, path + ".c"] + list(options), check=True)
    return path


def copied(program, path):
    """By a process of its own: while one of this process's threads has it open for writing, what another forks has, too, and nobody
    can run it (ETXTBSY)."""
    subprocess.run(["cp", program, path], check=True)
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
