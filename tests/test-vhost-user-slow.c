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

/* Tests what takes long on behalf of one front end: nobody else waits. */

#include <config.h>

#include "vhost-peer.h"

#include <netinet/in.h>
#include <net/if.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "msg-check.h"
#include "openvswitch/poll-loop.h"
#include "ovs-thread.h"
#include "slow-work.h"
#include "util.h"
#include "vhost-user-endpoint.h"

/* The worker. */

static struct latch gate;       /* What the first call waits for. */
static atomic_uint n_done;

static void
wait_for_gate(void *aux OVS_UNUSED)
{
    while (!latch_is_set(&gate)) {
        latch_wait(&gate);
        poll_block();
    }
    atomic_count_inc((atomic_count *) &n_done);
}

static void
check_order(void *number)
{
    unsigned int n;

    atomic_read(&n_done, &n);
    CHECK_EQ(n, (uintptr_t) number);
    atomic_store(&n_done, n + 1);
}

void
test_slow_worker(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    atomic_init(&n_done, 0);
    latch_init(&gate);

    check_context("nobody");
    slow_worker_release(NULL);
    CHECK_EQ(slow_worker_backlog(NULL), 0);
    slow_worker_give(NULL, check_order, (void *) 0);

    for (int released = 0; released <= 1; released++) {
        struct slow_worker *worker = slow_worker_create();

        check_context("released early: %d", released);
        atomic_store(&n_done, 0);
        CHECK_EQ(slow_worker_backlog(worker), 0);
        slow_worker_give(worker, wait_for_gate, NULL);
        for (uintptr_t i = 1; i < 10; i++) {
            slow_worker_give(worker, check_order, (void *) i);
        }
        CHECK_EQ(slow_worker_backlog(worker), 10);
        if (released) {
            slow_worker_release(worker);
        }
        latch_set(&gate);

        for (unsigned int n = 0; n < 10; ) {
            poll_timer_wait(1);
            poll_block();
            atomic_read(&n_done, &n);
        }
        latch_poll(&gate);
        if (!released) {
            /* The thread that is gone does not matter. */
            while (slow_worker_backlog(worker)) {
                poll_timer_wait(1);
                poll_block();
            }
            slow_worker_give(worker, check_order, (void *) 10);
            while (slow_worker_backlog(worker)) {
                poll_timer_wait(1);
                poll_block();
            }
            slow_worker_release(worker);
        }
    }
    latch_destroy(&gate);
}

/* A network of our own, in which 127.0.0.1 is us. */
static bool
make_network(void)
{
    struct ifreq ifr = { .ifr_name = "lo", .ifr_flags = IFF_UP };
    int fd;

    if (unshare(CLONE_NEWNET) && unshare(CLONE_NEWUSER | CLONE_NEWNET)) {
        return false;
    }
    fd = socket(AF_INET, SOCK_DGRAM, 0);
    ovs_assert(fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &ifr));
    close(fd);
    return true;
}

/* Connects 'fds[0]' with 'fds[1]', and fills it so that to close it takes
 * minutes unless somebody closes 'fds[1]'. */
static void
make_lingering(int fds[2])
{
    const struct linger linger = { .l_onoff = 1, .l_linger = 300 };
    struct sockaddr_in sin = {
        .sin_family = AF_INET,
        .sin_addr = { .s_addr = htonl(INADDR_LOOPBACK) },
    };
    int listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    socklen_t len = sizeof sin;
    char buf[4096] = "";

    ovs_assert(!bind(listen_fd, (struct sockaddr *) &sin, sizeof sin)
               && !listen(listen_fd, 1)
               && !getsockname(listen_fd, (struct sockaddr *) &sin, &len));
    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ovs_assert(!connect(fds[0], (struct sockaddr *) &sin, sizeof sin));
    fds[1] = accept(listen_fd, NULL, NULL);
    ovs_assert(fds[1] >= 0);
    close(listen_fd);
    while (send(fds[0], buf, sizeof buf, MSG_DONTWAIT) > 0) {
        continue;
    }
    ovs_assert(!setsockopt(fds[0], SOL_SOCKET, SO_LINGER, &linger,
                           sizeof linger));
}

/* A front end that sends files which nobody can close without waiting, or
 * nothing but them, loses what it has, and no other notices. */
void
test_slow_close(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    enum { N = VHOST_USER_MAX_ARREARS };
    struct vhost_user_msg bad = MSG(1, 0, .u64 = 0);
    struct port port, other_port;
    struct peer peer, other;
    int fds[N][2];
    size_t n_open;

    if (!make_network()) {
        exit(77);
    }
    CHECK_EQ(port_open(&port, "slow", false, NULL), 0);
    CHECK_EQ(port_open(&other_port, "other", false, NULL), 0);
    n_open = msg_count_fds();
    for (int i = 0; i < N; i++) {
        make_lingering(fds[i]);
    }

    for (int i = 0; i < N; i++) {
        check_context("%d files", i + 1);
        peer_open(&peer, "slow", -1);
        CHECK(peer_send(&peer, &bad, &fds[i][0], 1));
        close(fds[i][0]);
        CHECK(peer_wait_closed(&peer));
        peer_close(&peer);

        peer_open(&other, "other", -1);
        CHECK(peer_start(&other));
        CHECK(port_wait(&other_port, VHOST_USER_READY, i + 1));
        peer_close(&other);
        CHECK(port_wait(&other_port, VHOST_USER_LISTENING, i + 1));
    }
    CHECK(port_wait(&port, VHOST_USER_LISTENING, N));
    CHECK(strstr(port.status.last_error, "not closed yet"));

    check_context("no more");
    peer_open(&peer, "slow", -1);
    peer_open(&other, "other", -1);
    CHECK(peer_start(&other));
    CHECK(port_wait(&other_port, VHOST_USER_READY, N + 1));
    CHECK(port_wait(&port, VHOST_USER_LISTENING, N));

    check_context("closed at last");
    for (int i = 0; i < N; i++) {
        close(fds[i][1]);
    }
    CHECK(peer_start(&peer));
    CHECK(port_wait(&port, VHOST_USER_READY, N + 1));

    peer_close(&peer);
    peer_close(&other);
    port_close(&port);
    port_close(&other_port);
    CHECK(wait_for_fds(n_open));
}
