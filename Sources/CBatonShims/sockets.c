#define _GNU_SOURCE
#include "sockets.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

// Newer than the headers of some distributions.
#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71
#endif

// The kernel's names for these stand in <netinet/tcp.h>, which does not go with <linux/tcp.h>.
enum { STATE_ESTABLISHED = 1, STATE_CLOSE_WAIT = 8 };

int baton_accept_queue(int fd) {
    struct tcp_info info;
    socklen_t size = sizeof info;
    memset(&info, 0, sizeof info);
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) == 0 ? (int)info.tcpi_unacked : -1;
}

int baton_network_cookie(int fd, uint64_t *cookie) {
    socklen_t size = sizeof *cookie;
    return getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, cookie, &size);
}

int baton_attach_steering(int fd, const struct baton_instruction *instructions, unsigned short count) {
    struct sock_filter code[32];
    if (count > sizeof code / sizeof code[0]) { errno = E2BIG; return -1; }
    for (unsigned short i = 0; i < count; i++) {
        code[i] = (struct sock_filter){
            instructions[i].code, instructions[i].if_true, instructions[i].if_false, instructions[i].operand};
    }
    struct sock_fprog program = {.len = count, .filter = code};
    return setsockopt(fd, SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, &program, sizeof program);
}

int baton_set_tag(int fd, unsigned tag) {
    static const int options[] = {IP_FREEBIND, IP_BIND_ADDRESS_NO_PORT, IP_MULTICAST_LOOP, IP_MULTICAST_ALL};
    for (unsigned i = 0; i < 4; i++) {
        int on = (tag >> i) & 1;
        if (setsockopt(fd, IPPROTO_IP, options[i], &on, sizeof on) != 0) return -1;
    }
    return 0;
}

static int send_request(int netlink, int family, uint16_t port) {
    struct {
        struct nlmsghdr header;
        struct inet_diag_req_v2 request;
        struct nlattr attribute;
        struct inet_diag_bc_op filter[4];
    } message;
    memset(&message, 0, sizeof message);
    message.header.nlmsg_len = sizeof message;
    message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
    message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    message.request.sdiag_family = (uint8_t)family;
    message.request.sdiag_protocol = IPPROTO_TCP;
    message.request.idiag_ext = 1 << (INET_DIAG_INFO - 1);
    // A client that has closed its half still waits for its answer.
    message.request.idiag_states = (1 << STATE_ESTABLISHED) | (1 << STATE_CLOSE_WAIT);
    message.attribute.nla_len = sizeof message.attribute + sizeof message.filter;
    message.attribute.nla_type = INET_DIAG_REQ_BYTECODE;
    // Local port >= port and <= port; each comparison has its operand in the entry behind it.
    message.filter[0] = (struct inet_diag_bc_op){INET_DIAG_BC_S_GE, 8, 20};
    message.filter[1] = (struct inet_diag_bc_op){0, 0, port};
    message.filter[2] = (struct inet_diag_bc_op){INET_DIAG_BC_S_LE, 8, 12};
    message.filter[3] = (struct inet_diag_bc_op){0, 0, port};
    struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
    return sendto(netlink, &message, sizeof message, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0 ? -1 : 0;
}

static int count_one(const struct nlmsghdr *header, struct baton_connections *counts) {
    const char *start = (const char *)NLMSG_DATA(header) + sizeof(struct inet_diag_msg);
    int left = (int)header->nlmsg_len - (int)NLMSG_LENGTH(sizeof(struct inet_diag_msg));
    bool has_options = false, is_idle = false;
    unsigned tag = 0;
    while (left >= (int)sizeof(struct nlattr)) {
        struct nlattr attribute;
        memcpy(&attribute, start, sizeof attribute);
        if (attribute.nla_len < sizeof attribute || attribute.nla_len > left) break;
        const char *data = start + sizeof attribute;
        int size = attribute.nla_len - (int)sizeof attribute;
        if (attribute.nla_type == INET_DIAG_SOCKOPT && size >= (int)sizeof(struct inet_diag_sockopt)) {
            struct inet_diag_sockopt options;
            memcpy(&options, data, sizeof options);
            has_options = true;
            tag = options.freebind | options.bind_address_no_port << 1 | options.mc_loop << 2 | options.mc_all << 3;
        } else if (attribute.nla_type == INET_DIAG_INFO
                   && size >= (int)(offsetof(struct tcp_info, tcpi_last_ack_recv) + sizeof(uint32_t))) {
            struct tcp_info info;
            memset(&info, 0, sizeof info);
            memcpy(&info, data, size < (int)sizeof info ? (size_t)size : sizeof info);
            is_idle = info.tcpi_last_data_sent > 1000 && info.tcpi_last_data_recv > 1000;
        }
        int step = (int)NLA_ALIGN(attribute.nla_len);
        start += step;
        left -= step;
    }
    if (!has_options) { errno = ENOTSUP; return -1; }
    counts[tag].open++;
    if (is_idle) counts[tag].idle++;
    return 0;
}

int baton_count_connections(int listener, uint16_t port, struct baton_connections counts[BATON_TAG_COUNT]) {
    // Accepted sockets are of their listener's family, those of IPv4 clients of a dual-stack one too.
    int family = AF_UNSPEC;
    socklen_t size = sizeof family;
    if (getsockopt(listener, SOL_SOCKET, SO_DOMAIN, &family, &size) != 0) return -1;
    int netlink = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
    if (netlink < 0) return -1;
    int result = send_request(netlink, family, port);
    char buffer[32768] __attribute__((aligned(8)));
    while (result == 0) {
        // The kernel has the answer ready before recv is called: this does not wait.
        ssize_t length = recv(netlink, buffer, sizeof buffer, MSG_DONTWAIT);
        if (length <= 0) { result = -1; break; }
        for (struct nlmsghdr *header = (struct nlmsghdr *)buffer; NLMSG_OK(header, length); header = NLMSG_NEXT(header, length)) {
            if (header->nlmsg_type == NLMSG_DONE) goto done;
            if (header->nlmsg_type == NLMSG_ERROR) {
                const struct nlmsgerr *error = NLMSG_DATA(header);
                errno = -error->error;
                result = -1;
                goto done;
            }
            if ((result = count_one(header, counts)) != 0) goto done;
        }
    }
done:;
    int error = errno;
    close(netlink);
    errno = error;
    return result;
}
