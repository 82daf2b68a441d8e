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


/* Tests of the virtqueue engine with guests that break the rules, and with
 * guests that go to the limits. */

#include <config.h>

#include "test-virtqueue.h"

#include <stdlib.h>
#include <string.h>

#include "bad-chains.h"
#include "util.h"

#define RING_SIZE BAD_CHAIN_RING_SIZE

static uint8_t frames[3][BAD_CHAIN_FRAME_LEN];

/* A good chain, the bad one, a good one. */
static void
provoke_tx(struct rte_mempool *pool, const struct bad_chain *p,
           const struct vq_guest_config *config)
{
    const bool fatal = virtqueue_error_is_fatal(p->tx);
    struct virtqueue_stats expected = { .packets = 0 };
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
    unsigned int n = 0;
    struct vq_guest g;
    uint16_t heads[3];

    check_context("%s, transmitting, features %#"PRIx64, p->name,
                  config->features);
    vg_init(&g, config);
    vg_set_interrupts(&g, false);
    heads[0] = post_tx(&g, VG_ONE, DIRECT, frames[0], sizeof frames[0]);
    p->make(&g, 0);
    heads[1] = g.latest;
    heads[2] = post_tx(&g, VG_ONE, DIRECT, frames[2], sizeof frames[2]);
    vg_publish(&g);

    vg_snapshot(&g);
    const unsigned int got = virtqueue_dequeue(&g.vq, pool, pkts, 32);

    for (int i = 0; i < (fatal ? 1 : 3); i++) {
        vg_expect_used(&g, heads[i], 0);
        if (i != 1 || p->tx == VQ_ERR_NONE) {
            expect_frame(&expected, frames[i], sizeof frames[i]);
            if (n < got) {
                check_mbuf(pkts[n], frames[i], sizeof frames[i]);
            }
            n++;
        }
    }
    CHECK_EQ(got, n);
    rte_pktmbuf_free_bulk(pkts, got);
    vg_check(&g);
    expected.errors[p->tx] = p->tx != VQ_ERR_NONE;
    check_stats(&g, &expected);
    CHECK_EQ(virtqueue_get_error(&g.vq), fatal ? p->tx : VQ_ERR_NONE);

    /* Nothing else comes. */
    CHECK_EQ(virtqueue_dequeue(&g.vq, pool, pkts, 32), 0);
    CHECK_EQ(virtqueue_pending(&g.vq), 0);
    vg_check(&g);
    check_stats(&g, &expected);
    vg_uninit(&g);
}

static void
provoke_rx(struct rte_mempool *pool, const struct bad_chain *p,
           const struct vq_guest_config *config)
{
    const bool fatal = virtqueue_error_is_fatal(p->rx);
    struct virtqueue_stats expected = { .packets = 0 };
    struct vg_buf bufs[3];
    struct rte_mbuf *pkts[3];
    uint8_t hdr[12] = { 0 };
    struct vq_guest g;
    uint16_t heads[3];

    check_context("%s, receiving, features %#"PRIx64, p->name,
                  config->features);
    vg_init(&g, config);
    hdr[10] = 1;
    vg_set_interrupts(&g, false);
    for (int i = 0; i < 3; i++) {
        pkts[i] = make_mbuf(pool, frames[i], sizeof frames[i], 1);
        if (i != 1) {
            heads[i] = post_rx(&g, 200, &bufs[i]);
        } else {
            p->make(&g, VRING_DESC_F_WRITE);
            heads[i] = g.latest;
        }
    }
    vg_publish(&g);

    vg_snapshot(&g);
    CHECK_EQ(virtqueue_enqueue(&g.vq, pkts, 3), fatal ? 1 : 3);
    for (int i = 0; i < (fatal ? 1 : 3); i++) {
        if (i != 1) {
            vg_expect_bufs(&g, &bufs[i], 1, 0, hdr, g.hdr_len);
            vg_expect_bufs(&g, &bufs[i], 1, g.hdr_len, frames[i],
                           sizeof frames[i]);
        } else if (p->rx == VQ_ERR_NONE) {
            /* What is written there is for test_enqueue() to check. */
            const struct vring_desc d = vg_load_desc(
                &g, vg_ptr(&g, vg_get_desc(&g, heads[i], 0).addr));

            vg_expect(&g, d.addr, vg_ptr(&g, d.addr), d.len);
        }
        const bool delivered = i != 1 || p->rx == VQ_ERR_NONE;

        vg_expect_used(&g, heads[i],
                       delivered ? g.hdr_len + sizeof frames[i] : 0);
        if (delivered) {
            expect_frame(&expected, frames[i], sizeof frames[i]);
        }
    }
    vg_check(&g);
    expected.errors[p->rx] = p->rx != VQ_ERR_NONE;
    check_stats(&g, &expected);
    CHECK_EQ(virtqueue_get_error(&g.vq), fatal ? p->rx : VQ_ERR_NONE);

    CHECK_EQ(virtqueue_enqueue(&g.vq, pkts, 3), 0);
    vg_check(&g);
    check_stats(&g, &expected);
    rte_pktmbuf_free_bulk(pkts, 3);
    vg_uninit(&g);
}

