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

/* Tests of guests that poll for so long that it is no longer made sure, burst
 * by burst, that they do not wait for an interrupt. */

#include <config.h>

#include "test-virtqueue.h"

#include "util.h"
#include "virtqueue-private.h"

/* A guest without event indexes that polls, with a device that knows. */
static void
start_quiet(struct vq_guest *g, struct rte_mempool *pool)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1,
        .size = 64,
    };

    vg_init(g, &config);
    vg_set_interrupts(g, false);
    for (int i = 0; i < VQ_QUIET; i++) {
        transmit_frames(g, pool, 1);
    }
    CHECK_EQ(vg_interrupts(g), 0);
}

/* What virtqueue_recheck() would return at first. */
static bool
is_quiet(const struct vq_guest *g)
{
    uint64_t seen = 0;

    return virtqueue_recheck(&g->vq, &seen);
}

static void
enter_and_leave(struct rte_mempool *pool)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1,
        .size = 64,
    };
    struct vq_guest g;

    vg_init(&g, &config);
    for (int round = 0; round < 2; round++) {
        check_context("entering, round %d", round);
        vg_set_interrupts(&g, false);
        for (int i = 0; i < VQ_QUIET; i++) {
            CHECK(!is_quiet(&g));
            transmit_frames(&g, pool, 1 + i % 3);
        }
        CHECK(is_quiet(&g));

        /* It stays. */
        for (int i = 0; i < 70000; i++) {
            transmit_frames(&g, pool, 1);
            if (!CHECK(is_quiet(&g))) {
                break;
            }
        }
        CHECK_EQ(vg_interrupts(&g), 0);

        check_context("leaving, round %d", round);
        vg_set_interrupts(&g, true);
        transmit_frames(&g, pool, 1);
        CHECK_EQ(vg_interrupts(&g), 1);
        CHECK(!is_quiet(&g));
    }

    check_context("almost there");
    vg_set_interrupts(&g, false);
    for (int i = 0; i < VQ_QUIET - 1; i++) {
        transmit_frames(&g, pool, 1);
    }
    vg_set_interrupts(&g, true);
    transmit_frames(&g, pool, 1);
    CHECK_EQ(vg_interrupts(&g), 1);
    vg_set_interrupts(&g, false);
    transmit_frames(&g, pool, 1);
    CHECK(!is_quiet(&g));
    vg_uninit(&g);

    check_context("anew");
    start_quiet(&g, pool);
    CHECK(is_quiet(&g));
    vg_restart(&g);
    CHECK(!is_quiet(&g));
    vg_uninit(&g);
}

/* With event indexes, a guest that polls does not say so. */
static void
event_indexes(struct rte_mempool *pool)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1 | F_EVENT_IDX,
        .size = 64,
    };
    struct vq_guest g;

    check_context("event indexes");
    vg_init(&g, &config);
    transmit_frames(&g, pool, 1);
    vg_interrupts(&g);
    for (int i = 0; i < 2 * VQ_QUIET; i++) {
        vg_set_event(&g, -1);
        transmit_frames(&g, pool, 1);
    }
    CHECK_EQ(vg_interrupts(&g), 0);
    CHECK(!is_quiet(&g));
    vg_uninit(&g);
}

/* The guest asks for interrupts after 'n' buffers were given back, with the
 * next look at it yet to come. */
static void
missed(struct vq_guest *g, struct rte_mempool *pool, unsigned int n,
       uint64_t *seen)
{
    check_context("missed, %u given back", n);
    vg_set_interrupts(g, false);
    CHECK(virtqueue_recheck(&g->vq, seen));
    for (unsigned int left = n; left; ) {
        const unsigned int batch = MIN(left, g->config.size);

        transmit_frames(g, pool, batch);
        left -= batch;
    }
    vg_set_interrupts(g, true);
    CHECK_EQ(vg_interrupts(g), 0);

    /* Once, if at all. */
    CHECK(virtqueue_recheck(&g->vq, seen));
    CHECK_EQ(vg_interrupts(g), n > 0);
    CHECK(virtqueue_recheck(&g->vq, seen));
    CHECK_EQ(vg_interrupts(g), 0);
}

static void
recheck(struct rte_mempool *pool)
{
    struct vq_guest g;
    uint64_t seen = 0;

    start_quiet(&g, pool);
    missed(&g, pool, 1, &seen);
    missed(&g, pool, 0, &seen);
    missed(&g, pool, 5, &seen);

    /* Once around, and all around: the place is the same. */
    missed(&g, pool, g.config.size, &seen);
    missed(&g, pool, 2 * g.config.size, &seen);
    missed(&g, pool, 65536, &seen);

    check_context("polling goes on");
    vg_set_interrupts(&g, false);
    for (int i = 0; i < 10; i++) {
        transmit_frames(&g, pool, 3);
        CHECK(virtqueue_recheck(&g.vq, &seen));
        CHECK_EQ(vg_interrupts(&g), 0);
    }

    check_context("the first look");
    vg_set_interrupts(&g, true);
    seen = 0;
    CHECK(virtqueue_recheck(&g.vq, &seen));
    CHECK_EQ(vg_interrupts(&g), 1);

    check_context("frames for the guest");
    struct rte_mbuf *m = make_mbuf(pool, (uint8_t[60]) { 0 }, 60, 1);
    struct vg_buf buf;

    vg_set_interrupts(&g, false);
    post_rx(&g, 100, &buf);
    vg_publish(&g);
    CHECK_EQ(virtqueue_enqueue(&g.vq, &m, 1), 1);
    rte_pktmbuf_free(m);
    vg_set_interrupts(&g, true);
    CHECK(virtqueue_recheck(&g.vq, &seen));
    CHECK_EQ(vg_interrupts(&g), 1);
    vg_uninit(&g);

    check_context("nobody to interrupt");
    start_quiet(&g, pool);
    g.vq.callfd = -1;
    CHECK(!is_quiet(&g));
    vg_uninit(&g);

    check_context("a guest that does not poll");
    start_quiet(&g, pool);
    vg_set_interrupts(&g, true);
    transmit_frames(&g, pool, 1);
    CHECK_EQ(vg_interrupts(&g), 1);
    CHECK(!virtqueue_recheck(&g.vq, &seen));
    CHECK_EQ(vg_interrupts(&g), 0);
    vg_uninit(&g);
}

void
test_quiet(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct rte_mempool *pool = fake_mempool_create(32, POOL_ROOM, 0);

    enter_and_leave(pool);
    event_indexes(pool);
    recheck(pool);
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}
