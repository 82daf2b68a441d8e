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


/* Tests of virtqueue_enqueue() with guests that behave. */

#include <config.h>

#include "test-virtqueue.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "util.h"

static const uint32_t frame_lens[] = {
    14, 15, 59, 60, 63, 64, 65, 127, 128, 255, 256, 257, 1023, 1514, 1518,
    2048, 9018, MAX_FRAME
};

/* What a header has to be. */
static const uint8_t *
header(uint16_t n_buffers)
{
    static struct virtio_net_hdr_v1 hdr;

    hdr.num_buffers = n_buffers;
    return (const uint8_t *) &hdr;
}

/* 'n' frames like one another to buffers with 'slack' bytes to spare. */
static void
enqueue_shape(const struct vq_guest_config *config, enum vg_shape shape,
              enum placement placement, uint32_t len, uint32_t slack,
              unsigned int n)
{
    static struct vg_buf bufs[VIRTQUEUE_MAX_BURST][MAX_FRAME + 16];
    struct rte_mempool *pool = fake_mempool_create(n, POOL_ROOM, 0);
    struct virtqueue_stats expected = { .packets = 0 };
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
    uint8_t *frames = xmalloc(n * len);
    uint16_t heads[VIRTQUEUE_MAX_BURST];
    unsigned int n_bufs[VIRTQUEUE_MAX_BURST];
    struct vq_guest g;

    vg_init(&g, config);
    for (unsigned int i = 0; i < n; i++) {
        make_frame(frames + i * len, len);
        expect_frame(&expected, frames + i * len, len);
        pkts[i] = make_mbuf(pool, frames + i * len, len, 1);
        n_bufs[i] = vg_cut(&g, shape, g.hdr_len + len + slack, bufs[i]);
        heads[i] = vg_post(&g, bufs[i], n_bufs[i],
                           placement_direct(placement, n_bufs[i]),
                           VRING_DESC_F_WRITE);
    }
    vg_publish(&g);

    /* A call may stop early if there is much to read. */
    unsigned int done = 0;

    vg_snapshot(&g);
    for (unsigned int i = 0; i < n && done < n; i++) {
        done += virtqueue_enqueue(&g.vq, pkts + done, n - done);
    }
    if (CHECK_EQ(done, n)) {
        for (unsigned int i = 0; i < n; i++) {
            vg_expect_bufs(&g, bufs[i], n_bufs[i], 0, header(1), g.hdr_len);
            vg_expect_bufs(&g, bufs[i], n_bufs[i], g.hdr_len,
                           frames + i * len, len);
            vg_expect_used(&g, heads[i], g.hdr_len + len);
        }
    }
    vg_check(&g);
    CHECK_EQ(virtqueue_get_error(&g.vq), VQ_ERR_NONE);
    CHECK(vg_interrupts(&g) > 0);
    expected.notifications = g.stats.notifications;
    check_stats(&g, &expected);

    /* No room. */
    vg_snapshot(&g);
    CHECK_EQ(virtqueue_enqueue(&g.vq, pkts, n), 0);
    vg_check(&g);
    rte_pktmbuf_free_bulk(pkts, n);
    vg_uninit(&g);
    CHECK_EQ(fake_mempool_destroy(pool), 0);
    free(frames);
}

void
test_enqueue(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const uint64_t features[] = {
        0, F_VERSION_1, F_MRG_RXBUF, F_VERSION_1 | F_MRG_RXBUF | F_EVENT_IDX
    };
    const uint16_t odd = vg_features & F_PACKED ? 1 : 0;
    const uint16_t sizes[] = { 1, 2 + odd, 8 - odd, 128 + odd, 16384 - odd };
    static const uint32_t slacks[] = { 0, 1, 64, 200 };

    for (size_t i = 0; i < ARRAY_SIZE(sizes) * ARRAY_SIZE(frame_lens)
                           * N_PLACEMENTS * VG_N_SHAPES; i++) {
        const enum vg_shape shape = i % VG_N_SHAPES;
        const enum placement placement = i / VG_N_SHAPES % N_PLACEMENTS;
        const uint32_t len = frame_lens[i / VG_N_SHAPES / N_PLACEMENTS
                                        % ARRAY_SIZE(frame_lens)];
        const uint16_t size = sizes[i / VG_N_SHAPES / N_PLACEMENTS
                                    / ARRAY_SIZE(frame_lens)];
        const uint32_t slack = slacks[i / 5 % ARRAY_SIZE(slacks)];
        const struct vq_guest_config config = {
            .features = features[i / 7 % ARRAY_SIZE(features)] | F_INDIRECT,
            .arena = len < 1000 ? 128 * 1024 : 1024 * 1024,
            .size = size,
            .start = i % 3 ? 65535 : i * 977,
            .n_regions = i % 5 ? 1 : 8,
        };
        const uint8_t hdr_len = config.features & (F_VERSION_1 | F_MRG_RXBUF)
                                ? 12 : 10;
        const unsigned int n_bufs = vg_count(shape, hdr_len,
                                             hdr_len + len + slack);
        const unsigned int n_ring = placement_ring(placement, n_bufs);
        const unsigned int n_table = n_bufs - placement_direct(placement,
                                                               n_bufs);

        /* Beyond 1024 pieces it is no use: test_errors(). */
        if (n_ring > size || n_table > size || n_bufs > LONGEST_CHAIN) {
            continue;
        }
        check_context("case %"PRIuSIZE": %"PRIu32" bytes, slack %"PRIu32", "
                      "%s, %s, ring of %"PRIu16", features %#"PRIx64, i, len,
                      slack, vg_shape_name(shape), placement_names[placement],
                      size, config.features);
        enqueue_shape(&config, shape, placement, len, slack,
                      MIN(3, size / n_ring));
    }
}

