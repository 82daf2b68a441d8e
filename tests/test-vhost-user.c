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

/* Tests vhost-user endpoints over real sockets: connections that come, break,
 * stall and go, as server and as client. */

#include <config.h>

#include "vhost-user.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "check.h"
#include "msg-check.h"
#include "openvswitch/poll-loop.h"
#include "ovs-thread.h"
#include "timeval.h"
#include "util.h"
#include "vhost-peer.h"
#include "vhost-user-endpoint.h"

/* The whole life of a connection to a server. */
static void
test_server(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct vhost_user_msg msg, reply;
    struct port port;
    struct peer peer;

    CHECK_EQ(port_open(&port, "server", false, NULL), 0);
    CHECK_EQ(port.status.state, VHOST_USER_LISTENING);
    CHECK_EQ(port.status.n_connections, 0);
    CHECK(!port.status.last_error[0]);

    for (int i = 1; i <= 3; i++) {
        check_context("connection %d", i);
        peer_open(&peer, "server", -1);
        port_wait(&port, VHOST_USER_NEGOTIATING, i);
        CHECK(peer_negotiate(&peer));
        CHECK(peer_set_mem_table(&peer));
        CHECK(peer_start_ring(&peer, 0));
        CHECK(vhost_user_vq(port.vu, 0));
        CHECK(peer_start_ring(&peer, 1));
        port_wait(&port, VHOST_USER_READY, i);
        CHECK_EQ(port.status.features,
                 vhost_user_default_features() & ~(F_LOG | F_PACKED));
        CHECK_EQ(port.status.protocol_features,
                 vhost_user_default_protocol_features());
        CHECK_EQ(port.status.n_queue_pairs, 1);
        CHECK_EQ(port.status.n_vrings, 2);
        CHECK_EQ(port.status.vrings[1].size, 256);
        CHECK(port.status.vrings[1].started);
        CHECK_EQ(port.status.memory_size, PEER_MEMORY);

        msg = (struct vhost_user_msg) MSG(17, 0, .u64 = 0);
        CHECK(peer_get(&peer, &msg, &reply));
        CHECK_EQ(reply.u64, 4);

        msg = (struct vhost_user_msg) STATE(11, 0, 0);
        CHECK(peer_get(&peer, &msg, &reply));
        CHECK_EQ(reply.state.num, 0);
        CHECK(!vhost_user_vq(port.vu, 0));
        CHECK(vhost_user_vq(port.vu, 1));
        port_wait(&port, VHOST_USER_NEGOTIATING, i);

        CHECK(peer_start_ring(&peer, 0));
        port_wait(&port, VHOST_USER_READY, i);
        peer_close(&peer);
        port_wait(&port, VHOST_USER_LISTENING, i);
        CHECK(!vhost_user_vq(port.vu, 0));
        CHECK(!vhost_user_vq(port.vu, 1));
        CHECK_EQ(port.status.features, 0);
        CHECK_EQ(port.status.n_vrings, 0);
        CHECK_EQ(port.status.memory_size, 0);
    }
    CHECK_EQ(port.status.n_refused, 0);
    CHECK(!port.status.last_error[0]);
    port_close(&port);
    CHECK_EQ(access("server", F_OK), -1);
}

/* A client finds its server, again and again. */
static void
test_client(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct port port;
    struct peer peer;
    int listen_fd;

    CHECK_EQ(port_open(&port, "client", true, NULL), 0);
    CHECK_EQ(port.status.state, VHOST_USER_CONNECTING);
    for (int i = 1; i <= 2; i++) {
        check_context("connection %d", i);
        listen_fd = peer_listen("client");
        peer_open(&peer, NULL, listen_fd);
        port_wait(&port, VHOST_USER_NEGOTIATING, i);
        CHECK(peer_start(&peer));
        port_wait(&port, VHOST_USER_READY, i);
        close(listen_fd);
        if (i == 2) {
            unlink("client");
        }
        peer_close(&peer);
        port_wait(&port, VHOST_USER_CONNECTING, i);
    }
    port_close(&port);

    check_context("a server that is there first");
    listen_fd = peer_listen("client");
    CHECK_EQ(port_open(&port, "client", true, NULL), 0);
    CHECK_EQ(port.status.state, VHOST_USER_NEGOTIATING);
    peer_open(&peer, NULL, listen_fd);
    CHECK(peer_start(&peer));
    port_wait(&port, VHOST_USER_READY, 1);
    port_close(&port);
    peer_wait_closed(&peer);
    CHECK(!access("client", F_OK));
    peer_close(&peer);
    close(listen_fd);
}

