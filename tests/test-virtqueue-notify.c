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


/* Tests of what a virtqueue says around the frames: notifications, the used
 * index, the dirty log, statistics. */

#include <config.h>

#include "test-virtqueue.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bitmap.h"
#include "random.h"
#include "util.h"

/* The guest wants to hear of entry 'old' + 'ofs' when 'n' are given back. */
static void
notify_event(struct rte_mempool *pool, uint16_t start, unsigned int n,
             int ofs)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1 | F_EVENT_IDX,
        .size = 64,
        .start = start,
    };
    struct vq_guest g;

    check_context("start %"PRIu16", %u frames, event %d", start, n, ofs);
    vg_init(&g, &config);
    vg_interrupts(&g);

    /* The first time, whatever the event is. */
    vg_set_event(&g, g.packed ? 20 : 1000);
    transmit_frames(&g, pool, 1);
    CHECK_EQ(vg_interrupts(&g), 1);
    CHECK_EQ(g.stats.notifications, 1);

    vg_set_event(&g, ofs);
    transmit_frames(&g, pool, n);
    CHECK_EQ(vg_interrupts(&g), ofs >= 0 && ofs < n);

    /* Not twice. */
    virtqueue_notify(&g.vq);
    CHECK_EQ(vg_interrupts(&g), 0);
    CHECK_EQ(g.stats.notifications, 1 + (ofs >= 0 && ofs < n));
    vg_uninit(&g);
}

/* An interrupt asked for after many that were not wanted. */
static void
notify_late(struct rte_mempool *pool)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1 | F_EVENT_IDX,
        .size = 64,
    };
    struct vq_guest g;

    check_context("late event");
    vg_init(&g, &config);
    transmit_frames(&g, pool, 1);
    CHECK_EQ(vg_interrupts(&g), 1);
    for (int i = 0; i < 3 * 65536; i += 32) {
        /* Always just behind. */
        vg_set_event(&g, -1);
        transmit_frames(&g, pool, 32);
        if (!CHECK_EQ(vg_interrupts(&g), 0)) {
            break;
        }
        if (i % 4093 == 0) {
            vg_set_event(&g, 12);
            transmit_frames(&g, pool, 32);
            if (!CHECK_EQ(vg_interrupts(&g), 1)) {
                break;
            }
        }
    }
    vg_uninit(&g);
}

/* Without event indexes. */
static void
notify_flag(struct rte_mempool *pool)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1,
        .size = 64,
    };
    struct vq_guest g;

    check_context("flag");
    vg_init(&g, &config);
    for (int i = 0; i < 8; i++) {
        const bool no_interrupt = i & 2;

        vg_set_interrupts(&g, !no_interrupt);
        transmit_frames(&g, pool, 5);
        CHECK_EQ(vg_interrupts(&g), !no_interrupt);
        virtqueue_notify(&g.vq);
        CHECK_EQ(vg_interrupts(&g), 0);
    }
    CHECK_EQ(g.stats.notifications, 4);

    /* Frames for the guest, a call each. */
    struct rte_mbuf *m = make_mbuf(pool, (uint8_t[60]) { 0 }, 60, 1);
    struct vg_buf buf;
    uint32_t len;
    uint16_t head;

    for (int i = 0; i < 4; i++) {
        post_rx(&g, 100, &buf);
        vg_publish(&g);
        vg_set_interrupts(&g, !(i & 1));
        CHECK_EQ(virtqueue_enqueue(&g.vq, &m, 1), 1);
        CHECK_EQ(vg_interrupts(&g), !(i & 1));
        CHECK(vg_get_used(&g, &head, &len));
    }
    rte_pktmbuf_free(m);

    /* A poll that finds nothing disturbs nobody. */
    struct rte_mbuf *pkts[4];

    vg_set_interrupts(&g, true);
    CHECK_EQ(virtqueue_dequeue(&g.vq, pool, pkts, 4), 0);
    CHECK_EQ(vg_interrupts(&g), 0);

    /* Nobody to notify. */
    const uint64_t before = g.stats.notifications;

    g.vq.callfd = -1;
    transmit_frames(&g, pool, 5);
    CHECK_EQ(g.stats.notifications, before);

    /* After a start with somebody: what may have been missed. */
    vg_restart(&g);
    virtqueue_notify(&g.vq);
    CHECK_EQ(vg_interrupts(&g), 1);

    /* A counter that is full, and a peer who would have us wait for it. */
    for (int i = 0; i < 4; i++) {
        const uint64_t full = UINT64_MAX - 1;

        check_context("%s, %s", i & 1 ? "blocking" : "non-blocking",
                      i & 2 ? "AIO" : "io_uring");
        g.vq.call = i & 2 ? NULL : g.call;
        ovs_assert(write(g.callfd, &full, sizeof full) == sizeof full);
        ovs_assert(!fcntl(g.callfd, F_SETFL, i & 1 ? 0 : O_NONBLOCK));
        alarm(60);
        transmit_frames(&g, pool, 5);
        alarm(0);
        CHECK(vg_interrupts(&g) >= full);
    }
    ovs_assert(!fcntl(g.callfd, F_SETFL, O_NONBLOCK));
    vg_uninit(&g);
}

