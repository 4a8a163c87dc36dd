// What steering and draining need of TCP sockets: SO_REUSEPORT groups, classic BPF, sock_diag.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// Connections that wait in the accept queue of a listening TCP socket (tcpi_unacked of TCP_INFO); -1: errno.
int baton_accept_queue(int fd);

/// The cookie of the network namespace that a socket was made in (SO_NETNS_COOKIE, since Linux 5.14); -1 with errno.
int baton_network_cookie(int fd, uint64_t *cookie);

/// As struct sock_filter, whose header Swift cannot have.
struct baton_instruction {
    uint16_t code;
    uint8_t if_true;
    uint8_t if_false;
    uint32_t operand;
};
/// SO_ATTACH_REUSEPORT_CBPF (socket(7)), at most 32 instructions; works for the whole group at once and needs no privilege.
int baton_attach_steering(int fd, const struct baton_instruction *instructions, unsigned short count);

/// Socket options without effect on a TCP connection, inherited by every accepted socket and shown by sock_diag to anyone:
/// by them a connection can be told to have come from one listener of a group and not from another.
enum { BATON_TAG_COUNT = 16 };
int baton_set_tag(int fd, unsigned tag);

struct baton_connections {
    uint32_t open;
    /// Of these, nothing was sent or received for a second.
    uint32_t idle;
};
/// Counts established connections to the local port that `listener` is bound to, by their tags. The kernel goes through all that it
/// has for it: milliseconds, and more where there are many.
/// -1 with errno; ENOTSUP where the kernel does not show the options (before Linux 5.10).
int baton_count_connections(int listener, uint16_t port, struct baton_connections counts[BATON_TAG_COUNT]);