/* The index itself. */
static void
provoke_jump(struct rte_mempool *pool, uint16_t start, int jump)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1,
        .size = RING_SIZE,
        .start = start,
    };
    struct virtqueue_stats expected = { .errors[VQ_ERR_AVAIL_JUMP] = 1 };
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
    struct vq_guest g;

    check_context("index %"PRIu16" jumps by %d", start, jump);
    for (int receive = 0; receive < 2; receive++) {
        vg_init(&g, &config);
        g.avail->idx = start + jump;
        vg_snapshot(&g);
        pkts[0] = make_mbuf(pool, frames[0], sizeof frames[0], 1);
        CHECK_EQ(receive ? virtqueue_enqueue(&g.vq, pkts, 1)
                 : virtqueue_dequeue(&g.vq, pool, pkts, 32), 0);
        rte_pktmbuf_free(pkts[0]);
        vg_check(&g);
        CHECK_EQ(virtqueue_get_error(&g.vq), VQ_ERR_AVAIL_JUMP);
        check_stats(&g, &expected);
        vg_uninit(&g);
    }
}

void
test_errors(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const uint64_t features[] = {
        F_INDIRECT, F_INDIRECT | F_VERSION_1,
        F_INDIRECT | F_MRG_RXBUF | F_VERSION_1,
    };
    struct rte_mempool *pool = fake_mempool_create(64, POOL_ROOM, 0);

    for (int i = 0; i < 3; i++) {
        make_frame(frames[i], sizeof frames[i]);
    }
    memcpy(bad_chain_frame, frames[1], sizeof bad_chain_frame);
    for (const struct bad_chain *p = bad_chains; p->name; p++) {
        if (!(vg_features & F_PACKED ? p->packed : p->split)) {
            continue;
        }
        for (size_t i = 0; i < 2 * ARRAY_SIZE(features); i++) {
            const struct vq_guest_config config = {
                .features = features[i / 2] & ~p->lacking,
                .size = RING_SIZE,
                .start = 65534,
                .n_regions = 1 + i % 2,
            };

            provoke_tx(pool, p, &config);
            /* Small buffers are merged if that is possible. */
            if (p->rx != BAD_CHAIN_SKIP
                && (p->rx != VQ_ERR_SMALL_BUFFER
                    || !(config.features & F_MRG_RXBUF))) {
                provoke_rx(pool, p, &config);
            }
        }
    }
    if (!(vg_features & F_PACKED)) {
        provoke_jump(pool, 0, RING_SIZE + 1);
        provoke_jump(pool, 65530, RING_SIZE + 1);
        provoke_jump(pool, 0, -1);
        provoke_jump(pool, 1000, 32768);
    }
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}

