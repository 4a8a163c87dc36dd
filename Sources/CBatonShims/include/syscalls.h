// Plain wrappers: each is one system call, named after it.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/stat.h>
#include <sys/socket.h>
#include <sys/inotify.h>

#include "signals.h"

struct baton_epoll_event { uint32_t events; uint64_t token; };
enum { BATON_EPOLL_IN = 0x001 };

int baton_epoll_create(void);
int baton_epoll_add(int epoll, int fd, uint32_t events, uint64_t token);
int baton_epoll_remove(int epoll, int fd);
int baton_epoll_wait(int epoll, struct baton_epoll_event *events, int capacity, int milliseconds);

/// A signalfd for all signals in the set (raw: 32 and 33 too); close-on-exec, non-blocking.
int baton_signalfd(baton_signal_set set);
struct baton_signal_info { int32_t signal; int32_t code; int32_t sender; };
/// Reads one signal. 1: read, 0: none waits, -1: errno.
int baton_signalfd_read(int fd, struct baton_signal_info *info);

int baton_pipe(int ends[2], bool non_blocking);
int baton_set_subreaper(void);
int baton_set_parent_death_signal(int signal);
int baton_get_no_new_privs(void);
int baton_random(void *bytes, size_t count);

/// statfs(2)'s f_type.
int baton_statfs_type(const char *path, int64_t *type);

int baton_openat(int directory, const char *path, int flags);
/// The open(2) flags for reading a file without ever waiting for it.
int baton_open_flags_file(void);

/// splice(2) between two pipes, never blocking.
ssize_t baton_splice_nonblock(int from, int to, size_t length);
/// pwritev2(2) with RWF_NOWAIT at the current position.
ssize_t baton_write_nowait(int fd, const void *bytes, size_t length);

/// bind(2) to a Unix path or, with a leading NUL byte, an abstract name of exactly length bytes.
int baton_bind_unix(int fd, const void *name, size_t length);
int baton_connect_unix(int fd, const char *name, size_t length);
/// accept4(2), non-blocking and close-on-exec.
int baton_accept(int fd);
/// The user behind a connected unix socket (SO_PEERCRED); -1 where it cannot be told.
int64_t baton_peer_uid(int fd);

int baton_wait_any(int *status, bool *exited, bool *stopped, bool *continued, int *value, bool *by_signal);
int baton_terminal_foreground(int fd);
int baton_set_terminal_foreground(int fd, pid_t group);
bool baton_is_pipe(int fd);
bool baton_is_socket(int fd);
bool baton_is_character_device(int fd);

/// close_range(2) on everything from 3 up but these two descriptors; they may be the same.
void baton_close_all_but(int lower, int higher);

/// getxattr(2): the size of the value; -1 with errno.
ssize_t baton_getxattr(const char *path, const char *name, void *value, size_t size);

/// pidfd_open(2), since Linux 5.3: a descriptor of a process, close-on-exec.
int baton_pidfd_open(pid_t process);
/// pidfd_getfd(2), since Linux 5.6: a copy of its descriptor, close-on-exec.
int baton_pidfd_getfd(int pidfd, int fd);

/// setfsuid(2), setfsgid(2): the user and group by which this process is judged at files, those of /proc among them.
void baton_setfsuid(uid_t uid);
void baton_setfsgid(gid_t gid);

/// No core file, and nobody looks into its memory (PR_SET_DUMPABLE, RLIMIT_CORE).
void baton_forbid_dumps(void);

/// memmem(3).
const void *baton_find(const void *text, size_t length, const void *part, size_t part_length);

/// environ(7).
char **baton_environment(void);

/// Whether this process has any child, ended or not.
bool baton_has_children(void);

/// bind(2) and connect(2) with 4 bytes of an IPv4 address or 16 of an IPv6 one; the port in host order.
int baton_bind_internet(int fd, const uint8_t *address, uint32_t length, uint16_t port);
int baton_connect_internet(int fd, const uint8_t *address, uint32_t length, uint16_t port);

/// Which system calls wait for connections, by their number on this processor.
enum baton_waiting { BATON_WAITS_NOT, BATON_WAITS_ON_FIRST_ARGUMENT, BATON_WAITS_ON_SEVERAL };
enum baton_waiting baton_waiting_call(int number);