/* A message may come in pieces, with descriptors at its first byte, and the
 * other ports must not have to wait for it. */
static void
test_pieces(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct vhost_user_msg kick = U64(12, 2);
    struct vhost_user_msg reply;
    struct port ports[2];
    struct peer peers[2];
    uint8_t buf[20];
    int event = eventfd(0, EFD_CLOEXEC);

    CHECK_EQ(port_open(&ports[0], "pieces0", false, NULL), 0);
    CHECK_EQ(port_open(&ports[1], "pieces1", false, NULL), 0);
    peer_open(&peers[0], "pieces0", -1);
    peer_open(&peers[1], "pieces1", -1);
    CHECK(peer_start(&peers[0]));

    kick.hdr.flags |= 8;
    memcpy(buf, &kick.hdr, 12);
    memcpy(buf + 12, &kick.u64, 8);
    for (int i = 0; i < sizeof buf; i++) {
        check_context("byte %d", i);
        CHECK(peer_send_bytes(&peers[0], buf + i, 1, &event, !i));
        if (i == 5 || i == 15) {
            CHECK(peer_start(&peers[1]));
            port_wait(&ports[1], VHOST_USER_READY, 1 + (i > 10));
            peer_close(&peers[1]);
            port_wait(&ports[1], VHOST_USER_LISTENING, 1 + (i > 10));
            if (i == 5) {
                peer_open(&peers[1], "pieces1", -1);
            }
        }
    }
    CHECK(peer_recv(&peers[0], &reply));
    CHECK_EQ(reply.hdr.request, 12);
    CHECK_EQ(reply.u64, 0);

    /* And several in one piece. */
    check_context("two at once");
    uint8_t two[2 * sizeof buf];

    kick.u64 = 0x103;
    memcpy(buf + 12, &kick.u64, 8);
    memcpy(two, buf, sizeof buf);
    memcpy(two + sizeof buf, buf, sizeof buf);
    CHECK(peer_send_bytes(&peers[0], two, sizeof two, NULL, 0));
    CHECK(peer_recv(&peers[0], &reply) && !reply.u64);
    CHECK(peer_recv(&peers[0], &reply) && !reply.u64);

    peer_close(&peers[0]);
    port_close(&ports[0]);
    port_close(&ports[1]);
    close(event);
}

/* Opens an endpoint and sees a first connection come and go, so that threads
 * have the descriptors that they keep.  Returns how many are open. */
static size_t
open_warm(struct port *port, const char *path)
{
    struct peer peer;

    CHECK_EQ(port_open(port, path, false, NULL), 0);
    peer_open(&peer, path, -1);
    CHECK(peer_start(&peer));
    port_wait(port, VHOST_USER_READY, 1);
    peer_close(&peer);
    port_wait(port, VHOST_USER_LISTENING, 1);
    return msg_count_fds();
}

