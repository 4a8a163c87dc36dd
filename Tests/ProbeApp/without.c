// Runs a program on a kernel that lacks something: `probe-app without WHAT [ERRNO | kill] -- program …`.
//
// What a filter can tell by itself fails by the filter, for the program and all that it starts. What it cannot (flags in memory, the
// kind of a descriptor) fails by a tracer, which stays as the program's parent: it passes signals on and ends as the program does.
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

/// One system call, and what one or two of its arguments must be; an index of -1 asks for none.
struct what {
    const char *name;
    int number, usual_errno;
    struct { int index; uint32_t value; } arguments[2];
    /// A tracer decides.
    bool (*is_meant)(pid_t thread, const uint64_t *arguments);
    bool is_for_descendants;
};

/// Baton answers that the call goes on (SECCOMP_USER_NOTIF_FLAG_CONTINUE, in the last of the response's fields).
static bool lets_through(pid_t thread, const uint64_t *arguments) {
    errno = 0;
    long last = ptrace(PTRACE_PEEKDATA, thread, arguments[2] + 16, NULL);
    return errno == 0 && ((uint64_t)last >> 32 & SECCOMP_USER_NOTIF_FLAG_CONTINUE) != 0;
}

/// The first time is the trial at Baton's start.
static bool lets_through_again(pid_t thread, const uint64_t *arguments) {
    static int count;
    return lets_through(thread, arguments) && ++count > 1;
}

static bool is_notifier(pid_t thread, const uint64_t *arguments) {
    char path[64], target[64] = "";
    snprintf(path, sizeof path, "/proc/%d/fd/%d", thread, (int)arguments[2]);
    return readlink(path, target, sizeof target - 1) > 0 && strstr(target, "seccomp notify") != NULL;
}

static const struct what known[] = {
    {"addfd", SYS_ioctl, EINVAL, {{1, (uint32_t)SECCOMP_IOCTL_NOTIF_ADDFD}, {-1, 0}}, NULL, false},
    {"answers", SYS_ioctl, EPERM, {{1, (uint32_t)SECCOMP_IOCTL_NOTIF_SEND}, {-1, 0}}, NULL, false},
    {"continue", SYS_ioctl, EINVAL, {{1, (uint32_t)SECCOMP_IOCTL_NOTIF_SEND}, {-1, 0}}, lets_through, false},
    {"later-continue", SYS_ioctl, EINVAL, {{1, (uint32_t)SECCOMP_IOCTL_NOTIF_SEND}, {-1, 0}}, lets_through_again, false},
    {"watch", SYS_epoll_ctl, ENOSPC, {{1, 1}, {-1, 0}}, is_notifier, true},
    {"seccomp", SYS_seccomp, ENOSYS, {{-1, 0}, {-1, 0}}, NULL, false},
    {"getfd", SYS_pidfd_getfd, EPERM, {{-1, 0}, {-1, 0}}, NULL, false},
    {"cookie", SYS_getsockopt, ENOPROTOOPT, {{1, SOL_SOCKET}, {2, SO_NETNS_COOKIE}}, NULL, false},
    {"reuseport", SYS_setsockopt, EPERM, {{1, SOL_SOCKET}, {2, SO_ATTACH_REUSEPORT_CBPF}}, NULL, false},
};

static int forbid(const struct what *what, uint32_t verdict) {
    struct sock_filter code[16];
    unsigned short count = 0;
#define EMIT(...) code[count++] = (struct sock_filter)__VA_ARGS__
    EMIT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)));
    EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)what->number, 1, 0));
    EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    for (int i = 0; i < 2; i++) {
        if (what->arguments[i].index < 0) continue;
        // The lower half comes first on both processors.
        uint32_t offset = (uint32_t)(offsetof(struct seccomp_data, args) + 8 * (size_t)what->arguments[i].index);
        EMIT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offset));
        EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, what->arguments[i].value, 1, 0));
        EMIT(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    }
    EMIT(BPF_STMT(BPF_RET | BPF_K, verdict));
#undef EMIT
    struct sock_fprog program = {.len = count, .filter = code};
    // Root needs no no_new_privs for it, under which what it starts would be another than usual.
    if (geteuid() != 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    return (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program);
}

static volatile sig_atomic_t tracee;
static void pass_on(int signal) { kill(tracee, signal); }

