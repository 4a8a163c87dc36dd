// Answering bind(2) and listen(2) for other processes: seccomp_unotify(2).
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/// Installs a filter that asks about bind, listen and, where wanted, the few socket options that listeners alone have;
/// everything else goes its way. To be called between fork and exec, with no_new_privs set (seccomp(2)).
/// The listener's descriptor (close-on-exec), or -1 with errno: EINVAL or ENOSYS from a kernel that cannot (before 5.0), EPERM
/// or EACCES where it is forbidden, EBUSY where a filter above already asks somebody.
int baton_seccomp_install(bool asks_options);

enum baton_call { BATON_CALL_OTHER, BATON_CALL_BIND, BATON_CALL_LISTEN, BATON_CALL_SET_OPTION };

struct baton_notification {
    uint64_t id;
    /// The thread that calls; 0 where Baton's pid namespace does not show it.
    pid_t thread;
    enum baton_call call;
    uint64_t arguments[6];
};

/// Takes one notification. 1: taken, 0: none waits, -1: no process with this filter is left (errno 0), or errno.
int baton_seccomp_receive(int listener, struct baton_notification *notification);
/// The caller still waits for this answer: what was read from its memory is its own.
bool baton_seccomp_is_valid(int listener, uint64_t id);
/// The call goes on as if nobody had looked (SECCOMP_USER_NOTIF_FLAG_CONTINUE, since Linux 5.5). This and the next two: 0, or -1 with
/// errno: ENOENT where the caller does not wait any more, EINPROGRESS where it has been answered.
int baton_seccomp_continue(int listener, uint64_t id);
/// The call returns 0, or -1 with this errno.
int baton_seccomp_answer(int listener, uint64_t id, int error);
/// Puts a copy of `source` in the place of the caller's descriptor `target` (SECCOMP_ADDFD_FLAG_SETFD, since Linux 5.9).
int baton_seccomp_replace(int listener, uint64_t id, int source, int target, bool close_on_exec);