/* Connections that end in the middle of something leave nothing open. */
static void
test_killed(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct vhost_user_msg table
        = MSG(5, 264, .memory = { .n_regions = 8 });
    struct port port;
    struct peer peer;
    uint8_t buf[276];
    int fds[8];
    size_t n_open;

    for (int i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = eventfd(0, EFD_CLOEXEC);
    }
    n_open = open_warm(&port, "killed");
    memcpy(buf, &table.hdr, 12);
    memcpy(buf + 12, table.payload, 264);

    for (int i = 1; i <= 10; i++) {
        check_context("connection %d", i);
        peer_open(&peer, "killed", -1);
        if (i > 5) {
            CHECK(peer_start(&peer));
            port_wait(&port, VHOST_USER_READY, i + 1);
        }
        CHECK(peer_send_bytes(&peer, buf, i * 27, fds, 8));
        peer_close(&peer);
        port_wait(&port, VHOST_USER_LISTENING, i + 1);
        wait_for_fds(n_open);
    }
    CHECK_EQ(port.status.n_refused, 10);
    CHECK(strstr(port.status.last_error, "middle of a message"));
    port_close(&port);
    for (int i = 0; i < ARRAY_SIZE(fds); i++) {
        close(fds[i]);
    }
}

/* Who says something wrong is told, and disconnected. */
static void
test_refused(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const struct {
        struct vhost_user_msg msg;
        size_t n_fds;
        const char *why;
    } bad[] = {
        { STATE(8, 0, 3), 0, "SET_VRING_NUM (8) refused: ring size not a" },
        { STATE(8, 0x10000, 4), 0, "no such vring" },
        { U64(13, 0), 9, "more file descriptors than" },
        { U64(13, 0), 64, "more file descriptors than" },
        { MSG(3, 0, .u64 = 0), 1, "too many file descriptors" },
        { MSG(99, 8, .u64 = 0), 2, "unknown request (99) refused" },
        { MSG(2, UINT32_MAX, .u64 = 0), 0, "payload too long" },
        { MSG(31, 24, .u64 = 0), 1, "negotiated" },
    };
    struct vhost_user_msg reply;
    struct port port;
    struct peer peer;
    size_t n_open;
    int fds[64];

    for (int i = 0; i < ARRAY_SIZE(fds); i++) {
        fds[i] = eventfd(0, EFD_CLOEXEC);
    }
    n_open = open_warm(&port, "refused");
    for (int i = 0; i < 4 * ARRAY_SIZE(bad); i++) {
        struct vhost_user_msg msg = bad[i / 4].msg;
        bool need_reply = i % 2;

        check_context("%s%s", bad[i / 4].why, need_reply ? ", NACK" : "");
        peer_open(&peer, "refused", -1);
        CHECK(peer_start(&peer));
        if (need_reply) {
            msg.hdr.flags |= 8;
        }
        CHECK(peer_send(&peer, &msg, fds, bad[i / 4].n_fds));
        if (need_reply && msg.hdr.request != 31) {
            CHECK(peer_recv(&peer, &reply));
            CHECK_EQ(reply.hdr.request, msg.hdr.request);
            CHECK_EQ(reply.hdr.flags, 1 | 4);
            CHECK_EQ(reply.hdr.size, 8);
            CHECK(reply.u64);
        }
        peer_wait_closed(&peer);
        peer_close(&peer);
        port_wait(&port, VHOST_USER_LISTENING, i + 2);
        CHECK_EQ(port.status.n_refused, i + 1);
        if (!strstr(port.status.last_error, bad[i / 4].why)) {
            check_context("%s", port.status.last_error);
            CHECK(!"another error");
        }
        CHECK(!vhost_user_vq(port.vu, 0));
        wait_for_fds(n_open);
    }
    port_close(&port);
    for (int i = 0; i < ARRAY_SIZE(fds); i++) {
        close(fds[i]);
    }
}

static bool
was_turned_away(struct port *port, void *n)
{
    return port->status.n_turned_away == *(uint64_t *) n;
}

