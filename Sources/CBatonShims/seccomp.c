#define _GNU_SOURCE
#include "seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
#include <unistd.h>

#if defined(__x86_64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define NATIVE_ARCHITECTURE AUDIT_ARCH_AARCH64
#else
#error "which architecture's system calls are these?"
#endif

// Newer than the headers of some distributions.
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef IPV6_FREEBIND
#define IPV6_FREEBIND 78
#endif
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

// Options that a listener has and a client's socket has not: asking about them costs no connection anything.
static const struct { int level, name; } asked_options[] = {
    {IPPROTO_IPV6, IPV6_V6ONLY}, {SOL_SOCKET, SO_REUSEPORT}, {IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {IPPROTO_TCP, TCP_FASTOPEN}, {IPPROTO_IP, IP_FREEBIND},  {IPPROTO_IPV6, IPV6_FREEBIND},
};
enum { ASKED_OPTIONS = sizeof asked_options / sizeof asked_options[0] };

int baton_seccomp_install(bool asks_options) {
    struct sock_filter code[16 + 5 * ASKED_OPTIONS];
    unsigned short count = 0;
#define EMIT(...) code[count++] = (struct sock_filter)__VA_ARGS__
#define LOAD(field) EMIT(BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (uint32_t)offsetof(struct seccomp_data, field)))
#define SKIP_UNLESS(value, skipped) EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), 0, skipped))
#define SKIP_IF(value, skipped) EMIT(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)(value), skipped, 0))
#define RETURN(what) EMIT(BPF_STMT(BPF_RET | BPF_K, what))
    // Programs for another architecture (32 bit) number their calls otherwise, and are let alone.
    LOAD(arch);
    SKIP_IF(NATIVE_ARCHITECTURE, 1);
    RETURN(SECCOMP_RET_ALLOW);
    LOAD(nr);
    SKIP_UNLESS(SYS_bind, 1);
    RETURN(SECCOMP_RET_USER_NOTIF);
    SKIP_UNLESS(SYS_listen, 1);
    RETURN(SECCOMP_RET_USER_NOTIF);
    if (asks_options) {
        SKIP_IF(SYS_setsockopt, 1);
        RETURN(SECCOMP_RET_ALLOW);
        // The level and the name are ints: the lower halves of their arguments, which come first on both processors.
        for (int i = 0; i < ASKED_OPTIONS; i++) {
            LOAD(args[1]);
            SKIP_UNLESS(asked_options[i].level, 3);
            LOAD(args[2]);
            SKIP_UNLESS(asked_options[i].name, 1);
            RETURN(SECCOMP_RET_USER_NOTIF);
        }
    }
    RETURN(SECCOMP_RET_ALLOW);
#undef RETURN
#undef SKIP_IF
#undef SKIP_UNLESS
#undef LOAD
#undef EMIT
    struct sock_fprog program = {.len = count, .filter = code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return -1;
    // Signals, which some languages send themselves a hundred times a second, then do not interrupt a call that is being
    // answered (Linux 5.19).
    unsigned long flags = SECCOMP_FILTER_FLAG_NEW_LISTENER;
    int listener = (int)syscall(
        SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, &program);
    if (listener < 0 && errno == EINVAL) {
        listener = (int)syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
    }
    return listener;
}

// MARK: Baton's side

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

// MARK: what the caller's socket is

int baton_copy_descriptor(pid_t process, int fd) {
    int pidfd = (int)syscall(SYS_pidfd_open, process, 0);
    if (pidfd < 0) return -1;
    int copy = (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0);
    int error = errno;
    close(pidfd);
    errno = error;
    return copy;
}

bool baton_may_copy_descriptors(void) {
    int ends[2];
    if (pipe(ends) != 0) return false;
    int copy = baton_copy_descriptor(getpid(), ends[0]);
    close(ends[0]);
    close(ends[1]);
    if (copy >= 0) close(copy);
    return copy >= 0;
}

// Those that a listener hands on to its connections or that are its own. Not among them: what Baton's sockets have in any case
// (SO_REUSEADDR, TCP_NODELAY), what needs a privilege (SO_MARK), and what tells Baton's sockets apart.
static const struct { int level, name; } carried_options[] = {
    {IPPROTO_IPV6, IPV6_V6ONLY},     {SOL_SOCKET, SO_REUSEPORT},      {IPPROTO_TCP, TCP_DEFER_ACCEPT},
    {IPPROTO_TCP, TCP_FASTOPEN},     {IPPROTO_IP, IP_FREEBIND},       {SOL_SOCKET, SO_KEEPALIVE},
    {IPPROTO_TCP, TCP_KEEPIDLE},     {IPPROTO_TCP, TCP_KEEPINTVL},    {IPPROTO_TCP, TCP_KEEPCNT},
    {IPPROTO_TCP, TCP_USER_TIMEOUT}, {IPPROTO_TCP, TCP_SYNCNT},       {IPPROTO_TCP, TCP_WINDOW_CLAMP},
    {IPPROTO_TCP, TCP_LINGER2},      {SOL_SOCKET, SO_RCVBUF},         {SOL_SOCKET, SO_SNDBUF},
    {SOL_SOCKET, SO_PRIORITY},       {SOL_SOCKET, SO_RCVLOWAT},       {IPPROTO_IP, IP_TOS},
    {IPPROTO_IP, IP_TTL},            {IPPROTO_IPV6, IPV6_TCLASS},     {IPPROTO_IPV6, IPV6_UNICAST_HOPS},
};

int baton_read_socket_options(int socket_fd, struct baton_socket_option *options, int capacity) {
    int family = 0;
    socklen_t size = sizeof family;
    if (getsockopt(socket_fd, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) return 0;
    int fresh = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fresh < 0) return 0;
    int count = 0;
    for (size_t i = 0; i < sizeof carried_options / sizeof carried_options[0] && count < capacity; i++) {
        int level = carried_options[i].level, name = carried_options[i].name;
        int theirs = 0, usual = 0;
        socklen_t theirs_size = sizeof theirs, usual_size = sizeof usual;
        if (level == IPPROTO_IPV6 && family != AF_INET6) continue;
        if (getsockopt(socket_fd, level, name, &theirs, &theirs_size) != 0) continue;
        if (getsockopt(fresh, level, name, &usual, &usual_size) != 0 || theirs == usual) continue;
        // The kernel doubles the sizes of buffers that it is asked for (socket(7)).
        bool is_doubled = level == SOL_SOCKET && (name == SO_RCVBUF || name == SO_SNDBUF);
        options[count++] = (struct baton_socket_option){level, name, is_doubled ? theirs / 2 : theirs};
    }
    close(fresh);
    return count;
}

int baton_set_socket_option(int socket, const struct baton_socket_option *option) {
    return setsockopt(socket, option->level, option->name, &option->value, sizeof option->value);
}

bool baton_is_v6only(const struct baton_socket_option *option) {
    return option->level == IPPROTO_IPV6 && option->name == IPV6_V6ONLY;
}

bool baton_is_reuseport(const struct baton_socket_option *option) {
    return option->level == SOL_SOCKET && option->name == SO_REUSEPORT;
}

bool baton_is_freebind(const struct baton_socket_option *option) {
    return (option->level == IPPROTO_IP && option->name == IP_FREEBIND)
        || (option->level == IPPROTO_IPV6 && option->name == IPV6_FREEBIND);
}

ssize_t baton_protocol_name(const char *path, char *name, size_t size) {
    return getxattr(path, "system.sockprotoname", name, size);
}

bool baton_read_internet(
    const void *bytes, size_t size, bool *is_ipv6, uint8_t address[16], uint16_t *port, uint32_t *scope) {
    sa_family_t family;
    if (size < sizeof family) return false;
    memcpy(&family, bytes, sizeof family);
    *scope = 0;
    if (family == AF_INET && size >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in ipv4;
        memcpy(&ipv4, bytes, sizeof ipv4);
        *is_ipv6 = false;
        *port = ntohs(ipv4.sin_port);
        memcpy(address, &ipv4.sin_addr, 4);
        return true;
    }
    // 24 bytes: without the scope, as RFC 2133 had it.
    if (family == AF_INET6 && size >= 24) {
        struct sockaddr_in6 ipv6;
        memset(&ipv6, 0, sizeof ipv6);
        memcpy(&ipv6, bytes, size < sizeof ipv6 ? size : sizeof ipv6);
        *is_ipv6 = true;
        *port = ntohs(ipv6.sin6_port);
        *scope = ipv6.sin6_scope_id;
        memcpy(address, &ipv6.sin6_addr, 16);
        return true;
    }
    return false;
}

void baton_set_file_identity(uid_t uid, gid_t gid) {
    // Away from root the group goes first, back to root the user does: each step needs what the other gives.
    if (uid == 0) { setfsuid(uid); setfsgid(gid); } else { setfsgid(gid); setfsuid(uid); }
}
