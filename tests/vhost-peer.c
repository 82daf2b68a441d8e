/*
 * Copyright (c) 2026 The ovs-vring authors.
 *
 * Licensed under the Apache License, Version 2.0 (the "License");
 * you may not use this file except in compliance with the License.
 * You may obtain a copy of the License at:
 *
 *     http://www.apache.org/licenses/LICENSE-2.0
 *
 * Unless required by applicable law or agreed to in writing, software
 * distributed under the License is distributed on an "AS IS" BASIS,
 * WITHOUT WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied.
 * See the License for the specific language governing permissions and
 * limitations under the License.
 */

/* Both ends of a vhost-user socket, for tests: see vhost-peer.h. */

#include <config.h>

#include "vhost-peer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "check.h"
#include "msg-check.h"
#include "openvswitch/poll-loop.h"
#include "timeval.h"
#include "util.h"

/* Endpoints. */

static void
port_changed(void *port_)
{
    struct port *port = port_;
    unsigned int orig;

    atomic_add(&port->n_changed, 1, &orig);
    latch_set(&port->changed);
}

int
port_open(struct port *port, const char *path, bool client, const char *why)
{
    struct vhost_user_config config = {
        .name = "test",
        .path = path,
        .client = client,
        .features = vhost_user_default_features(),
        .protocol_features = vhost_user_default_protocol_features(),
        .max_queue_pairs = 4,
    };
    char *error;
    int retval;

    latch_init(&port->changed);
    atomic_init(&port->n_changed, 0);
    retval = vhost_user_open(&config, port_changed, port, &port->vu, &error);
    if (retval) {
        CHECK(!port->vu);
        CHECK(error && strstr(error, path));
        if (!why || !error || !strstr(error, why)) {
            check_context("%s: %s", path, error);
            CHECK(!"another explanation");
        }
        free(error);
        latch_destroy(&port->changed);
    } else {
        CHECK(!why);
        CHECK(!error);
        vhost_user_get_status(port->vu, &port->status);
    }
    return retval;
}

void
port_close(struct port *port)
{
    vhost_user_close(port->vu);
    latch_destroy(&port->changed);
}

bool
port_wait_for(struct port *port, bool (*cond)(struct port *, void *aux),
              void *aux)
{
    long long int deadline = time_msec() + PEER_TIMEOUT_MS;

    for (;;) {
        latch_poll(&port->changed);
        vhost_user_get_status(port->vu, &port->status);
        if (cond(port, aux)) {
            return true;
        }
        if (!CHECK(time_msec() < deadline)) {
            return false;
        }
        latch_wait(&port->changed);
        poll_timer_wait_until(deadline);
        poll_block();
    }
}

struct expected {
    enum vhost_user_state state;
    uint64_t n_connections;
};

static bool
is_as_expected(struct port *port, void *expected_)
{
    const struct expected *expected = expected_;

    return (port->status.state == expected->state
            && port->status.n_connections == expected->n_connections);
}

bool
port_wait(struct port *port, enum vhost_user_state state,
          uint64_t n_connections)
{
    struct expected expected = { state, n_connections };

    return port_wait_for(port, is_as_expected, &expected);
}

bool
wait_for_fds(size_t n)
{
    long long int deadline = time_msec() + PEER_TIMEOUT_MS;

    /* Nobody says when a descriptor is closed. */
    while (msg_count_fds() > n + 2) {
        if (time_msec() >= deadline) {
            CHECK_EQ(msg_count_fds(), n);
            return false;
        }
        poll_timer_wait(1);
        poll_block();
    }
    return true;
}

/* Front ends. */

static socklen_t
make_address(const char *path, struct sockaddr_un *un)
{
    memset(un, 0, sizeof *un);
    un->sun_family = AF_UNIX;
    ovs_strlcpy(un->sun_path, path, sizeof un->sun_path);
    return sizeof *un;
}

/* Waits for 'events' on 'fd'. */
static bool
wait_for_fd(int fd, short int events)
{
    long long int deadline = time_msec() + PEER_TIMEOUT_MS;

    for (;;) {
        struct pollfd pfd = { .fd = fd, .events = events };

        if (poll(&pfd, 1, 0) > 0) {
            return true;
        }
        if (!CHECK(time_msec() < deadline)) {
            return false;
        }
        poll_fd_wait(fd, events);
        poll_timer_wait_until(deadline);
        poll_block();
    }
}

int
peer_listen(const char *path)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_un un;
    socklen_t un_len = make_address(path, &un);

    unlink(path);
    CHECK(!bind(fd, (struct sockaddr *) &un, un_len) && !listen(fd, 8));
    return fd;
}

bool
peer_open(struct peer *peer, const char *path, int listen_fd)
{
    if (listen_fd >= 0) {
        wait_for_fd(listen_fd, POLLIN);
        peer->fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
    } else {
        struct sockaddr_un un;
        socklen_t un_len = make_address(path, &un);

        peer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (connect(peer->fd, (struct sockaddr *) &un, un_len)) {
            close(peer->fd);
            peer->fd = -1;
        }
    }
    peer->memfd = memfd_create("guest", MFD_CLOEXEC);
    return CHECK(peer->fd >= 0) && CHECK(!ftruncate(peer->memfd, PEER_MEMORY));
}

void
peer_close(struct peer *peer)
{
    close(peer->fd);
    close(peer->memfd);
}

