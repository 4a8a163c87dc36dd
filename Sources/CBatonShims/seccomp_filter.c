#define _GNU_SOURCE
#include "seccomp.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/syscall.h>
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
