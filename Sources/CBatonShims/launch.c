#define _GNU_SOURCE
#include "launch.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "scheduling.h"
#include "seccomp.h"
#include "signals.h"

void baton_send_report(int report, int stage, int error, int listener) {
    struct baton_launch_report content = {stage, error};
    struct iovec part = {.iov_base = &content, .iov_len = sizeof content};
    union { char space[CMSG_SPACE(sizeof(int))]; struct cmsghdr header; } control;
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (listener >= 0) {
        memset(&control, 0, sizeof control);
        message.msg_control = control.space;
        message.msg_controllen = sizeof control.space;
        struct cmsghdr *header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof listener);
        memcpy(CMSG_DATA(header), &listener, sizeof listener);
    }
    ssize_t sent;
    do { sent = sendmsg(report, &message, MSG_NOSIGNAL); } while (sent < 0 && errno == EINTR);
}

static void fail(int report, int stage, int error) __attribute__((noreturn));
static void fail(int report, int stage, int error) {
    baton_send_report(report, stage, error, -1);
    _exit(127);
}

static void write_pid(char *slot, pid_t pid) {
    char digits[16];
    int count = 0;
    do { digits[count++] = (char)('0' + pid % 10); pid /= 10; } while (pid > 0);
    for (int i = 0; i < count; i++) slot[i] = digits[count - 1 - i];
    slot[count] = 0;
}

static int change_privileges(const struct baton_launch_plan *plan, int *stage) {
    *stage = BATON_LAUNCH_STAGE_NO_NEW_PRIVS;
    if (plan->no_new_privs && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    if (plan->change_user) {
        *stage = BATON_LAUNCH_STAGE_GROUPS;
        if (cap_setgroups(plan->gid, (size_t)plan->group_count, plan->groups) != 0) return errno;
        *stage = BATON_LAUNCH_STAGE_USER;
        if (cap_setuid(plan->uid) != 0) return errno;
    }
    *stage = BATON_LAUNCH_STAGE_CAPABILITIES;
    if (plan->capabilities != NULL && cap_iab_set_proc(plan->capabilities) != 0) return errno;
    if (plan->drop_capabilities) {
        cap_t none = cap_init();
        if (none == NULL || cap_set_proc(none) != 0) return errno;
        cap_free(none);
    }
    return 0;
}

// execvp(3)'s rules: the first candidate that can be run; "not permitted" outlives "not found"; a text file without an
// interpreter line is given to the shell.
static int execute(const struct baton_launch_plan *plan) {
    int error = ENOENT;
    for (const char *const *path = plan->paths; *path != NULL; path++) {
        execve(*path, plan->argv, plan->envp);
        if (errno == ENOEXEC) {
            char *name = plan->argv[0];
            plan->argv[-1] = (char *)"/bin/sh";
            plan->argv[0] = (char *)*path;
            execve("/bin/sh", plan->argv - 1, plan->envp);
            plan->argv[0] = name;
            return ENOEXEC;
        }
        if (errno == ENOENT || errno == ENOTDIR) continue;
        error = errno;
        if (errno != EACCES) break;
    }
    return error;
}

// Last of all: from here on a bind of this process would wait for Baton.
static void adopt(const struct baton_launch_plan *plan, int report) {
    int listener = baton_seccomp_install(plan->asks_options);
    if (listener < 0 && plan->adopt == BATON_ADOPT_OR_FAIL) fail(report, BATON_LAUNCH_STAGE_ADOPT, errno);
    baton_send_report(report, BATON_LAUNCH_STAGE_ADOPT, listener < 0 ? errno : 0, listener);
    if (listener >= 0) close(listener);
}

static void become(const struct baton_launch_plan *plan, int report) __attribute__((noreturn));
static void become(const struct baton_launch_plan *plan, int report) {
    setpgid(0, 0);
    baton_restore_slice();
    // SIGTTOU is still blocked here, so a background process may do this (tcsetpgrp(3)).
    if (plan->terminal >= 0) tcsetpgrp(plan->terminal, getpid());

    if (plan->null_stdin) {
        int null = open("/dev/null", O_RDONLY);
        if (null < 0 || dup2(null, 0) < 0) fail(report, BATON_LAUNCH_STAGE_DESCRIPTORS, errno);
        if (null != 0) close(null);
    }
    for (int i = 0; i < plan->descriptor_count; i++) {
        if (dup2(plan->sources[i], plan->targets[i]) < 0) fail(report, BATON_LAUNCH_STAGE_DESCRIPTORS, errno);
    }
    if (plan->pid_slot != NULL) write_pid(plan->pid_slot, getpid());

    int stage = 0;
    int error = change_privileges(plan, &stage);
    if (error != 0) fail(report, stage, error);
    if (plan->adopt != BATON_ADOPT_NOT) adopt(plan, report);

    baton_restore_signals();
    fail(report, BATON_LAUNCH_STAGE_EXEC, execute(plan));
}

pid_t baton_launch(const struct baton_launch_plan *plan, int *report) {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -1;

    // The child's end must not stand where a descriptor of the plan is to go.
    int highest = 2;
    for (int i = 0; i < plan->descriptor_count; i++) {
        if (plan->targets[i] > highest) highest = plan->targets[i];
    }
    if (ends[1] <= highest) {
        int moved = fcntl(ends[1], F_DUPFD_CLOEXEC, highest + 1);
        int error = errno;
        close(ends[1]);
        ends[1] = moved;
        if (moved < 0) { close(ends[0]); errno = error; return -1; }
    }

    char *volatile name = plan->argv[0];
    // Credentials changed in shared memory would leave us undumpable, too: the flag is the memory's (prctl(2), PR_SET_DUMPABLE).
    bool changes_credentials = plan->change_user || plan->capabilities != NULL || plan->drop_capabilities;
    pid_t pid = plan->may_wait && !changes_credentials ? vfork() : fork();
    if (pid == 0) become(plan, ends[1]);
    int error = errno;
    // A shell that runs a script has put the script's path there, in memory that may be ours.
    plan->argv[0] = name;
    close(ends[1]);
    if (pid < 0) { close(ends[0]); errno = error; return -1; }

    // Here too: a signal to the group must find it even before the child has run its first line.
    setpgid(pid, pid);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    *report = ends[0];
    return pid;
}

int baton_receive_report(int fd, struct baton_launch_report *report, int *listener) {
    struct iovec part = {.iov_base = report, .iov_len = sizeof *report};
    union { char space[CMSG_SPACE(sizeof(int))]; struct cmsghdr header; } control;
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.space, .msg_controllen = sizeof control.space};
    *listener = -1;
    ssize_t count;
    memset(report, 0, sizeof *report);
    do { count = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC); } while (count < 0 && errno == EINTR);
    if (count <= 0) return (int)count;
    for (struct cmsghdr *header = CMSG_FIRSTHDR(&message); header != NULL; header = CMSG_NXTHDR(&message, header)) {
        if (header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS) {
            memcpy(listener, CMSG_DATA(header), sizeof *listener);
        }
    }
    // The descriptor is gone where there was no room for it (unix(7), SCM_RIGHTS).
    if (*listener < 0 && (message.msg_flags & MSG_CTRUNC)) *listener = BATON_LISTENER_LOST;
    return count == (ssize_t)sizeof *report ? 1 : 0;
}

pid_t baton_fork(void) {
    pid_t pid = fork();
    if (pid == 0) baton_restore_slice();
    return pid;
}
