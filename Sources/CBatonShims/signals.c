#define _GNU_SOURCE
#include "signals.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static baton_signal_set inherited_ignored;
static baton_signal_set inherited_blocked;
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

    for (int signal = 1; signal <= BATON_SIGNAL_MAX; signal++) {
        struct sigaction action;
        if (sigaction(signal, NULL, &action) == 0 && action.sa_handler == SIG_IGN) inherited_ignored |= bit(signal);
    }

    struct sigaction standard;
    memset(&standard, 0, sizeof standard);
    standard.sa_handler = SIG_DFL;
    sigaction(SIGCHLD, &standard, NULL);

    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) == -1) {
            int null = open("/dev/null", O_RDWR);
            // The lowest free number is fd itself, since those below it are open by now.
            if (null > 2) close(null);
        }
    }
}

void baton_restore_signals(void) {
    // Handlers become SIG_DFL at the exec by themselves (execve(2)), so only what was ignored needs to be put back: SIGCHLD
    // by Baton's doing, others where the Swift runtime has put a handler of its own.
    for (int signal = 1; signal <= BATON_SIGNAL_MAX; signal++) {
        if (!(inherited_ignored & bit(signal))) continue;
        struct sigaction action;
        memset(&action, 0, sizeof action);
        action.sa_handler = SIG_IGN;
        sigaction(signal, &action, NULL);
    }
    // Last, so that a signal that waited meets the disposition it is meant to meet.
    set_mask(inherited_blocked);
}