/* The guest never finds that it should notify us. */
static void
notify_kicks(struct rte_mempool *pool, uint64_t features, uint16_t size,
             uint16_t start)
{
    const struct vq_guest_config config = {
        .features = features,
        .size = size,
        .start = start,
        .arena = 32 * 1024 * 1024,
    };
    struct vq_guest g;

    check_context("kicks, features %#"PRIx64", ring of %"PRIu16", start %"
                  PRIu16, features, size, start);
    vg_init(&g, &config);
    if (g.packed) {
        CHECK_EQ(g.device_event->flags, VRING_PACKED_EVENT_FLAG_DISABLE);
    } else {
        CHECK_EQ(g.used->flags, (features & F_EVENT_IDX
                                 ? 0 : VRING_USED_F_NO_NOTIFY));
    }
    for (unsigned int i = 0; i < 150000; ) {
        const unsigned int n = size > 1000 ? size : 1 + random_range(size);

        transmit_frames(&g, pool, n);
        i += n;
    }
    CHECK_EQ(g.n_kicks, 0);
    vg_uninit(&g);
}

void
test_notify(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const uint16_t starts[] = { 0, 32766, 65520, 65534, 65535 };
    struct rte_mempool *pool = fake_mempool_create(32, POOL_ROOM, 0);

    for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
        for (unsigned int n = 1; n <= 32; n = n * 2 + 1) {
            for (int ofs = -3; ofs <= (int) n + 3; ofs++) {
                notify_event(pool, starts[i], n, ofs);
            }
            if (!(vg_features & F_PACKED)) {
                notify_event(pool, starts[i], n, 32768);
                notify_event(pool, starts[i], n, -30000);
            }
        }
        notify_kicks(pool, F_VERSION_1 | F_EVENT_IDX, 256, starts[i]);
        notify_kicks(pool, F_VERSION_1, 256, starts[i]);
    }
    notify_kicks(pool, F_VERSION_1 | F_EVENT_IDX, 32768, 12345);
    notify_late(pool);
    notify_flag(pool);
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}

