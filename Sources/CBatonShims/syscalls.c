#define _GNU_SOURCE
#include "syscalls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

// Newer than the headers of some distributions.
#ifndef SYS_pidfd_open
#define SYS_pidfd_open 434
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

int baton_epoll_create(void) { return epoll_create1(EPOLL_CLOEXEC); }

int baton_epoll_add(int epoll, int fd, uint32_t events, uint64_t token) {
    struct epoll_event event = {.events = events, .data = {.u64 = token}};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

int baton_epoll_remove(int epoll, int fd) { return epoll_ctl(epoll, EPOLL_CTL_DEL, fd, NULL); }

int baton_epoll_wait(int epoll, struct baton_epoll_event *events, int capacity, int milliseconds) {
    struct epoll_event raw[64];
    if (capacity > 64) capacity = 64;
    int count = epoll_wait(epoll, raw, capacity, milliseconds);
    for (int i = 0; i < count; i++) {
        events[i].events = raw[i].events;
        events[i].token = raw[i].data.u64;
    }
    return count;
}

int baton_signalfd(baton_signal_set set) {
    return (int)syscall(SYS_signalfd4, -1, &set, sizeof set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int baton_signalfd_read(int fd, struct baton_signal_info *info) {
    struct signalfd_siginfo raw;
    ssize_t count = read(fd, &raw, sizeof raw);
    if (count == (ssize_t)sizeof raw) {
        info->signal = (int32_t)raw.ssi_signo;
        info->code = raw.ssi_code;
        info->sender = (int32_t)raw.ssi_pid;
        return 1;
    }
    return count < 0 && errno != EAGAIN && errno != EINTR ? -1 : 0;
}

int baton_pipe(int ends[2], bool non_blocking) { return pipe2(ends, O_CLOEXEC | (non_blocking ? O_NONBLOCK : 0)); }
int baton_set_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }
int baton_set_parent_death_signal(int signal) { return prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0); }
int baton_get_no_new_privs(void) { return prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0); }
int baton_random(void *bytes, size_t count) { return getrandom(bytes, count, 0) == (ssize_t)count ? 0 : -1; }

int baton_statfs_type(const char *path, int64_t *type) {
    struct statfs info;
    if (statfs(path, &info) != 0) return -1;
    *type = (int64_t)(uint32_t)info.f_type;
    return 0;
}

int baton_openat(int directory, const char *path, int flags) { return openat(directory, path, flags); }
int baton_open_flags_file(void) { return O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY; }

ssize_t baton_splice_nonblock(int from, int to, size_t length) {
    return splice(from, NULL, to, NULL, length, SPLICE_F_NONBLOCK);
}

ssize_t baton_write_nowait(int fd, const void *bytes, size_t length) {
    struct iovec part = {.iov_base = (void *)bytes, .iov_len = length};
    return pwritev2(fd, &part, 1, -1, RWF_NOWAIT);
}

static int unix_address(struct sockaddr_un *address, const char *name, size_t length, socklen_t *size) {
    if (length == 0 || length >= sizeof address->sun_path) { errno = ENAMETOOLONG; return -1; }
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    memcpy(address->sun_path, name, length);
    // An abstract name is as long as it is said to be; a path takes its closing NUL with it.
    *size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length + (name[0] == 0 ? 0 : 1));
    return 0;
}

int baton_bind_unix(int fd, const void *name, size_t length) {
    struct sockaddr_un address;
    socklen_t size;
    if (unix_address(&address, name, length, &size) != 0) return -1;
    return bind(fd, (struct sockaddr *)&address, size);
}

int baton_connect_unix(int fd, const char *name, size_t length) {
    struct sockaddr_un address;
    socklen_t size;
    if (unix_address(&address, name, length, &size) != 0) return -1;
    return connect(fd, (struct sockaddr *)&address, size);
}

int baton_accept(int fd) { return accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); }

int64_t baton_peer_uid(int fd) {
    struct ucred peer;
    socklen_t size = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return -1;
    return peer.uid;
}