/* Chains longer than LONGEST_CHAIN, where a ring has room for them. */
static void
too_long(struct rte_mempool *pool, bool receive, enum placement placement)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1 | F_INDIRECT,
        .arena = 1024 * 1024,
        .size = 2 * LONGEST_CHAIN,
    };
    const enum virtqueue_error error = (placement == DIRECT ? VQ_ERR_CHAIN
                                        : VQ_ERR_INDIRECT);
    const uint32_t len = 12 + sizeof frames[0];
    struct vg_buf bufs[LONGEST_CHAIN + 1];
    struct rte_mbuf *pkt = NULL;
    struct vq_guest g;

    check_context("too long, %s, %s", receive ? "receive" : "transmit",
                  placement_names[placement]);
    vg_init(&g, &config);
    memset(bufs, 0, sizeof bufs);
    bufs[LONGEST_CHAIN] = (struct vg_buf) { vg_alloc(&g, len), len };
    vg_post(&g, bufs, ARRAY_SIZE(bufs),
            placement_direct(placement, ARRAY_SIZE(bufs)),
            receive ? VRING_DESC_F_WRITE : 0);
    vg_publish(&g);
    if (receive) {
        pkt = make_mbuf(pool, frames[0], sizeof frames[0], 1);
        CHECK_EQ(virtqueue_enqueue(&g.vq, &pkt, 1), 0);
        rte_pktmbuf_free(pkt);
    } else {
        CHECK_EQ(virtqueue_dequeue(&g.vq, pool, &pkt, 1), 0);
    }
    CHECK_EQ(virtqueue_get_error(&g.vq), error);
    CHECK_EQ(g.stats.errors[error], 1);
    vg_uninit(&g);
}

/* Chains that are long for nothing: a call reads a limited number of
 * descriptors. */
static void
walk(struct rte_mempool *pool, bool receive, enum placement placement)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1 | F_INDIRECT,
        .arena = 32 * 1024 * 1024,
        .size = VIRTQUEUE_MAX_SIZE,
    };
    static struct vg_buf bufs[LONGEST_CHAIN];
    /* In a packed ring there is room for one only, unless it is a table. */
    const bool one_by_one = vg_features & F_PACKED && placement != INDIRECT;
    const unsigned int n_direct = placement_direct(placement,
                                                   ARRAY_SIZE(bufs));
    const uint16_t flags = receive ? VRING_DESC_F_WRITE : 0;
    const uint32_t len = 12 + sizeof frames[0];
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
    struct vq_guest g;
    uint32_t used_len;
    uint16_t head;

    check_context("walk, %s, %s", receive ? "receive" : "transmit",
                  placement_names[placement]);
    vg_init(&g, &config);
    /* Empty buffers but for the last, in each of the guest's frames. */
    memset(bufs, 0, sizeof bufs);
    bufs[ARRAY_SIZE(bufs) - 1].gpa = vg_alloc(&g, len);
    bufs[ARRAY_SIZE(bufs) - 1].len = len;
    memset(vg_ptr(&g, bufs[ARRAY_SIZE(bufs) - 1].gpa), 0, len);
    for (int i = 0; i < VIRTQUEUE_MAX_BURST; i++) {
        pkts[i] = receive ? make_mbuf(pool, frames[0], sizeof frames[0], 1)
                          : NULL;
    }
    for (int i = 0; i < VIRTQUEUE_MAX_BURST; i++) {
        if (one_by_one || !i) {
            head = vg_post(&g, bufs, ARRAY_SIZE(bufs), n_direct, flags);
            for (int j = 1; j < VIRTQUEUE_MAX_BURST && !one_by_one; j++) {
                if (!g.packed) {
                    vg_offer(&g, head);
                } else {
                    vg_post(&g, bufs, ARRAY_SIZE(bufs), n_direct, flags);
                }
            }
            vg_publish(&g);
        }
        if (receive) {
            CHECK_EQ(virtqueue_enqueue(&g.vq, pkts, VIRTQUEUE_MAX_BURST), 1);
        } else {
            CHECK_EQ(virtqueue_dequeue(&g.vq, pool, pkts,
                                       VIRTQUEUE_MAX_BURST), 1);
            rte_pktmbuf_free(pkts[0]);
        }
        CHECK_EQ(g.stats.packets, i + 1);
        forgive(&g);
        if (one_by_one) {
            CHECK(vg_get_used(&g, &head, &used_len));
            CHECK(!vg_get_used(&g, &head, &used_len));
        }
    }
    if (receive) {
        rte_pktmbuf_free_bulk(pkts, VIRTQUEUE_MAX_BURST);
    }
    vg_uninit(&g);
}