/* More frames at a time than there are buffers, until the index has gone
 * around. */
static void
enqueue_stream(uint16_t size, unsigned int n_frames, uint64_t features)
{
    const struct vq_guest_config config = {
        .features = features,
        .size = size,
        .start = 65536 - 2 * MIN(size, 1000) - 7,
    };
    const unsigned int n_total = 4 * MIN(size, 16384) + 100;
    struct rte_mempool *pool = fake_mempool_create(n_frames, 256, 0);
    struct rte_mbuf **pkts = xcalloc(n_frames, sizeof *pkts);
    const unsigned int n_bufs = MIN(size, 600);
    uint64_t *bufs = xcalloc(n_bufs, sizeof *bufs);
    /* By head: where its buffer is. */
    uint64_t *posted = xcalloc(size, sizeof *posted);
    unsigned int n_posted = 0;
    unsigned int n_sent = 0;
    unsigned int n_received = 0;
    uint8_t frame[60] = { 0 };
    struct vq_guest g;

    vg_init(&g, &config);

    const uint32_t need = g.hdr_len + sizeof frame;

    for (unsigned int i = 0; i < n_bufs; i++) {
        bufs[i] = vg_alloc(&g, need);
    }
    for (unsigned int i = 0; i < n_frames; i++) {
        pkts[i] = make_mbuf(pool, frame, sizeof frame, 1);
    }
    while (n_received < n_total) {
        /* Anything from no buffers to all of them. */
        unsigned int n_new = random_range(n_bufs + 1);
        unsigned int room, n;
        uint32_t used_len;
        uint16_t head;

        while (n_new-- && g.n_free && n_posted < n_received + n_bufs) {
            const struct vg_buf buf = { bufs[n_posted % n_bufs], need };

            posted[vg_post(&g, &buf, 1, 1, VRING_DESC_F_WRITE)] = buf.gpa;
            n_posted++;
        }
        vg_publish(&g);

        for (unsigned int i = 0; i < n_frames; i++) {
            const unsigned int number = n_sent + i;

            memcpy(rte_pktmbuf_mtod_offset(pkts[i], void *,
                                           sizeof frame - sizeof number),
                   &number, sizeof number);
        }
        room = n_posted - n_sent;
        n = virtqueue_enqueue(&g.vq, pkts, n_frames);
        if (!CHECK_EQ(n, MIN(n_frames, room))) {
            break;
        }
        n_sent += n;
        while (vg_get_used(&g, &head, &used_len)) {
            unsigned int number;

            CHECK_EQ(used_len, need);
            memcpy(&number, vg_ptr(&g, posted[head] + need - sizeof number),
                   sizeof number);
            CHECK_EQ(number, n_received);
            n_received++;
        }
        CHECK_EQ(n_received, n_sent);
    }
    CHECK_EQ(g.stats.packets, n_sent);
    CHECK_EQ(virtqueue_get_error(&g.vq), VQ_ERR_NONE);
    rte_pktmbuf_free_bulk(pkts, n_frames);
    free(posted);
    free(bufs);
    free(pkts);
    vg_uninit(&g);
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}

