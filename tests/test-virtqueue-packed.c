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

/* Tests of what is different in packed virtqueues. */

#include <config.h>

#include "test-virtqueue.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "util.h"

#define WRAP 0x8000

/* Transmits 'n' frames in chains of 'shape'. */
static void
transmit(struct vq_guest *g, struct rte_mempool *pool, enum vg_shape shape,
         unsigned int n)
{
    const uint8_t frame[60] = { 0 };
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];

    vg_reset(g);
    for (unsigned int i = 0; i < n; i++) {
        post_tx(g, shape, DIRECT, frame, sizeof frame);
    }
    vg_publish(g);

    const unsigned int got = virtqueue_dequeue(&g->vq, pool, pkts, n);

    CHECK_EQ(got, n);
    rte_pktmbuf_free_bulk(pkts, got);
}

static void
take_back(struct vq_guest *g)
{
    uint32_t len;
    uint16_t head;

    while (vg_get_used(g, &head, &len)) {
        continue;
    }
}

/* Starts the virtqueue anew at 'told'. */
static void
restart(struct vq_guest *g, uint16_t told)
{
    g->vq.last_avail = told;
    virtqueue_start(&g->vq, g->config.features);
    CHECK_EQ(g->vq.last_used, g->vq.last_avail);
}

/* A back end that dies anywhere, and a front end that does not know where. */
static void
recover(struct rte_mempool *pool, uint16_t size, enum vg_shape shape)
{
    const unsigned int n_chain = vg_count(shape, 12, 72);
    const struct vq_guest_config config = {
        .features = F_VERSION_1,
        .size = size,
        .start = 0,
    };
    struct vq_guest g;

    vg_init(&g, &config);
    restart(&g, WRAP);
    CHECK_EQ(g.vq.last_avail, WRAP);
    for (int round = 0; round < 500; round++) {
        const unsigned int n = 1 + random_range(MIN(g.n_free / n_chain, 8));
        const bool late = random_range(2);

        check_context("ring of %"PRIu16", %s, round %d", size,
                      vg_shape_name(shape), round);
        transmit(&g, pool, shape, n);
        if (!late) {
            take_back(&g);
        }

        const uint16_t place = g.vq.last_avail;

        /* What is offered meanwhile makes no difference. */
        if (random_range(2) && g.n_free >= n_chain) {
            const uint8_t frame[60] = { 0 };

            post_tx(&g, shape, DIRECT, frame, sizeof frame);
            vg_publish(&g);
        }
        restart(&g, WRAP);
        CHECK_EQ(g.vq.last_avail, place);
        restart(&g, place);
        CHECK_EQ(g.vq.last_avail, place);
        restart(&g, vg_advance(&g, place, -1 - (int) random_range(n)));
        CHECK_EQ(g.vq.last_avail, place);
        if (check_n_failed) {
            break;
        }

        struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
        const unsigned int got = virtqueue_dequeue(&g.vq, pool, pkts, 32);

        rte_pktmbuf_free_bulk(pkts, got);
        take_back(&g);
        CHECK_EQ(g.n_free, size);
    }
    vg_uninit(&g);
}

/* A back end that marked the first descriptor of each chain: its place cannot
 * be told, and what the front end says counts. */
static void
ambiguous(struct rte_mempool *pool)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1,
        .size = 16,
    };
    struct vq_guest g;

    check_context("ambiguous");
    vg_init(&g, &config);
    transmit(&g, pool, VG_SEPARATE, 3);
    for (int i = 1; i < 6; i += 2) {
        g.ring[i].flags ^= 1 << VRING_PACKED_DESC_F_USED;
    }
    restart(&g, WRAP);
    CHECK_EQ(g.vq.last_avail, WRAP);
    restart(&g, WRAP | 6);
    CHECK_EQ(g.vq.last_avail, WRAP | 6);
    vg_uninit(&g);
}

/* Chains go back in one batch, in order, under the last one's id. */
static void
batch(struct rte_mempool *pool)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1 | F_IN_ORDER,
        .size = 40,
        .start = 35,
    };
    struct vq_guest g;

    check_context("batch");
    vg_init(&g, &config);
    vg_snapshot(&g);
    transmit(&g, pool, VG_SEPARATE, 5);

    /* One is written, the other nine are as the guest made them. */
    CHECK_EQ(g.ring[35].id, g.latest);
    CHECK_EQ(g.ring[35].flags, ((1 << VRING_PACKED_DESC_F_AVAIL)
                                | (1 << VRING_PACKED_DESC_F_USED)));
    for (int i = 1; i < 10; i++) {
        CHECK_EQ(g.ring[(35 + i) % 40].flags & ~VRING_DESC_F_NEXT,
                 i < 5 ? 1 << VRING_PACKED_DESC_F_AVAIL
                 : 1 << VRING_PACKED_DESC_F_USED);
    }
    CHECK_EQ(g.vq.last_used, 5);
    take_back(&g);
    CHECK_EQ(g.n_free, 40);
    vg_uninit(&g);
}

void
test_packed(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const uint16_t sizes[] = { 9, 16, 255 };
    struct rte_mempool *pool = fake_mempool_create(32, POOL_ROOM, 0);

    vg_features = F_PACKED;
    for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        recover(pool, sizes[i], VG_ONE);
        recover(pool, sizes[i], VG_SEPARATE);
        recover(pool, sizes[i], VG_HDR_LESS);
    }
    ambiguous(pool);
    batch(pool);
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}
