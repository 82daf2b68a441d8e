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

/* Tests a vhost-user device by messages, without a socket: when vrings run,
 * and what is left when they do not. */

#include <config.h>

#include "vhost-user-device.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "check.h"
#include "device-fixture.h"
#include "peer-eventfd.h"
#include "util.h"
#include "virtqueue-private.h"

/* The i-th thing that a vring needs.  False if there are not so many. */
static bool
give(int i)
{
    switch (i) {
    case 0:
        CHECK(deliver_u64(2, F_ACKED));
        return true;
    case 1:
        CHECK(deliver_mem_table(3));
        return true;
    case 2:
        CHECK(deliver_state(8, 0, 256));
        return true;
    case 3:
        CHECK(deliver_addr(0, 0));
        return true;
    case 4:
        CHECK(deliver_vring_fd(12, 0, -1));
        return true;
    case 5:
        CHECK(deliver_state(18, 0, 1));
        return true;
    default:
        return false;
    }
}

/* A vring runs when it has all it needs, in whatever order that comes. */
static void
test_start(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    for (int last = 0; last < 6; last++) {
        setup();
        CHECK(deliver_u64(16, P_OFFERED));
        for (int i = 0; i < 6; i++) {
            if (i != last) {
                check_context("all but %d, now %d", last, i);
                give(i);
                CHECK(!vq(0));
            }
        }
        check_context("%d at last", last);
        give(last);
        CHECK(vq(0));
        CHECK(dev.session.vrings[0].running);
        CHECK(!vhost_user_device_is_ready(&dev));
        start_ring(3);
        CHECK(!vhost_user_device_is_ready(&dev));
        start_ring(1);
        CHECK(vhost_user_device_is_ready(&dev));
        teardown();
        CHECK(!vq(0));
    }
}

/* What virtqueues are told. */
static void
test_virtqueue(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    const struct virtqueue *q;
    int call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    uint64_t value;

    setup();
    negotiate();
    CHECK(deliver_state(8, 2, 128));
    CHECK(deliver_state(10, 2, 0));
    CHECK(deliver_addr(2, 1));
    CHECK(deliver_vring_fd(13, 2, call));
    CHECK(deliver_vring_fd(12, 2, -1));
    CHECK(deliver_state(18, 2, 1));

    q = vq(2);
    CHECK(q);
    CHECK_EQ(q->size, 128);
    CHECK_EQ((uintptr_t) q->desc,
             (uintptr_t) dev.session.mem->regions[0].hva + 0x20000);
    CHECK_EQ((uintptr_t) q->avail - (uintptr_t) q->desc, 0x2000);
    CHECK_EQ((uintptr_t) q->used - (uintptr_t) q->desc, 0x4000);
    CHECK(q->mem == dev.session.mem);
    CHECK(!q->log);
    CHECK_EQ(q->used_gpa, 0x5000);
    CHECK(q->stats == &fixture_vu.stats[2]);
    CHECK(q->event_idx);
    CHECK(q->mergeable);
    CHECK_EQ(q->hdr_len, 12);

    /* Interrupts reach the guest, which got one for the start. */
    CHECK(q->callfd >= 0);
    CHECK(!eventfd_read(call, &value));
    CHECK_EQ(eventfd_read(call, &value), -1);
    CHECK(!eventfd_write(q->callfd, 1));
    CHECK(!eventfd_read(call, &value));

    teardown();
    close(call);
}

/* Without protocol features a vring starts enabled. */
static void
test_legacy(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    setup();
    CHECK(deliver_u64(2, F_ACKED & ~F_PROTOCOL));
    CHECK(deliver_mem_table(3));
    CHECK(deliver_state(8, 0, 256));
    CHECK(deliver_addr(0, 0));
    CHECK(!vq(0));
    CHECK(deliver_vring_fd(12, 0, -1));
    CHECK(vq(0));
    teardown();
}