void
test_enqueue_burst(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    const unsigned int odd = vg_features & F_PACKED ? 1 : 0;

    for (unsigned int i_size = 0; 1 << i_size <= VIRTQUEUE_MAX_SIZE;
         i_size++) {
        const unsigned int size = (1 << i_size) - (i_size ? odd : 0);
        static const unsigned int n[] = { 1, 7, 32, 100 };

        for (size_t i = 0; i < ARRAY_SIZE(n); i++) {
            check_context("ring of %u, %u frames", size, n[i]);
            enqueue_stream(size, n[i],
                           F_VERSION_1 | (i & 1 ? F_EVENT_IDX : 0)
                           | (i & 2 ? F_MRG_RXBUF : 0));
        }
    }
}

/* Segments of all sizes, to one buffer and to many. */
void
test_segments(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const unsigned int n_segs[] = { 1, 2, 3, 5, 14, 100 };
    static struct vg_buf bufs[MAX_FRAME + 16];
    struct rte_mempool *pool = fake_mempool_create(100, POOL_ROOM, 0);
    const struct vq_guest_config config = {
        .features = F_VERSION_1,
        .arena = 1024 * 1024,
        .size = 1024,
    };

    for (size_t i = 0; i < ARRAY_SIZE(n_segs) * ARRAY_SIZE(frame_lens)
                           * VG_N_SHAPES; i++) {
        const enum vg_shape shape = i % VG_N_SHAPES;
        const uint32_t len = frame_lens[i / VG_N_SHAPES
                                        % ARRAY_SIZE(frame_lens)];
        const unsigned int segs = n_segs[i / VG_N_SHAPES
                                         / ARRAY_SIZE(frame_lens)];
        static uint8_t frame[MAX_FRAME];
        struct rte_mbuf *m;
        struct vq_guest g;
        unsigned int n;
        uint16_t head;

        vg_init(&g, &config);
        n = vg_cut(&g, shape, g.hdr_len + len, bufs);
        if (n <= config.size && n <= 1024) {
            check_context("%u segments, %"PRIu32" bytes, %s", segs, len,
                          vg_shape_name(shape));
            make_frame(frame, len);
            m = make_mbuf(pool, frame, len, segs);
            head = vg_post(&g, bufs, n, n, VRING_DESC_F_WRITE);
            vg_publish(&g);
            vg_snapshot(&g);
            CHECK_EQ(virtqueue_enqueue(&g.vq, &m, 1), 1);
            vg_expect_bufs(&g, bufs, n, 0, header(1), g.hdr_len);
            vg_expect_bufs(&g, bufs, n, g.hdr_len, frame, len);
            vg_expect_used(&g, head, g.hdr_len + len);
            vg_check(&g);
            rte_pktmbuf_free(m);
        }
        vg_uninit(&g);
    }
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}

/* One frame of 'len' bytes to chains of the lengths 'chains', the last of
 * which is 0, cut in 'shape'.  'want' of them should be used. */
static void
merge(struct rte_mempool *pool, uint64_t features, const uint32_t chains[],
      enum vg_shape shape, enum placement placement, uint32_t len,
      unsigned int want)
{
    const struct vq_guest_config config = {
        .features = features | F_MRG_RXBUF | F_INDIRECT,
        .arena = 1024 * 1024,
        .size = 8192,
        .start = 65534,
        .n_regions = 3,
    };
    static struct vg_buf bufs[16][MAX_FRAME + 16];
    static uint8_t frame[MAX_FRAME];
    unsigned int n_bufs[16];
    uint16_t heads[16];
    struct rte_mbuf *m;
    struct vq_guest g;
    uint32_t ofs = 0;

    if (!placement_allowed(placement, vg_count(shape, 12, chains[0]))) {
        return;
    }
    check_context("%"PRIu32" bytes, chains of %"PRIu32" and so on, %s, %s",
                  len, chains[0], vg_shape_name(shape),
                  placement_names[placement]);
    vg_init(&g, &config);
    make_frame(frame, len);
    m = make_mbuf(pool, frame, len, 1 + len % 3);
    for (unsigned int i = 0; chains[i]; i++) {
        n_bufs[i] = vg_cut(&g, shape, chains[i], bufs[i]);
        heads[i] = vg_post(&g, bufs[i], n_bufs[i],
                           placement_direct(placement, n_bufs[i]),
                           VRING_DESC_F_WRITE);
    }
    vg_publish(&g);

    vg_snapshot(&g);
    CHECK_EQ(virtqueue_enqueue(&g.vq, &m, 1), want != 0);
    for (unsigned int i = 0; i < want; i++) {
        const uint32_t hdr_len = i ? 0 : g.hdr_len;
        const uint32_t part = MIN(len - ofs, chains[i] - hdr_len);

        vg_expect_bufs(&g, bufs[i], n_bufs[i], 0, header(want), hdr_len);
        vg_expect_bufs(&g, bufs[i], n_bufs[i], hdr_len, frame + ofs, part);
        vg_expect_used(&g, heads[i], hdr_len + part);
        ofs += part;
    }
    if (want) {
        CHECK_EQ(ofs, len);
    }
    vg_check(&g);
    CHECK_EQ(g.stats.packets, want != 0);
    CHECK_EQ(g.stats.bytes, want ? len : 0);
    CHECK_EQ(virtqueue_get_error(&g.vq), VQ_ERR_NONE);
    rte_pktmbuf_free(m);
    vg_uninit(&g);
}