/* Receive buffers that do not do. */
static void
small_buffers(struct rte_mempool *pool)
{
    struct vq_guest_config config = {
        .features = F_VERSION_1 | F_INDIRECT,
        .arena = 1024 * 1024,
        .size = 1024,
    };
    static uint8_t frame[2000];
    static struct vg_buf bufs[1024];
    struct virtqueue_stats expected = { .packets = 0 };
    struct rte_mbuf *pkts[3];
    struct vg_buf buf;
    struct vq_guest g;
    uint16_t head;

    /* The buffer waits for a frame that fits. */
    check_context("buffer stays");
    make_frame(frame, sizeof frame);
    vg_init(&g, &config);
    vg_set_interrupts(&g, false);
    head = post_rx(&g, 12 + 1999, &buf);
    vg_publish(&g);
    pkts[0] = pkts[1] = make_mbuf(pool, frame, 2000, 1);
    pkts[2] = make_mbuf(pool, frame, 1999, 1);
    vg_snapshot(&g);
    CHECK_EQ(virtqueue_enqueue(&g.vq, pkts, 2), 2);
    vg_check(&g);
    CHECK_EQ(virtqueue_enqueue(&g.vq, pkts, 3), 3);
    vg_expect_used(&g, head, 12 + 1999);
    vg_expect(&g, buf.gpa, &(struct virtio_net_hdr_v1) { .num_buffers = 1 },
              12);
    vg_expect(&g, buf.gpa + 12, frame, 1999);
    vg_check(&g);
    expected.errors[VQ_ERR_SMALL_BUFFER] = 4;
    expect_frame(&expected, frame, 1999);
    check_stats(&g, &expected);
    vg_uninit(&g);

    /* More pieces than are worth it; one less is all right. */
    for (int i = 0; i < 2; i++) {
        check_context("%d pieces", 1025 - i);
        memset(&expected, 0, sizeof expected);
        config.size = 2048;
        vg_init(&g, &config);
        vg_set_interrupts(&g, false);
        for (unsigned int j = 0; j < 1024 - i; j++) {
            bufs[j] = (struct vg_buf) { vg_alloc(&g, 1), 1 };
        }

        struct vg_buf all[1025];

        memcpy(all, bufs, sizeof bufs);
        all[1024 - i] = (struct vg_buf) { vg_alloc(&g, 2000), 2000 };
        head = vg_post(&g, all, 1025 - i, 512, VRING_DESC_F_WRITE);
        vg_publish(&g);
        vg_snapshot(&g);
        CHECK_EQ(virtqueue_enqueue(&g.vq, pkts, 1), 1);
        if (i) {
            const uint8_t hdr[12] = { [10] = 1 };

            vg_expect_bufs(&g, all, 1024, 0, hdr, 12);
            vg_expect_bufs(&g, all, 1024, 12, frame, 2000);
            vg_expect_used(&g, head, 12 + 2000);
            expect_frame(&expected, frame, 2000);
        } else {
            vg_expect_used(&g, head, 0);
            expected.errors[VQ_ERR_SMALL_BUFFER] = 1;
        }
        vg_check(&g);
        check_stats(&g, &expected);
        vg_uninit(&g);
    }
    rte_pktmbuf_free(pkts[0]);
    rte_pktmbuf_free(pkts[2]);
}

