// From fork to exec. Nothing here allocates but libcap's own parts; the plan is laid out before the fork.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/capability.h>

/// Where a launch can fail; the child names the stage and the errno over a close-on-exec pipe.
enum baton_launch_stage {
    BATON_LAUNCH_STAGE_DESCRIPTORS = 1,
    BATON_LAUNCH_STAGE_NO_NEW_PRIVS,
    BATON_LAUNCH_STAGE_GROUPS,
    BATON_LAUNCH_STAGE_USER,
    BATON_LAUNCH_STAGE_CAPABILITIES,
    BATON_LAUNCH_STAGE_ADOPT,
    BATON_LAUNCH_STAGE_EXEC,
};

/// What the child reports. BATON_LAUNCH_STAGE_ADOPT comes in any case where adoption was tried: with error 0 and the filter's
/// listener beside it, or with why there is none; the launch goes on where it may. Every other report is a failure.
struct baton_launch_report {
    int32_t stage;
    int32_t error;
};

enum baton_adopt { BATON_ADOPT_NOT, BATON_ADOPT_IF_POSSIBLE, BATON_ADOPT_OR_FAIL };

struct baton_launch_plan {
    /// Candidates for the program, in the order of PATH, ended by NULL.
    const char *const *paths;
    /// argv, with one free slot before it (argv[-1]) for the shell that runs a script without an interpreter line.
    char **argv;
    char **envp;
    /// Where the child writes its own pid as text ("LISTEN_PID=" ends just before); NULL: nowhere. 16 bytes.
    char *pid_slot;
    /// Descriptors to hand over: sources[i] becomes targets[i], inheritable. All sources are above every target.
    const int *sources;
    const int *targets;
    int descriptor_count;
    /// The caller may sleep until the exec: nothing is copied for the child then (vfork(2)), which is the larger part of a start.
    bool may_wait;
    /// The terminal whose foreground group the child's group becomes; -1: none.
    int terminal;
    bool null_stdin;
    bool no_new_privs;
    bool change_user;
    uid_t uid;
    gid_t gid;
    const gid_t *groups;
    int group_count;
    /// NULL: unchanged.
    cap_iab_t capabilities;
    /// Give up every capability, for good: together with no_new_privs no exec brings one back, not even root's.
    bool drop_capabilities;
    /// Install a filter that asks Baton about listening sockets (seccomp.h); it needs no_new_privs.
    enum baton_adopt adopt;
    bool asks_options;
};

/// Forks; the child leads a process group of its own and becomes the plan's program. On success the pid is returned
/// and *report is one end of a socket pair (close-on-exec, non-blocking) that ends at a successful exec; what comes before is
/// for baton_receive_report. Returns -1 with errno when no child could be made.
pid_t baton_launch(const struct baton_launch_plan *plan, int *report);

/// The child's side: sends a report, with a copy of `listener` unless that is -1.
void baton_send_report(int report, int stage, int error, int listener);

/// 1: a report, with *listener the descriptor that came along, or -1; 0: the end, that is, the exec has succeeded;
/// -1: nothing yet (EAGAIN), or errno.
enum { BATON_LISTENER_LOST = -2 };  // one came along, and this process had no room for it
int baton_receive_report(int fd, struct baton_launch_report *report, int *listener);

/// fork(2), which Swift hides. Right only in a program with one thread.
pid_t baton_fork(void);