/* A frame that needs more buffers than there were when the engine looked
 * last. */
static void
merge_later(struct rte_mempool *pool)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1 | F_MRG_RXBUF,
        .arena = 64 * 1024,
        .size = 64,
    };
    const uint32_t lens[] = { 60, 5000 };
    const unsigned int posted[] = { 2, 8 };
    const unsigned int n_wanted[] = { 1, 3 };
    static uint8_t frame[5000];
    struct vg_buf bufs[10];
    uint16_t heads[10];
    struct vq_guest g;
    unsigned int n_posted = 0, n_used = 0;

    vg_init(&g, &config);
    for (size_t i = 0; i < ARRAY_SIZE(lens); i++) {
        struct rte_mbuf *m;
        uint32_t ofs = 0;

        check_context("%"PRIu32" bytes", lens[i]);
        for (unsigned int j = 0; j < posted[i]; j++, n_posted++) {
            heads[n_posted] = post_rx(&g, 2048, &bufs[n_posted]);
        }
        vg_publish(&g);

        make_frame(frame, lens[i]);
        m = make_mbuf(pool, frame, lens[i], 1);
        vg_snapshot(&g);
        CHECK_EQ(virtqueue_enqueue(&g.vq, &m, 1), 1);
        for (unsigned int j = 0; j < n_wanted[i]; j++, n_used++) {
            const uint32_t hdr_len = j ? 0 : g.hdr_len;
            const uint32_t part = MIN(lens[i] - ofs, 2048 - hdr_len);

            vg_expect_bufs(&g, &bufs[n_used], 1, 0, header(n_wanted[i]),
                           hdr_len);
            vg_expect_bufs(&g, &bufs[n_used], 1, hdr_len, frame + ofs, part);
            vg_expect_used(&g, heads[n_used], hdr_len + part);
            ofs += part;
        }
        vg_check(&g);
        rte_pktmbuf_free(m);
    }
    vg_uninit(&g);
}

void
test_mergeable(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const struct {
        uint32_t len;
        uint32_t chains[10];
        unsigned int want;
    } cases[] = {
        /* One is enough, exactly or not. */
        { 64, { 76, 76 }, 1 },
        { 64, { 2048, 2048 }, 1 },
        { MAX_FRAME, { MAX_FRAME + 12, 100 }, 1 },
        /* Two. */
        { 64, { 75, 75 }, 2 },
        { 64, { 75, 1, 100 }, 2 },
        { 64, { 12, 64, 100 }, 2 },
        { 1514, { 1024, 1024, 1024 }, 2 },
        /* Many. */
        { 14, { 12, 1, 2, 3, 4, 3, 2, 1, 1 }, 7 },
        { MAX_FRAME, { 2048, 2048, 2048, 2048, 2048, 2048 }, 5 },
        { MAX_FRAME, { 1536, 1536, 1536, 1536, 1536, 1536, 1536 }, 7 },
        /* Not enough. */
        { 64, { 75 }, 0 },
        { 64, { 12, 63 }, 0 },
        { MAX_FRAME, { 2048, 2048, 2048, 2048 }, 0 },
    };
    struct rte_mempool *pool = fake_mempool_create(3, POOL_ROOM, 0);

    for (size_t i = 0; i < ARRAY_SIZE(cases) * VG_N_SHAPES * N_PLACEMENTS;
         i++) {
        const size_t c = i / VG_N_SHAPES / N_PLACEMENTS;
        const enum vg_shape shape = i / N_PLACEMENTS % VG_N_SHAPES;

        if (shape != VG_BYTES || cases[c].len < 200) {
            merge(pool, i & 1 ? F_VERSION_1 : 0, cases[c].chains, shape,
                  i % N_PLACEMENTS, cases[c].len, cases[c].want);
        }
    }
    merge_later(pool);
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}