static void
test_replies(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct vhost_user_msg msg;

    setup();
    CHECK(deliver_empty(1));
    CHECK_EQ(reply.hdr.request, 1);
    CHECK_EQ(reply.hdr.flags, 1 | 4);
    CHECK_EQ(reply.hdr.size, 8);
    CHECK_EQ(reply.u64, F_OFFERED);
    CHECK(deliver_empty(15));
    CHECK_EQ(reply.u64, P_OFFERED);

    check_context("acknowledgments that were not negotiated");
    msg = (struct vhost_user_msg) MSG(3, 0, .u64 = 0);
    msg.hdr.flags |= 8;
    CHECK(deliver(&msg, NULL, 0));
    CHECK_EQ(reply.hdr.flags, 0);

    check_context("acknowledgments");
    negotiate();
    CHECK_EQ(reply.hdr.flags, 0);
    CHECK(deliver(&msg, NULL, 0));
    CHECK_EQ(reply.hdr.request, 3);
    CHECK_EQ(reply.hdr.flags, 1 | 4);
    CHECK_EQ(reply.hdr.size, 8);
    CHECK_EQ(reply.u64, 0);
    msg = (struct vhost_user_msg) STATE(8, 0, 3);
    msg.hdr.flags |= 8;
    CHECK(!deliver(&msg, NULL, 0));
    CHECK_EQ(reply.hdr.flags, 1 | 4);
    CHECK(reply.u64);
    msg.hdr.flags = 1;
    CHECK(!deliver(&msg, NULL, 0));
    CHECK_EQ(reply.hdr.flags, 0);

    check_context("requests with a reply of their own");
    msg = (struct vhost_user_msg) MSG(17, 0, .u64 = 0);
    msg.hdr.flags |= 8;
    CHECK(deliver(&msg, NULL, 0));
    CHECK_EQ(reply.u64, N_VRINGS / 2);
    msg = (struct vhost_user_msg) STATE(11, N_VRINGS, 0);
    msg.hdr.flags |= 8;
    CHECK(!deliver(&msg, NULL, 0));
    CHECK_EQ(reply.hdr.flags, 0);
    CHECK(deliver_u64(39, 0x4f));
    CHECK(deliver_empty(40));
    CHECK_EQ(reply.u64, 0x4f);
    teardown();
}

/* GET_VRING_BASE stops a vring, says where, and forgets the rest. */
static void
test_stop(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    size_t n_open;

    setup();
    negotiate();
    n_open = msg_count_fds();
    start_ring(0);
    CHECK(deliver_vring_fd(12, 0, event));
    CHECK(deliver_vring_fd(13, 0, event));
    CHECK_EQ(msg_count_fds(), n_open + 2);

    vq(0)->last_avail = vq(0)->last_used = 1000;
    CHECK(deliver_state(11, 0, 0));
    CHECK_EQ(reply.hdr.size, 8);
    CHECK_EQ(reply.state.index, 0);
    CHECK_EQ(reply.state.num, 1000);
    CHECK(!vq(0));
    CHECK_EQ(msg_count_fds(), n_open);

    check_context("stale addresses");
    CHECK(deliver_vring_fd(12, 0, -1));
    CHECK(!vq(0));
    CHECK(deliver_addr(0, 0));
    CHECK(vq(0));

    check_context("a vring that does not run");
    CHECK(deliver_state(10, 5, 4711));
    CHECK(deliver_state(11, 5, 0));
    CHECK_EQ(reply.state.num, 4711);
    teardown();
    close(event);
}

/* Changes to a vring that runs. */
static void
test_change(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct virtqueue *q;

    setup();
    negotiate();
    start_ring(0);

    check_context("disabled and enabled");
    vq(0)->used->idx = 77;
    vq(0)->last_avail = vq(0)->last_used = 77;
    CHECK(deliver_state(18, 0, 0));
    CHECK(!vq(0));
    CHECK(deliver_state(18, 0, 1));
    CHECK(vq(0));
    CHECK_EQ(vq(0)->last_avail, 77);

    check_context("size");
    CHECK(deliver_state(8, 0, 64));
    CHECK_EQ(vq(0)->size, 64);
    CHECK_EQ(vq(0)->last_avail, 77);

    check_context("base");
    vq(0)->used->idx = 5;
    CHECK(deliver_state(10, 0, 5));
    CHECK_EQ(vq(0)->last_avail, 5);

    /* One part after the other, the used ring, whose index is 5 there too,
     * first. */
    struct vhost_user_msg msg = ADDR(0, 0, RING_DESC(0), RING_AVAIL(0),
                                     RING_USED(0), 0);
    uint64_t *const parts[] = {
        &msg.addr.desc, &msg.addr.avail, &msg.addr.used,
    };

    for (int i = 2; i >= 0; i--) {
        const uint8_t *const hva = dev.session.mem->regions[0].hva;

        check_context("address %d", i);
        *parts[i] += 0x8000;
        *(uint16_t *) (hva + 0xc002) = 5;
        CHECK(deliver(&msg, NULL, 0));
        CHECK(vq(0));
        CHECK_EQ((uint8_t *) vq(0)->desc - hva, msg.addr.desc - UVA);
        CHECK_EQ((uint8_t *) vq(0)->avail - hva, msg.addr.avail - UVA);
        CHECK_EQ((uint8_t *) vq(0)->used - hva, msg.addr.used - UVA);
        CHECK_EQ(vq(0)->last_avail, 5);
    }

    check_context("nothing new");
    q = vq(0);
    CHECK(deliver_u64(2, F_ACKED));
    CHECK(deliver_state(18, 0, 1));
    CHECK(deliver_vring_fd(12, 0, -1));
    CHECK(deliver_vring_fd(14, 0, -1));
    CHECK(vq(0) == q);
    teardown();
}