void
test_resume(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const struct {
        uint16_t base, used;
    } cases[] = {
        { 0, 0 }, { 5, 5 }, { 0, 5 }, { 5, 0 }, { 65535, 3 }, { 3, 65535 },
    };
    struct rte_mempool *pool = fake_mempool_create(32, POOL_ROOM, 0);
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
    uint8_t frame[60] = { 0 };

    /* Packed rings have a test of their own, for their own cases. */
    for (size_t i = 0; i < (vg_features & F_PACKED ? 0 : ARRAY_SIZE(cases));
         i++) {
        const struct vq_guest_config config = {
            .features = F_VERSION_1,
            .size = 16,
            .start = cases[i].used,
        };
        struct vq_guest g;
        uint32_t len;
        uint16_t head;

        check_context("base %"PRIu16", used index %"PRIu16, cases[i].base,
                      cases[i].used);
        vg_init(&g, &config);
        g.vq.last_avail = cases[i].base;
        g.vq.signalled_valid = true;
        atomic_init(&g.vq.error, VQ_ERR_CHAIN);
        virtqueue_start(&g.vq, config.features);
        CHECK_EQ(g.vq.last_avail, cases[i].used);
        CHECK_EQ(g.vq.last_used, cases[i].used);
        CHECK(!g.vq.signalled_valid);
        CHECK_EQ(virtqueue_get_error(&g.vq), VQ_ERR_NONE);

        for (int n = 0; n < 3; n++) {
            post_tx(&g, VG_ONE, DIRECT, frame, sizeof frame);
        }
        vg_publish(&g);
        CHECK_EQ(virtqueue_dequeue(&g.vq, pool, pkts, 32), 3);
        rte_pktmbuf_free_bulk(pkts, 3);
        CHECK_EQ(g.used->idx, (uint16_t) (cases[i].used + 3));
        for (int n = 0; n < 3; n++) {
            CHECK(vg_get_used(&g, &head, &len));
        }
        vg_uninit(&g);
    }

    /* What the features mean. */
    static const struct {
        uint64_t features;
        uint8_t hdr_len;
    } headers[] = {
        { 0, 10 }, { F_EVENT_IDX | F_INDIRECT, 10 }, { F_MRG_RXBUF, 12 },
        { F_VERSION_1, 12 }, { F_VERSION_1 | F_MRG_RXBUF, 12 },
    };

    for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
        const uint64_t features = headers[i].features;
        const struct vq_guest_config config = {
            .features = features,
            .size = 4,
        };
        struct vq_guest g;

        check_context("features %#"PRIx64, features);
        vg_init(&g, &config);
        CHECK_EQ(g.vq.hdr_len, headers[i].hdr_len);
        CHECK_EQ(g.vq.mergeable, !!(features & F_MRG_RXBUF));
        CHECK_EQ(g.vq.event_idx, !!(features & F_EVENT_IDX));
        CHECK_EQ(g.vq.indirect, !!(features & F_INDIRECT));
        CHECK_EQ(g.vq.packed, !!(vg_features & F_PACKED));
        CHECK_EQ(g.vq.in_order, !!(vg_features & F_IN_ORDER));
        vg_uninit(&g);
    }
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}

/* Pages that a log should have, and has. */
struct log_test {
    struct vq_guest g;
    unsigned long *expected;
    size_t n_pages;
};

static void
expect_pages(struct log_test *t, uint64_t gpa, uint64_t len)
{
    for (uint64_t i = 0; i < len; i++) {
        bitmap_set1(t->expected, (gpa + i) / GUEST_PAGE_SIZE);
    }
}

/* Checks the log bit by bit, and clears it. */
static void
check_log(struct log_test *t)
{
    for (size_t i = 0; i < t->n_pages; i++) {
        const bool marked = t->g.log->bitmap[i / 8] & (1 << i % 8);

        if (marked != bitmap_is_set(t->expected, i)) {
            check_context("page %"PRIuSIZE, i);
            CHECK_EQ(marked, bitmap_is_set(t->expected, i));
        }
    }
    memset(t->g.log->bitmap, 0, t->g.log->size);
    memset(t->expected, 0, bitmap_n_bytes(t->n_pages));
}

/* Those of descriptors from place 'from' to where the back end is, all of
 * which it marks.  With VIRTIO_F_IN_ORDER it does so with the first of each
 * chain, or just the first if the guest 'transmitted' them. */
static void
expect_passed_pages(struct log_test *t, uint16_t from, bool transmitted)
{
    const struct vq_guest *g = &t->g;

    for (unsigned int i = g->fifo_first;
         g->vq.used_gpa != VQ_NO_GPA && from != g->vq.last_used; i++) {
        const uint16_t id = g->fifo[i % g->config.size];
        const uint16_t slot = from & 0x7fff;

        expect_pages(t, vg_gpa(g, &g->ring[slot]), sizeof g->ring[slot]);
        if (transmitted && g->in_order) {
            break;
        }
        from = vg_advance(g, from, g->in_order ? g->n_direct[id] : 1);
    }
}

/* Those of 'n' used elements and what goes with them: avail_event each time
 * the index passes a quarter of its range. */