bool
peer_send_bytes(struct peer *peer, const void *data, size_t n,
                const int fds[], size_t n_fds)
{
    union {
        char buf[CMSG_SPACE(sizeof(int) * 64)];
        struct cmsghdr align;
    } control;
    struct iovec iov = { .iov_base = CONST_CAST(void *, data), .iov_len = n };
    struct msghdr msgh = { .msg_iov = &iov, .msg_iovlen = 1 };

    if (n_fds) {
        struct cmsghdr *cmsg;

        memset(&control, 0, sizeof control);
        msgh.msg_control = control.buf;
        msgh.msg_controllen = CMSG_SPACE(sizeof *fds * n_fds);
        cmsg = CMSG_FIRSTHDR(&msgh);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof *fds * n_fds);
        memcpy(CMSG_DATA(cmsg), fds, sizeof *fds * n_fds);
    }
    return sendmsg(peer->fd, &msgh, MSG_NOSIGNAL) == n;
}

bool
peer_send(struct peer *peer, const struct vhost_user_msg *msg,
          const int fds[], size_t n_fds)
{
    uint8_t buf[sizeof *msg];
    size_t n = MIN(msg->hdr.size, sizeof msg->payload);

    memcpy(buf, &msg->hdr, sizeof msg->hdr);
    memcpy(buf + sizeof msg->hdr, msg->payload, n);
    return peer_send_bytes(peer, buf, sizeof msg->hdr + n, fds, n_fds);
}

static bool
recv_bytes(struct peer *peer, void *buf_, size_t n)
{
    char *buf = buf_;

    while (n) {
        ssize_t chunk = (wait_for_fd(peer->fd, POLLIN)
                         ? recv(peer->fd, buf, n, 0) : -1);

        if (chunk <= 0) {
            return false;
        }
        buf += chunk;
        n -= chunk;
    }
    return true;
}

bool
peer_recv(struct peer *peer, struct vhost_user_msg *msg)
{
    return (recv_bytes(peer, &msg->hdr, sizeof msg->hdr)
            && msg->hdr.size <= sizeof msg->payload
            && recv_bytes(peer, msg->payload, msg->hdr.size));
}

bool
peer_get(struct peer *peer, const struct vhost_user_msg *msg,
         struct vhost_user_msg *reply)
{
    return (CHECK(peer_send(peer, msg, NULL, 0))
            && CHECK(peer_recv(peer, reply))
            && CHECK_EQ(reply->hdr.request, msg->hdr.request)
            && CHECK_EQ(reply->hdr.flags, 1 | 4));
}

bool
peer_set(struct peer *peer, const struct vhost_user_msg *msg_,
         const int fds[], size_t n_fds)
{
    struct vhost_user_msg msg = *msg_;
    struct vhost_user_msg reply;

    msg.hdr.flags |= 8;
    return (CHECK(peer_send(peer, &msg, fds, n_fds))
            && CHECK(peer_recv(peer, &reply))
            && CHECK_EQ(reply.hdr.request, msg.hdr.request)
            && CHECK_EQ(reply.hdr.flags, 1 | 4)
            && CHECK_EQ(reply.hdr.size, 8)
            && reply.u64 == 0);
}

bool
peer_wait_closed(struct peer *peer)
{
    char byte;

    return (wait_for_fd(peer->fd, POLLIN)
            && CHECK(recv(peer->fd, &byte, 1, 0) <= 0));
}

bool
peer_negotiate(struct peer *peer)
{
    static const struct vhost_user_msg get_features = MSG(1, 0, .u64 = 0);
    static const struct vhost_user_msg get_protocol = MSG(15, 0, .u64 = 0);
    static const struct vhost_user_msg set_owner = MSG(3, 0, .u64 = 0);
    struct vhost_user_msg reply, features, protocol;

    if (!peer_get(peer, &get_features, &reply)) {
        return false;
    }
    features = (struct vhost_user_msg) U64(2, reply.u64 & ~(F_LOG | F_PACKED));
    if (!peer_get(peer, &get_protocol, &reply)) {
        return false;
    }
    protocol = (struct vhost_user_msg) U64(16, reply.u64);
    return (CHECK(peer_send(peer, &protocol, NULL, 0))
            && CHECK(peer_set(peer, &set_owner, NULL, 0))
            && CHECK(peer_set(peer, &features, NULL, 0)));
}

bool
peer_set_mem_table(struct peer *peer)
{
    static const struct vhost_user_msg mem_table
        = MSG(5, 40, .memory = { .n_regions = 1,
                                 .regions = { { .gpa = 0, .size = PEER_MEMORY,
                                                .uva = PEER_UVA } } });

    return CHECK(peer_set(peer, &mem_table, &peer->memfd, 1));
}

bool
peer_start_ring(struct peer *peer, uint32_t idx)
{
    const uint64_t ring = PEER_UVA + PEER_RING(idx);
    const struct vhost_user_msg msgs[] = {
        STATE(8, idx, 256),
        STATE(10, idx, 0),
        ADDR(idx, 0, ring, ring + 0x2000, ring + 0x4000, 0),
        U64(12, idx | 0x100),
        U64(13, idx | 0x100),
        STATE(18, idx, 1),
    };

    for (size_t i = 0; i < ARRAY_SIZE(msgs); i++) {
        if (!CHECK(peer_set(peer, &msgs[i], NULL, 0))) {
            return false;
        }
    }
    return true;
}

bool
peer_start(struct peer *peer)
{
    return (peer_negotiate(peer) && peer_set_mem_table(peer)
            && peer_start_ring(peer, 0) && peer_start_ring(peer, 1));
}
