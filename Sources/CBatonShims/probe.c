#define _GNU_SOURCE
#include "probe.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "launch.h"
#include "seccomp.h"
#include "syscalls.h"

static bool is_same_file(int fd, const struct stat *wanted) {
    struct stat found;
    return fstat(fd, &found) == 0 && found.st_dev == wanted->st_dev && found.st_ino == wanted->st_ino;
}

static void end(int report, int stage, int error) __attribute__((noreturn));
static void end(int report, int stage, int error) {
    baton_send_report(report, stage, error, -1);
    _exit(0);
}

static void try_out(bool asks_options, int report, int parents_end) __attribute__((noreturn));
static void try_out(bool asks_options, int report, int parents_end) {
    prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    // A profile may end who calls seccomp(2) by SIGSYS, which leaves a core file.
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    struct stat wanted;
    int target = dup(report);
    if (target < 0 || fstat(parents_end, &wanted) != 0) end(report, BATON_PROBE_FILTER, errno);

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) end(report, BATON_PROBE_FILTER, errno);
    int listener = baton_seccomp_install(asks_options);
    if (listener < 0) end(report, BATON_PROBE_FILTER, errno);
    baton_send_report(report, BATON_LAUNCH_STAGE_ADOPT, 0, listener);
    // What nobody answers any more then fails with ENOSYS, and does not wait.
    close(listener);

    int result = listen(target, 0);
    int error = errno;
    if (result != 0 || !is_same_file(target, &wanted)) end(report, BATON_PROBE_REPLACE, result != 0 ? error : 0);
    // Nobody but the kernel says EBADF here.
    result = listen(-1, 0);
    error = errno;
    if (result == 0 || error != EBADF) end(report, BATON_PROBE_LET_THROUGH, result != 0 ? error : 0);
    end(report, BATON_PROBE_WORKS, 0);
}

pid_t baton_start_probe(bool asks_options, int *report) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -1;
    pid_t child = fork();
    if (child == 0) try_out(asks_options, ends[1], ends[0]);
    int error = errno;
    close(ends[1]);
    if (child < 0) { close(ends[0]); errno = error; return -1; }
    *report = ends[0];
    return child;
}

int baton_reap_probe(pid_t child, int milliseconds, int *status) {
    // Not by blocking in waitpid: a process that cannot die (a dead disk) would be waited for without end. Before Linux 5.3
    // there are no descriptors for processes, and it is asked every millisecond.
    int pidfd = baton_pidfd_open(child);
    pid_t reaped = 0;
    for (;;) {
        reaped = waitpid(child, status, WNOHANG);
        if (reaped != 0 || milliseconds <= 0) break;
        struct pollfd poller = {.fd = pidfd, .events = POLLIN};
        poll(&poller, pidfd >= 0 ? 1 : 0, pidfd >= 0 ? milliseconds : 1);
        milliseconds -= pidfd >= 0 ? milliseconds : 1;
    }
    int error = errno;
    if (pidfd >= 0) close(pidfd);
    errno = error;
    return reaped == child ? 1 : (int)reaped;
}
