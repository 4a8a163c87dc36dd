#define _GNU_SOURCE
#include "seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>

int baton_seccomp_receive(int listener, struct baton_notification *notification) {
    // The request would wait where there is nothing to take.
    struct pollfd poller = {.fd = listener, .events = POLLIN};
    // A poll that fails for want of memory is done again: what waits is not lost.
    if (poll(&poller, 1, 0) < 0) return 0;
    if (!(poller.revents & POLLIN)) {
        errno = 0;
        return poller.revents ? -1 : 0;
    }
    // A later kernel's notification may be larger than this header's; it wants the space zeroed.
    union { struct seccomp_notif notification; char space[512]; } raw;
    memset(&raw, 0, sizeof raw);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &raw) != 0) return errno == ENOENT || errno == EINTR ? 0 : -1;
    notification->id = raw.notification.id;
    notification->thread = (pid_t)raw.notification.pid;
    switch (raw.notification.data.nr) {
    case SYS_bind: notification->call = BATON_CALL_BIND; break;
    case SYS_listen: notification->call = BATON_CALL_LISTEN; break;
    case SYS_setsockopt: notification->call = BATON_CALL_SET_OPTION; break;
    default: notification->call = BATON_CALL_OTHER;
    }
    for (int i = 0; i < 6; i++) notification->arguments[i] = raw.notification.data.args[i];
    return 1;
}

bool baton_seccomp_is_valid(int listener, uint64_t id) {
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

static int respond(int listener, uint64_t id, int error, uint32_t flags) {
    union { struct seccomp_notif_resp response; char space[512]; } raw;
    memset(&raw, 0, sizeof raw);
    raw.response.id = id;
    raw.response.error = -error;
    raw.response.flags = flags;
    int result;
    do { result = ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &raw); } while (result != 0 && errno == EINTR);
    return result;
}

int baton_seccomp_continue(int listener, uint64_t id) {
    return respond(listener, id, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

int baton_seccomp_answer(int listener, uint64_t id, int error) { return respond(listener, id, error, 0); }

int baton_seccomp_replace(int listener, uint64_t id, int source, int target, bool close_on_exec) {
    struct seccomp_notif_addfd request = {
        .id = id,
        .flags = SECCOMP_ADDFD_FLAG_SETFD,
        .srcfd = (uint32_t)source,
        .newfd = (uint32_t)target,
        .newfd_flags = close_on_exec ? 02000000 : 0,  // O_CLOEXEC, whose header does not go with the kernel's
    };
    return ioctl(listener, SECCOMP_IOCTL_NOTIF_ADDFD, &request) < 0 ? -1 : 0;
}