/* One connection at a time; a silent one does not keep the place. */
static void
test_second(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct peer first, second;
    struct port port;
    uint64_t n = 1;

    CHECK_EQ(port_open(&port, "second", false, NULL), 0);
    peer_open(&first, "second", -1);
    CHECK(peer_start(&first));
    port_wait(&port, VHOST_USER_READY, 1);

    check_context("turned away");
    peer_open(&second, "second", -1);
    peer_wait_closed(&second);
    peer_close(&second);
    port_wait_for(&port, was_turned_away, &n);
    CHECK_EQ(port.status.state, VHOST_USER_READY);
    CHECK_EQ(port.status.n_connections, 1);
    CHECK(peer_set_mem_table(&first));

    check_context("next after the first");
    peer_close(&first);
    peer_open(&second, "second", -1);
    CHECK(peer_start(&second));
    port_wait(&port, VHOST_USER_READY, 2);
    peer_close(&second);
    port_wait(&port, VHOST_USER_LISTENING, 2);

    check_context("a silent one");
    long long int start = time_msec();

    peer_open(&first, "second", -1);
    port_wait(&port, VHOST_USER_NEGOTIATING, 3);
    peer_open(&second, "second", -1);
    CHECK(peer_start(&second));
    port_wait(&port, VHOST_USER_READY, 4);
    CHECK(time_msec() - start >= VHOST_USER_GRACE_MS);
    peer_wait_closed(&first);
    CHECK_EQ(port.status.n_turned_away, 1);
    peer_close(&first);
    peer_close(&second);
    port_close(&port);
}

/* A peer that does not read what it asked for stalls itself alone. */
static void
test_deaf(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct vhost_user_msg get_features = MSG(1, 0, .u64 = 0);
    struct vhost_user_msg reply;
    struct port port, other;
    struct peer deaf, peer;
    size_t n = 0;

    CHECK_EQ(port_open(&port, "deaf", false, NULL), 0);
    CHECK_EQ(port_open(&other, "other", false, NULL), 0);
    peer_open(&deaf, "deaf", -1);
    peer_open(&peer, "other", -1);

    /* Until both directions are full: the thread, which serves no more than a
     * few messages of one port before it looks at the other, has been here
     * several times and takes no more. */
    CHECK(peer_start(&peer));
    for (int n_stuck = 0; n_stuck < 4 * VHOST_USER_MAX_MESSAGES; ) {
        uint8_t buf[12];

        memcpy(buf, &get_features.hdr, sizeof buf);
        if (send(deaf.fd, buf, sizeof buf, MSG_DONTWAIT) == sizeof buf) {
            n++;
            n_stuck = 0;
        } else {
            CHECK(peer_set_mem_table(&peer));
            n_stuck++;
        }
    }
    port_wait(&other, VHOST_USER_READY, 1);
    port_wait(&port, VHOST_USER_NEGOTIATING, 1);

    /* Nothing was lost. */
    for (size_t i = 0; i < n; i++) {
        CHECK(peer_recv(&deaf, &reply));
        CHECK_EQ(reply.hdr.request, 1);
    }
    CHECK(peer_start(&deaf));
    port_wait(&port, VHOST_USER_READY, 1);
    peer_close(&deaf);
    peer_close(&peer);
    port_close(&port);
    port_close(&other);
}

/* A ring that stops itself, as seen by its owner. */
static void
test_ring_failed(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct port port;
    struct peer peer;

    CHECK_EQ(port_open(&port, "failed", false, NULL), 0);
    peer_open(&peer, "failed", -1);
    CHECK(peer_start(&peer));
    port_wait(&port, VHOST_USER_READY, 1);

    atomic_store(&vhost_user_vq(port.vu, 1)->error, VQ_ERR_HEAD);
    vhost_user_ring_failed(port.vu);
    vhost_user_ring_failed(port.vu);
    port_wait(&port, VHOST_USER_NEGOTIATING, 1);
    CHECK(!vhost_user_vq(port.vu, 1));
    CHECK(vhost_user_vq(port.vu, 0));
    CHECK_EQ(port.status.vrings[1].error, VQ_ERR_HEAD);
    CHECK(strstr(port.status.last_error, "vring 1 stopped"));

    /* Again, to see that the news gets through a second time. */
    struct vhost_user_msg stop = STATE(11, 1, 0);
    struct vhost_user_msg reply;

    CHECK(peer_get(&peer, &stop, &reply));
    CHECK(peer_start_ring(&peer, 1));
    port_wait(&port, VHOST_USER_READY, 1);
    atomic_store(&vhost_user_vq(port.vu, 0)->error, VQ_ERR_AVAIL_JUMP);
    vhost_user_ring_failed(port.vu);
    port_wait(&port, VHOST_USER_NEGOTIATING, 1);
    CHECK_EQ(port.status.vrings[0].error, VQ_ERR_AVAIL_JUMP);
    peer_close(&peer);
    port_close(&port);
}