/* Guests that poll, and stop. */
static void
test_recheck(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    int call = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    uint64_t value;

    setup();
    check_context("nothing runs");
    CHECK_EQ(vhost_user_device_recheck(&dev), UINT_MAX);

    check_context("event indexes");
    negotiate();
    start_ring(0);
    CHECK(deliver_vring_fd(13, 0, call));
    CHECK(vq(0)->event_idx);
    CHECK_EQ(vhost_user_device_recheck(&dev), UINT_MAX);

    check_context("none");
    CHECK(deliver_state(18, 0, 0));
    CHECK(deliver_u64(2, F_ACKED & ~VIRTIO_FEATURE(EVENT_IDX)));
    CHECK(deliver_state(18, 0, 1));
    CHECK_EQ(vhost_user_device_recheck(&dev), VHOST_USER_LOOK_MS);
    CHECK(read(call, &value, sizeof value) == sizeof value);

    check_context("quiet");
    vq(0)->n_quiet = VQ_QUIET;
    vq(0)->signalled = 1;
    vq(0)->avail->flags = VRING_AVAIL_F_NO_INTERRUPT;
    CHECK_EQ(vhost_user_device_recheck(&dev), VHOST_USER_RECHECK_MS);
    CHECK(read(call, &value, sizeof value) < 0);
    vq(0)->signalled = 2;
    vq(0)->avail->flags = 0;
    CHECK_EQ(vhost_user_device_recheck(&dev), VHOST_USER_RECHECK_MS);
    CHECK(read(call, &value, sizeof value) == sizeof value);
    CHECK_EQ(vhost_user_device_recheck(&dev), VHOST_USER_RECHECK_MS);
    CHECK(read(call, &value, sizeof value) < 0);

    check_context("started anew");
    CHECK(deliver_state(18, 0, 0));
    CHECK_EQ(vhost_user_device_recheck(&dev), UINT_MAX);
    CHECK(deliver_state(18, 0, 1));
    CHECK(read(call, &value, sizeof value) == sizeof value);
    vq(0)->n_quiet = VQ_QUIET;
    vq(0)->signalled = 2;
    CHECK_EQ(vhost_user_device_recheck(&dev), VHOST_USER_RECHECK_MS);
    CHECK(read(call, &value, sizeof value) == sizeof value);

    check_context("nobody to interrupt");
    CHECK(deliver_vring_fd(13, 0, -1));
    CHECK_EQ(vhost_user_device_recheck(&dev), UINT_MAX);
    teardown();
    close(call);
}

/* Has vring 0, which is packed, start at 'base'.  True if it runs. */
static bool
start_packed(uint16_t size, uint32_t base)
{
    CHECK(deliver_state(11, 0, 0));
    CHECK(deliver_state(8, 0, size));
    CHECK(deliver_state(10, 0, base));
    CHECK(deliver_addr(0, 0));
    CHECK(deliver_vring_fd(12, 0, -1));
    CHECK(deliver_state(18, 0, 1));
    return vq(0) != NULL;
}