static void
expect_used_pages(struct log_test *t, uint16_t from, unsigned int n,
                  bool transmitted)
{
    const struct vring_used *used = t->g.used;
    const uint16_t to = from + n;

    if (t->g.packed) {
        expect_passed_pages(t, from, transmitted);
    } else if (t->g.vq.used_gpa != VQ_NO_GPA) {
        for (uint16_t i = from; i != to; i++) {
            const void *e = &used->ring[i & (t->g.config.size - 1)];

            expect_pages(t, vg_gpa(&t->g, e), sizeof used->ring[0]);
        }
        expect_pages(t, vg_gpa(&t->g, &used->idx), sizeof used->idx);
        if (t->g.vq.event_idx && from / 0x4000 != to / 0x4000) {
            expect_pages(t, vg_gpa(&t->g, &used->ring[t->g.config.size]), 2);
        }
    }
}

static void
dirty_log(struct rte_mempool *pool, uint16_t size, uint16_t start,
          bool mark_used, uint64_t features)
{
    const struct vq_guest_config config = {
        .features = features | F_VERSION_1 | F_INDIRECT,
        .arena = 4 * 1024 * 1024,
        .size = size,
        .start = start,
        .n_regions = 3,
        .log = true,
    };
    const bool event_idx = features & F_EVENT_IDX;
    struct log_test t;
    struct vq_guest *g = &t.g;

    vg_init(g, &config);
    t.n_pages = t.g.log->size * 8;
    t.expected = bitmap_allocate(t.n_pages);

    /* Starting writes flags and avail_event. */
    check_context("log, ring of %"PRIu16", start", size);
    if (g->packed) {
        expect_pages(&t, vg_gpa(g, g->device_event), 4);
    } else {
        expect_pages(&t, vg_gpa(g, &g->used->flags), 2);
        if (event_idx) {
            expect_pages(&t, vg_gpa(g, &g->used->ring[size]), 2);
        }
    }
    check_log(&t);
    if (!mark_used) {
        g->vq.used_gpa = VQ_NO_GPA;
    }

    for (int round = 0; round < 200; round++) {
        const uint32_t len = 14 + random_range(round & 1 ? 200 : MAX_FRAME
                                                                 - 13);
        const enum vg_shape shape = size < 256 ? VG_ONE
                                    : random_range(VG_BYTES);
        static uint8_t frame[MAX_FRAME];
        static struct vg_buf bufs[2][MAX_FRAME + 16];
        struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
        uint16_t idx = g->vq.last_used;
        unsigned int n = 1 + random_range(MIN(size, 8));
        uint32_t used_len;
        uint16_t head;

        vg_reset(g);
        vg_alloc(g, random_range(100000));
        check_context("log, ring of %"PRIu16", round %d, %s, %"PRIu32" bytes",
                      size, round, vg_shape_name(shape), len);
        make_frame(frame, len);

        forgive(g);

        /* What is read is not marked. */
        for (unsigned int i = 0; i < n; i++) {
            post_tx(g, shape, INDIRECT, frame, len);
        }
        vg_publish(g);
        CHECK_EQ(virtqueue_dequeue(&g->vq, pool, pkts, 32), n);
        rte_pktmbuf_free_bulk(pkts, n);
        expect_used_pages(&t, idx, n, true);
        check_log(&t);
        for (unsigned int i = 0; i < n; i++) {
            CHECK(vg_get_used(g, &head, &used_len));
        }

        /* What is written is marked, and not what could have been. */
        const bool merged = features & F_MRG_RXBUF && random_range(2);
        const uint32_t first = g->hdr_len + (merged ? random_range(len)
                                             : len + random_range(20000));

        if (round & 2) {
            /* Often to the end of a page, or little more. */
            g->arena_next = ROUND_UP(g->arena_next + g->hdr_len + len,
                                     GUEST_PAGE_SIZE)
                            + random_range(4) - g->hdr_len - len;
        }

        const unsigned int n_first = vg_cut(g, shape, first, bufs[0]);
        unsigned int n_second = 0;

        if (n_first > size) {
            continue;
        }
        idx = g->vq.last_used;
        vg_post(g, bufs[0], n_first,
                placement_direct(random_range(N_PLACEMENTS), n_first),
                VRING_DESC_F_WRITE);
        if (first < g->hdr_len + len) {
            n_second = vg_cut(g, VG_ONE, len + 20000, bufs[1]);
            vg_post(g, bufs[1], n_second, 0, VRING_DESC_F_WRITE);
        }
        vg_publish(g);
        pkts[0] = make_mbuf(pool, frame, len, 1);
        CHECK_EQ(virtqueue_enqueue(&g->vq, pkts, 1), 1);
        rte_pktmbuf_free(pkts[0]);

        uint32_t left = g->hdr_len + len;

        for (unsigned int i = 0; i < n_first + n_second; i++) {
            const struct vg_buf *b = (i < n_first ? &bufs[0][i]
                                      : &bufs[1][i - n_first]);
            const uint32_t part = MIN(left, b->len);

            expect_pages(&t, b->gpa, part);
            left -= part;
        }
        CHECK_EQ(left, 0);
        n = n_second ? 2 : 1;
        expect_used_pages(&t, idx, n, false);
        check_log(&t);
        while (vg_get_used(g, &head, &used_len)) {
            n--;
        }
        CHECK_EQ(n, 0);
    }
    bitmap_free(t.expected);
    vg_uninit(g);
}