static void
test_rarp(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct vhost_user_msg msg = U64(19, UINT64_C(0x665544332202));
    struct eth_addr mac;
    struct port port;
    struct peer peer;

    CHECK_EQ(port_open(&port, "rarp", false, NULL), 0);
    peer_open(&peer, "rarp", -1);
    CHECK(peer_start(&peer));
    CHECK(!vhost_user_take_rarp(port.vu, &mac));
    CHECK(peer_set(&peer, &msg, NULL, 0));
    CHECK(vhost_user_take_rarp(port.vu, &mac));
    CHECK_EQ(mac.ea[0], 0x02);
    CHECK_EQ(mac.ea[5], 0x66);
    CHECK(!vhost_user_take_rarp(port.vu, &mac));
    peer_close(&peer);
    port_close(&port);
}

/* What a thread that moves frames does with virtqueues. */
struct mover {
    struct vhost_user *vu;
    atomic_bool stop;
    uint64_t n_seen;
};

static void *
move_frames(void *mover_)
{
    struct mover *mover = mover_;
    bool stop;

    do {
        for (unsigned int i = 0; i < 2; i++) {
            struct virtqueue *vq = vhost_user_vq(mover->vu, i);

            if (vq) {
                /* Crashes if the memory went away. */
                uint16_t idx = *(volatile uint16_t *) &vq->avail->idx;

                vq->hint = idx & 1;
                mover->n_seen++;
            }
        }
        ovsrcu_quiesce();
        atomic_read(&mover->stop, &stop);
    } while (!stop);
    return NULL;
}

/* Rings that are pulled from under threads that use them. */
static void
test_traffic(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct vhost_user_msg off = STATE(18, 1, 0);
    struct vhost_user_msg on = STATE(18, 1, 1);
    struct mover mover;
    struct port port;
    struct peer peer;
    pthread_t thread;

    CHECK_EQ(port_open(&port, "traffic", false, NULL), 0);
    mover.vu = port.vu;
    mover.n_seen = 0;
    atomic_init(&mover.stop, false);
    thread = ovs_thread_create("mover", move_frames, &mover);
    for (int i = 0; i < 10; i++) {
        peer_open(&peer, "traffic", -1);
        CHECK(peer_start(&peer));
        for (int j = 0; j < 20; j++) {
            CHECK(peer_set_mem_table(&peer));
            CHECK(peer_set(&peer, &off, NULL, 0));
            CHECK(peer_set(&peer, &on, NULL, 0));
        }
        CHECK(vhost_user_vq(port.vu, 0) && vhost_user_vq(port.vu, 1));
        peer_close(&peer);
        port_wait(&port, VHOST_USER_LISTENING, i + 1);
    }
    atomic_store(&mover.stop, true);
    ovsrcu_quiesce_start();
    xpthread_join(thread, NULL);
    ovsrcu_quiesce_end();
    CHECK(mover.n_seen);
    port_close(&port);
}

int
main(int argc, char *argv[])
{
    static const struct check_test tests[] = {
        { "server", test_server },
        { "client", test_client },
        { "pieces", test_pieces },
        { "killed", test_killed },
        { "refused", test_refused },
        { "second", test_second },
        { "deaf", test_deaf },
        { "ring-failed", test_ring_failed },
        { "rarp", test_rarp },
        { "traffic", test_traffic },
        { "paths", test_paths },
        { "path-in-use", test_path_in_use },
        { "path-not-writable", test_path_not_writable },
        { "moved", test_moved },
        { "reopen", test_reopen },
        { "owner", test_owner },
        { "many", test_many },
        { "slow-worker", test_slow_worker },
        { "slow-close", test_slow_close },
        { NULL, NULL },
    };

    return check_main(argc, argv, tests);
}