/// At a stop before a system call: its arguments, and whether it is to fail in place of being made.
static void judge(const struct what *what, pid_t thread, int error) {
    struct user_regs_struct registers;
    struct iovec part = {&registers, sizeof registers};
    if (ptrace(PTRACE_GETREGSET, thread, (void *)NT_PRSTATUS, &part) != 0) return;
#if defined(__x86_64__)
    uint64_t arguments[3] = {registers.rdi, registers.rsi, registers.rdx};
#else
    uint64_t arguments[3] = {registers.regs[0], registers.regs[1], registers.regs[2]};
#endif
    if (!what->is_meant(thread, arguments)) return;
#if defined(__x86_64__)
    registers.orig_rax = (unsigned long long)-1;
    registers.rax = (unsigned long long)-error;
#else
    int none = -1;
    struct iovec call = {&none, sizeof none};
    ptrace(PTRACE_SETREGSET, thread, (void *)NT_ARM_SYSTEM_CALL, &call);
    registers.regs[0] = (unsigned long long)-error;
#endif
    ptrace(PTRACE_SETREGSET, thread, (void *)NT_PRSTATUS, &part);
}

static int trace(const struct what *what, int error) {
    for (;;) {
        int status;
        pid_t thread = waitpid(-1, &status, __WALL);
        if (thread < 0) { if (errno == EINTR) continue; return 1; }
        if (!WIFSTOPPED(status)) {
            if (thread != tracee) continue;
            if (WIFSIGNALED(status)) { signal(WTERMSIG(status), SIG_DFL); raise(WTERMSIG(status)); }
            return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
        }
        int event = status >> 16, signal = WSTOPSIG(status);
        if (event == PTRACE_EVENT_SECCOMP) judge(what, thread, error);
        // Stopped with its group: it stays so.
        bool is_group_stop = event == PTRACE_EVENT_STOP && signal != SIGTRAP;
        ptrace(is_group_stop ? PTRACE_LISTEN : PTRACE_CONT, thread, NULL, (void *)(long)(event != 0 ? 0 : signal));
    }
}

static int run_traced(const struct what *what, int error, char **program) {
    int ends[2];
    char byte;
    if (pipe(ends) != 0) return 1;
    pid_t child = fork();
    if (child == 0) {
        close(ends[1]);
        // Not before the tracer is there: until then the filter's verdict is ENOSYS.
        if (read(ends[0], &byte, 1) < 0 || forbid(what, SECCOMP_RET_TRACE) != 0) _exit(125);
        close(ends[0]);
        execvp(program[0], program);
        _exit(127);
    }
    tracee = child;
    for (int signal = 1; signal < 32; signal++) {
        struct sigaction action = {.sa_handler = pass_on};
        if (signal != SIGCHLD && signal != SIGTRAP) sigaction(signal, &action, NULL);
    }
    long options = PTRACE_O_EXITKILL | PTRACE_O_TRACESECCOMP;
    if (what->is_for_descendants) options |= PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE;
    if (child < 0 || ptrace(PTRACE_SEIZE, child, NULL, (void *)options) != 0) { perror("probe-app: trace"); return 1; }
    close(ends[0]);
    close(ends[1]);
    return trace(what, error);
}

int without(int count, char **words) {
    const struct what *what = NULL;
    for (size_t i = 0; count > 0 && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(known[i].name, words[0]) == 0) what = &known[i];
    }
    int dashes = count > 1 && strcmp(words[1], "--") == 0 ? 1 : 2;
    if (what == NULL || count < dashes + 2 || strcmp(words[dashes], "--") != 0) {
        fprintf(stderr, "probe-app without WHAT [ERRNO | kill] -- program\n");
        return 2;
    }
    char **program = words + dashes + 1;
    bool kills = dashes == 2 && strcmp(words[1], "kill") == 0;
    int error = dashes == 2 && !kills ? atoi(words[1]) : what->usual_errno;
    if (what->is_meant != NULL) return run_traced(what, error, program);
    uint32_t verdict = kills ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ERRNO | (uint32_t)error;
    if (forbid(what, verdict) != 0) { perror("probe-app: seccomp"); return 125; }
    execvp(program[0], program);
    perror(program[0]);
    return 127;
}