int baton_wait_any(int *status, bool *exited, bool *stopped, bool *continued, int *value, bool *by_signal) {
    int raw = 0;
    pid_t pid = waitpid(-1, &raw, WNOHANG | WUNTRACED | WCONTINUED);
    if (pid <= 0) return pid;
    *status = raw;
    *exited = WIFEXITED(raw) || WIFSIGNALED(raw);
    *stopped = WIFSTOPPED(raw);
    *continued = WIFCONTINUED(raw);
    *by_signal = WIFSIGNALED(raw);
    *value = WIFEXITED(raw) ? WEXITSTATUS(raw) : WIFSIGNALED(raw) ? WTERMSIG(raw) : WIFSTOPPED(raw) ? WSTOPSIG(raw) : 0;
    return pid;
}

int baton_terminal_foreground(int fd) { return isatty(fd) ? tcgetpgrp(fd) : -1; }
int baton_set_terminal_foreground(int fd, pid_t group) { return tcsetpgrp(fd, group); }

static bool is_kind(int fd, mode_t kind) {
    struct stat info;
    return fstat(fd, &info) == 0 && (info.st_mode & S_IFMT) == kind;
}

bool baton_is_pipe(int fd) { return is_kind(fd, S_IFIFO); }
bool baton_is_socket(int fd) { return is_kind(fd, S_IFSOCK); }
bool baton_is_character_device(int fd) { return is_kind(fd, S_IFCHR); }

void baton_close_all_but(int lower, int higher) {
    if (lower > 3) syscall(SYS_close_range, 3U, (unsigned)(lower - 1), 0U);
    if (higher > lower + 1) syscall(SYS_close_range, (unsigned)(lower + 1), (unsigned)(higher - 1), 0U);
    syscall(SYS_close_range, (unsigned)(higher + 1), ~0U, 0U);
}

ssize_t baton_getxattr(const char *path, const char *name, void *value, size_t size) {
    return getxattr(path, name, value, size);
}

int baton_pidfd_open(pid_t process) { return (int)syscall(SYS_pidfd_open, process, 0); }
int baton_pidfd_getfd(int pidfd, int fd) { return (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0); }

void baton_setfsuid(uid_t uid) { setfsuid(uid); }
void baton_setfsgid(gid_t gid) { setfsgid(gid); }

void baton_forbid_dumps(void) {
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

const void *baton_find(const void *text, size_t length, const void *part, size_t part_length) {
    return memmem(text, length, part, part_length);
}

char **baton_environment(void) { return environ; }

bool baton_has_children(void) {
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

static socklen_t internet_address(struct sockaddr_storage *storage, const uint8_t *address, uint32_t length, uint16_t port) {
    memset(storage, 0, sizeof *storage);
    if (length == 4) {
        struct sockaddr_in *ipv4 = (struct sockaddr_in *)storage;
        ipv4->sin_family = AF_INET;
        ipv4->sin_port = htons(port);
        memcpy(&ipv4->sin_addr, address, 4);
        return sizeof *ipv4;
    }
    struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)storage;
    ipv6->sin6_family = AF_INET6;
    ipv6->sin6_port = htons(port);
    memcpy(&ipv6->sin6_addr, address, 16);
    return sizeof *ipv6;
}

int baton_bind_internet(int fd, const uint8_t *address, uint32_t length, uint16_t port) {
    struct sockaddr_storage storage;
    socklen_t size = internet_address(&storage, address, length, port);
    return bind(fd, (struct sockaddr *)&storage, size);
}

int baton_connect_internet(int fd, const uint8_t *address, uint32_t length, uint16_t port) {
    struct sockaddr_storage storage;
    socklen_t size = internet_address(&storage, address, length, port);
    return connect(fd, (struct sockaddr *)&storage, size);
}

enum baton_waiting baton_waiting_call(int number) {
    switch (number) {
#ifdef SYS_accept
    case SYS_accept:
#endif
    case SYS_accept4: return BATON_WAITS_ON_FIRST_ARGUMENT;
    // arm64 has only the newer ones.
#ifdef SYS_poll
    case SYS_poll:
#endif
#ifdef SYS_select
    case SYS_select:
#endif
    case SYS_ppoll:
    case SYS_pselect6: return BATON_WAITS_ON_SEVERAL;
    default: return BATON_WAITS_NOT;
    }
}