/* Merging that fails at the third buffer: all three go back. */
static void
bad_merge(struct rte_mempool *pool, unsigned int kind)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1 | F_INDIRECT | F_MRG_RXBUF,
        .size = kind == 5 ? 4 : 64,
        .start = 65535,
    };
    const enum virtqueue_error errors[] = {
        VQ_ERR_ADDRESS, VQ_ERR_DIRECTION, VQ_ERR_SMALL_BUFFER,
        vg_features & F_PACKED ? VQ_ERR_CHAIN : VQ_ERR_HEAD,
        VQ_ERR_CHAIN, VQ_ERR_SMALL_BUFFER, VQ_ERR_SMALL_BUFFER
    };
    const bool fatal = virtqueue_error_is_fatal(errors[kind]);
    struct virtqueue_stats expected = { .packets = 0 };
    unsigned int n_back = fatal ? 0 : 3;
    struct rte_mbuf *pkts[2];
    uint8_t frame[200];
    struct vq_guest g;
    struct vg_buf buf;
    uint16_t heads[5];
    unsigned int n_used;
    uint32_t used_len;
    uint16_t head;

    check_context("merging, kind %u", kind);
    expected.errors[errors[kind]] = 1;
    vg_init(&g, &config);
    vg_set_interrupts(&g, false);
    make_frame(frame, sizeof frame);
    pkts[0] = make_mbuf(pool, frame, 200, 1);
    pkts[1] = make_mbuf(pool, frame, 60, 1);
    for (int i = 0; i < 4; i++) {
        /* The last one serves the other frame. */
        heads[i] = post_rx(&g, i < 3 ? 50 : 100, &buf);
    }

    const unsigned int k = kind == 5 ? 3 : kind == 6 ? 0 : 2;
    struct vring_desc d = vg_get_desc(&g, heads[k], 0);

    if (kind == 0) {
        d.addr = UINT64_MAX - 3;
    } else if (kind == 1) {
        d.flags ^= VRING_DESC_F_WRITE;
    } else if (kind == 2) {
        d.len = 0;
    } else if (kind == 3 && !g.packed) {
        g.avail->ring[(g.avail_idx - 2) & 63] = 64;
    } else if (kind == 3 || kind == 4) {
        d.flags |= VRING_DESC_F_NEXT;
        d.next = heads[2];
        d.len = 0;
    } else if (kind == 5) {
        /* All of the ring is too small for the frame, but not for the next.
         */
        d.len = 50;
        n_back = 0;
    } else if (kind == 6) {
        /* The header has to be in the first. */
        d.len = 11;
        n_back = 1;
    }
    vg_set_desc(&g, heads[k], 0, &d);
    vg_publish(&g);
    if (g.packed && fatal) {
        /* The chain goes on where nothing is available. */
        d = vg_get_desc(&g, heads[3], 0);
        d.flags ^= 1 << VRING_PACKED_DESC_F_USED;
        vg_set_desc(&g, heads[3], 0, &d);
    }

    vg_snapshot(&g);
    const unsigned int n = virtqueue_enqueue(&g.vq, pkts, 2);

    CHECK_EQ(n, fatal ? 0 : 2);
    if (fatal) {
        vg_check(&g);
    } else {
        expect_frame(&expected, frame, 60);
    }
    for (n_used = 0; vg_get_used(&g, &head, &used_len); n_used++) {
        if (n_used < n_back) {
            CHECK_EQ(head, heads[n_used]);
            CHECK_EQ(used_len, 0);
        }
    }
    CHECK_EQ(n_used, fatal ? 0 : kind == 5 ? 2 : kind == 6 ? 3 : 4);
    check_stats(&g, &expected);
    CHECK_EQ(virtqueue_get_error(&g.vq), fatal ? errors[kind] : VQ_ERR_NONE);
    rte_pktmbuf_free_bulk(pkts, 2);
    vg_uninit(&g);
}

/* Merging many buffers with a byte in each and a long way to it. */
static void
long_merge(struct rte_mempool *pool)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1 | F_INDIRECT | F_MRG_RXBUF,
        .arena = 4 * 1024 * 1024,
        .size = 1024,
    };
    struct vg_buf bufs[1000] = { { 0, 0 } };
    struct rte_mbuf *m;
    struct vq_guest g;
    uint32_t used_len;
    uint16_t head;

    check_context("long merge");
    vg_init(&g, &config);
    for (int i = 0; i < 100; i++) {
        bufs[999] = (struct vg_buf) { vg_alloc(&g, 20), i ? 1 : 13 };
        vg_post(&g, bufs, 1000, 0, VRING_DESC_F_WRITE);
    }
    vg_publish(&g);
    m = make_mbuf(pool, frames[0], sizeof frames[0], 1);
    CHECK_EQ(virtqueue_enqueue(&g.vq, &m, 1), 1);
    CHECK_EQ(g.stats.errors[VQ_ERR_SMALL_BUFFER], 1);
    CHECK(vg_get_used(&g, &head, &used_len));
    CHECK(vg_get_used(&g, &head, &used_len));
    CHECK(!vg_get_used(&g, &head, &used_len));
    rte_pktmbuf_free(m);
    vg_uninit(&g);
}

void
test_walk(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct rte_mempool *pool = fake_mempool_create(64, POOL_ROOM, 0);

    make_frame(frames[0], sizeof frames[0]);
    for (int i = 0; i < 2 * N_PLACEMENTS; i++) {
        walk(pool, i & 1, i / 2);
        if (i / 2 != MIXED) {
            too_long(pool, i & 1, i / 2);
        }
    }
    small_buffers(pool);
    for (unsigned int kind = 0; kind < 7; kind++) {
        bad_merge(pool, kind);
    }
    long_merge(pool);
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}