void
test_dirty_log(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct rte_mempool *pool = fake_mempool_create(32, POOL_ROOM, 0);

    dirty_log(pool, 1, 65530, true, 0);
    dirty_log(pool, 256, 16200, true, F_EVENT_IDX);
    dirty_log(pool, 256, 65400, false, F_EVENT_IDX | F_MRG_RXBUF);
    dirty_log(pool, 32768, 32700, true, F_EVENT_IDX | F_MRG_RXBUF);
    dirty_log(pool, 2048, 65500, true, F_MRG_RXBUF);
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}

void
test_statistics(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const uint8_t addresses[][6] = {
        { 0x00, 0x11, 0x22, 0x33, 0x44, 0x55 },
        { 0x01, 0x00, 0x5e, 0x00, 0x00, 0x01 },
        { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff },
        { 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe },
        { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff },
        { 0x33, 0x33, 0x00, 0x00, 0x00, 0x01 },
    };
    const struct vq_guest_config config = {
        .features = F_VERSION_1,
        .size = 8,
    };
    struct rte_mempool *pool = fake_mempool_create(32, POOL_ROOM, 0);
    struct virtqueue_stats tx = { .packets = 0 };
    struct virtqueue_stats rx = { .packets = 0 };
    static uint8_t frame[MAX_FRAME];
    struct vq_guest a, b;

    vg_init(&a, &config);
    vg_init(&b, &config);
    vg_set_interrupts(&a, false);
    vg_set_interrupts(&b, false);
    for (uint32_t len = 14; len < 2000; len++) {
        struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
        struct vg_buf buf;
        uint32_t used_len;
        uint16_t head;

        check_context("%"PRIu32" bytes", len);
        make_frame(frame, len);
        memcpy(frame, addresses[len % ARRAY_SIZE(addresses)], 6);
        vg_reset(&a);
        vg_reset(&b);
        post_tx(&a, len % 2 ? VG_ONE : VG_SEPARATE, DIRECT, frame, len);
        post_rx(&b, 12 + len, &buf);
        vg_publish(&a);
        vg_publish(&b);
        expect_frame(&tx, frame, len);
        expect_frame(&rx, frame, len);
        CHECK_EQ(virtqueue_dequeue(&a.vq, pool, pkts, 32), 1);
        CHECK_EQ(virtqueue_enqueue(&b.vq, pkts, 1), 1);
        rte_pktmbuf_free(pkts[0]);
        check_stats(&a, &tx);
        check_stats(&b, &rx);
        CHECK(vg_get_used(&a, &head, &used_len));
        CHECK(vg_get_used(&b, &head, &used_len));
    }

    /* Names that an operator sees: all there, all different. */
    for (int i = 0; i < VQ_N_ERRORS; i++) {
        CHECK(virtqueue_error_text(i)[0]);
        for (int j = 0; j < i; j++) {
            CHECK(strcmp(virtqueue_error_statistic(i),
                         virtqueue_error_statistic(j)));
        }
    }
    vg_uninit(&a);
    vg_uninit(&b);
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}