static void
test_packed(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    setup();
    negotiate();
    CHECK(deliver_u64(2, F_ACKED | F_PACKED));

    check_context("first start");
    CHECK(start_packed(255, 0x80008000));
    CHECK(vq(0)->packed);
    CHECK_EQ(vq(0)->size, 255);
    CHECK_EQ(vq(0)->last_avail, 0x8000);
    CHECK_EQ(vq(0)->device_event->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
    CHECK_EQ(vq(0)->ring_gpa, RING_DESC(0) - UVA);

    check_context("stop and go");
    vq(0)->last_avail = vq(0)->last_used = 0x80fe;
    CHECK(deliver_state(18, 0, 0));
    CHECK(deliver_state(18, 0, 1));
    CHECK_EQ(vq(0)->last_avail, 0x80fe);
    CHECK(deliver_state(11, 0, 0));
    CHECK_EQ(reply.state.num, 0x80fe80fe);

    check_context("as DPDK says it");
    CHECK(start_packed(255, 0x8000));
    CHECK_EQ(vq(0)->last_avail, 0x8000);

    check_context("buffers that were not given back");
    CHECK(start_packed(255, 0x80078003));
    CHECK_EQ(vq(0)->last_avail, 0x8007);

    check_context("beyond the ring");
    CHECK(!start_packed(255, 0x80ff80ff));
    CHECK(strstr(dev.notice, "beyond the ring"));
    CHECK(!start_packed(255, 0x7fff));
    CHECK(start_packed(256, 0x80ff80ff));

    check_context("a reset does not change the answer");
    CHECK(deliver_empty(34));
    CHECK(deliver_state(11, 0, 0));
    CHECK_EQ(reply.state.num, 0x80ff80ff);

    check_context("split, with what packed rings may have");
    CHECK(deliver_u64(2, F_ACKED | F_PACKED));
    CHECK(deliver_state(8, 0, 255));
    CHECK(deliver_u64(2, F_ACKED));
    CHECK(!deliver_state(8, 0, 255));
    CHECK(!deliver_addr(0, 0));
    CHECK(deliver_state(8, 0, 256));
    CHECK(deliver_addr(0, 0));
    CHECK(deliver_vring_fd(12, 0, -1));
    CHECK(deliver_state(18, 0, 1));
    CHECK(vq(0) && !vq(0)->packed);
    teardown();
}

static void
test_status(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct vhost_user_status status;
    uint64_t value;
    bool pending;

    setup();
    vhost_user_device_get_status(&dev, &status);
    CHECK(!status.vrings[0].enabled && !status.vrings[0].started);
    negotiate();
    CHECK(deliver_u64(20, 9000));
    start_ring(0);
    start_ring(3);
    CHECK(deliver_state(18, 3, 0));
    vhost_user_device_get_status(&dev, &status);
    CHECK_EQ(status.features, F_ACKED);
    CHECK_EQ(status.protocol_features, P_OFFERED);
    CHECK_EQ(status.n_vrings, 4);
    CHECK_EQ(status.n_queue_pairs, 2);
    CHECK_EQ(status.vrings[0].size, 256);
    CHECK(status.vrings[0].started && status.vrings[0].enabled);
    CHECK(!status.vrings[1].started && !status.vrings[1].size);
    CHECK(status.vrings[3].started && !status.vrings[3].enabled);
    CHECK_EQ(status.n_regions, 2);
    CHECK_EQ(status.memory_size, 2 * MB);
    CHECK_EQ(status.mtu, 9000);

    check_context("RARP");
    CHECK(deliver_u64(19, UINT64_C(0x665544332202)));
    atomic_read_relaxed(&fixture_vu.rarp_pending, &pending);
    CHECK(pending);
    atomic_read_relaxed(&fixture_vu.rarp_mac, &value);
    CHECK_EQ(value, VHOST_USER_RARP_VALID | UINT64_C(0x022233445566));
    vhost_user_device_disconnect(&dev);
    atomic_read_relaxed(&fixture_vu.rarp_pending, &pending);
    CHECK(!pending);
    teardown();
}

int
main(int argc, char *argv[])
{
    static const struct check_test tests[] = {
        { "start", test_start },
        { "virtqueue", test_virtqueue },
        { "legacy", test_legacy },
        { "replies", test_replies },
        { "stop", test_stop },
        { "change", test_change },
        { "recheck", test_recheck },
        { "packed", test_packed },
        { "call", test_call },
        { "memory", test_memory },
        { "log", test_log },
        { "failure", test_failure },
        { "reset", test_reset },
        { "files", test_files },
        { "status", test_status },
        { "random", test_random },
        { NULL, NULL },
    };

    /* Opens, once, what signalling eventfds takes. */
    peer_eventfd_signal(STDIN_FILENO);

    return check_main(argc, argv, tests);
}
