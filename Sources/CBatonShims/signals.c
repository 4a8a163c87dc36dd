#define _GNU_SOURCE
#include "signals.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static baton_signal_set inherited_blocked;
static bool ignored_children;
static bool taken_over;

static baton_signal_set bit(int signal) { return (baton_signal_set)1 << (signal - 1); }

// glibc's wrappers refuse the two signals that it keeps for itself (32 and 33), so the mask goes to the kernel.
static void set_mask(baton_signal_set mask) {
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, sizeof mask);
}

void baton_take_over_signals(void) {
    if (taken_over) return;
    taken_over = true;

    syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &inherited_blocked, sizeof inherited_blocked);

    // A fault's signal must never be blocked: the kernel would kill without a trace of why.
    baton_signal_set faults = bit(SIGSEGV) | bit(SIGBUS) | bit(SIGFPE) | bit(SIGILL) | bit(SIGTRAP)
                            | bit(SIGABRT) | bit(SIGSYS);
    set_mask(~faults);

    // The one disposition that Baton changes: where SIGCHLD is ignored there is nothing to reap (wait(2)).
    struct sigaction standard, inherited;
    memset(&standard, 0, sizeof standard);
    standard.sa_handler = SIG_DFL;
    ignored_children = sigaction(SIGCHLD, &standard, &inherited) == 0 && inherited.sa_handler == SIG_IGN;

    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) == -1) {
            int null = open("/dev/null", O_RDWR);
            // The lowest free number is fd itself, since those below it are open by now.
            if (null > 2) close(null);
        }
    }
}

void baton_restore_signals(void) {
    // What else was ignored still is, and stays so over the exec (execve(2)).
    if (ignored_children) {
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = SIG_IGN;
        sigaction(SIGCHLD, &action, NULL);
    }
    // Last, so that a signal that waited meets the disposition it is meant to meet.
    set_mask(inherited_blocked);
}
