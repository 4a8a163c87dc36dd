// What steering and draining need of TCP sockets: SO_REUSEPORT groups, classic BPF, sock_diag.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// Connections that wait in the accept queue of a listening TCP socket (tcpi_unacked of TCP_INFO); -1: errno.
int baton_accept_queue(int fd);

/// The cookie of the network namespace that a socket was made in (SO_NETNS_COOKIE, since Linux 5.14); -1 with errno.
int baton_network_cookie(int fd, uint64_t *cookie);

/// Which socket of a SO_REUSEPORT group gets new connections. One source, if any, goes to another socket than the rest.
struct baton_steering {
    uint32_t target;
    /// Of a hundred connections so many, drawn by lot, go to `other` and not to `target`: 0 to 100.
    uint32_t other_percent;
    uint32_t other;
    bool has_probe;
    uint32_t probe_target;
    /// 4 bytes of an IPv4 address or 16 of an IPv6 one, in network order.
    uint8_t probe_address[16];
    bool probe_is_ipv6;
    /// In host order.
    uint16_t probe_port;
};
/// SO_ATTACH_REUSEPORT_CBPF (socket(7)); works for the whole group at once and needs no privilege.
int baton_steer(int fd, const struct baton_steering *steering);

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
