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


/* Tests of virtqueue_dequeue() with guests that behave. */

#include <config.h>

#include "test-virtqueue.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "util.h"

static const uint32_t frame_lens[] = {
    14, 15, 16, 59, 60, 63, 64, 65, 95, 127, 128, 129, 255, 256, 257, 1023,
    1514, 1518, 2048, 9018, MAX_FRAME
};

/* 'n' frames like one another, in one burst. */
static void
dequeue_shape(const struct vq_guest_config *config, enum vg_shape shape,
              enum placement placement, uint32_t len, unsigned int n)
{
    struct rte_mempool *pool = fake_mempool_create(n, POOL_ROOM, 0);
    struct virtqueue_stats expected = { .packets = 0 };
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
    uint8_t *frames = xmalloc(n * len);
    uint16_t heads[VIRTQUEUE_MAX_BURST];
    struct vq_guest g;

    vg_init(&g, config);
    for (unsigned int i = 0; i < n; i++) {
        make_frame(frames + i * len, len);
        expect_frame(&expected, frames + i * len, len);
        heads[i] = post_tx(&g, shape, placement, frames + i * len, len);
    }
    CHECK_EQ(virtqueue_pending(&g.vq), 0);
    vg_publish(&g);
    CHECK_EQ(virtqueue_pending(&g.vq), n);

    /* A call may stop early if there is much to read. */
    unsigned int got = 0;

    vg_snapshot(&g);
    for (unsigned int i = 0; i < n && got < n; i++) {
        got += virtqueue_dequeue(&g.vq, pool, pkts + got,
                                 VIRTQUEUE_MAX_BURST - got);
        forgive(&g);
    }
    if (CHECK_EQ(got, n)) {
        for (unsigned int i = 0; i < n; i++) {
            vg_expect_used(&g, heads[i], 0);
            check_mbuf(pkts[i], frames + i * len, len);
            rte_pktmbuf_free(pkts[i]);
        }
    }
    vg_check(&g);
    CHECK_EQ(virtqueue_pending(&g.vq), 0);
    CHECK_EQ(virtqueue_get_error(&g.vq), VQ_ERR_NONE);
    CHECK(vg_interrupts(&g) > 0);
    expected.notifications = g.stats.notifications;
    check_stats(&g, &expected);

    /* Nothing left. */
    vg_snapshot(&g);
    CHECK_EQ(virtqueue_dequeue(&g.vq, pool, pkts, VIRTQUEUE_MAX_BURST), 0);
    vg_check(&g);
    vg_uninit(&g);
    CHECK_EQ(fake_mempool_destroy(pool), 0);
    free(frames);
}

void
test_dequeue(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    static const uint64_t features[] = {
        0, F_VERSION_1, F_MRG_RXBUF, F_VERSION_1 | F_MRG_RXBUF | F_EVENT_IDX
    };
    const uint16_t odd = vg_features & F_PACKED ? 1 : 0;
    const uint16_t sizes[] = { 1, 2 + odd, 8 - odd, 128 + odd, 16384 - odd };

    for (size_t i = 0; i < ARRAY_SIZE(sizes) * ARRAY_SIZE(frame_lens)
                           * N_PLACEMENTS * VG_N_SHAPES; i++) {
        const enum vg_shape shape = i % VG_N_SHAPES;
        const enum placement placement = i / VG_N_SHAPES % N_PLACEMENTS;
        const uint32_t len = frame_lens[i / VG_N_SHAPES / N_PLACEMENTS
                                        % ARRAY_SIZE(frame_lens)];
        const uint16_t size = sizes[i / VG_N_SHAPES / N_PLACEMENTS
                                    / ARRAY_SIZE(frame_lens)];
        const struct vq_guest_config config = {
            .features = features[i % ARRAY_SIZE(features)] | F_INDIRECT,
            .arena = len < 1000 ? 128 * 1024 : 1024 * 1024,
            .size = size,
            .start = i % 3 ? 65535 : i * 977,
            .n_regions = i % 5 ? 1 : 8,
        };
        const uint8_t hdr_len = config.features & (F_VERSION_1 | F_MRG_RXBUF)
                                ? 12 : 10;
        const unsigned int n_bufs = vg_count(shape, hdr_len, hdr_len + len);
        const unsigned int n_ring = placement_ring(placement, n_bufs);
        const unsigned int n_table = n_bufs - placement_direct(placement,
                                                               n_bufs);

        if (n_ring > size || n_table > size
            || !placement_allowed(placement, n_bufs)) {
            continue;
        }
        check_context("case %"PRIuSIZE": %"PRIu32" bytes, %s, %s, ring of "
                      "%"PRIu16", features %#"PRIx64, i, len,
                      vg_shape_name(shape), placement_names[placement],
                      size, config.features);
        dequeue_shape(&config, shape, placement, len,
                      MIN(3, size / n_ring));
    }
}

/* A ring that is kept as full as it gets, for longer than the index lasts. */
static void
dequeue_stream(uint16_t size, unsigned int max, uint64_t features)
{
    const struct vq_guest_config config = {
        .features = features,
        .size = size,
        .start = 65536 - 2 * MIN(size, 1000) - 7,
    };
    const unsigned int n_total = 4 * MIN(size, 16384) + 100;
    struct rte_mempool *pool = fake_mempool_create(64, POOL_ROOM, 0);
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
    unsigned int n_posted = 0;
    unsigned int n_received = 0;
    struct vg_buf buf = { .len = 60 + 12 };
    uint32_t used_len;
    struct vq_guest g;
    uint16_t head;

    vg_init(&g, &config);
    /* Frames carry their number in the last bytes. */
    const unsigned int n_bufs = MIN(size, 700);
    uint64_t *bufs = xcalloc(n_bufs, sizeof *bufs);

    for (unsigned int i = 0; i < n_bufs; i++) {
        bufs[i] = vg_alloc(&g, buf.len);
        memset(vg_ptr(&g, bufs[i]), 0, buf.len);
    }
    while (n_received < n_total) {
        while (g.n_free && n_posted < n_received + n_bufs
               && n_posted < n_total) {
            buf.gpa = bufs[n_posted % n_bufs];
            memcpy(vg_ptr(&g, buf.gpa + buf.len - sizeof n_posted),
                   &n_posted, sizeof n_posted);
            vg_post(&g, &buf, 1, 1, 0);
            n_posted++;
        }
        vg_publish(&g);

        const unsigned int n = virtqueue_dequeue(&g.vq, pool, pkts, max);

        if (!CHECK_EQ(n, MIN(MIN(max, VIRTQUEUE_MAX_BURST),
                             n_posted - n_received))) {
            break;
        }
        for (unsigned int i = 0; i < n; i++, n_received++) {
            unsigned int number;

            memcpy(&number, rte_pktmbuf_mtod_offset(pkts[i], void *,
                                                    60 - sizeof number),
                   sizeof number);
            CHECK_EQ(number, n_received);
            CHECK(vg_get_used(&g, &head, &used_len));
            rte_pktmbuf_free(pkts[i]);
        }
        CHECK(!vg_get_used(&g, &head, &used_len));
    }
    CHECK_EQ(g.stats.packets, n_total);
    CHECK_EQ(g.n_free, size);
    free(bufs);
    vg_uninit(&g);
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}

/* A pool that runs dry: frames wait. */
static void
dequeue_without_mbufs(void)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1,
        .size = 64,
    };
    struct rte_mempool *pool = fake_mempool_create(40, POOL_ROOM, 0);
    struct virtqueue_stats expected = { .packets = 0 };
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
    uint8_t frames[40][60];
    struct vq_guest g;
    unsigned int n = 0;

    vg_init(&g, &config);
    for (int i = 0; i < 40; i++) {
        make_frame(frames[i], sizeof frames[i]);
        post_tx(&g, VG_ONE, DIRECT, frames[i], sizeof frames[i]);
    }
    vg_publish(&g);

    fake_mempool_drain(pool, 0);
    vg_snapshot(&g);
    CHECK_EQ(virtqueue_dequeue(&g.vq, pool, pkts, 32), 0);
    expected.errors[VQ_ERR_NO_MBUF] = 1;
    vg_check(&g);
    check_stats(&g, &expected);
    fake_mempool_refill(pool);

    fake_mempool_drain(pool, 5);
    while (n < 40) {
        const unsigned int got = virtqueue_dequeue(&g.vq, pool, pkts, 32);

        CHECK(got >= 1 && got <= 5);
        if (got < MIN(32, 40 - n)) {
            expected.errors[VQ_ERR_NO_MBUF]++;
        }
        for (unsigned int i = 0; i < got; i++) {
            expect_frame(&expected, frames[n], sizeof frames[n]);
            check_mbuf(pkts[i], frames[n], sizeof frames[n]);
            rte_pktmbuf_free(pkts[i]);
            n++;
        }
        if (!got) {
            break;
        }
    }
    fake_mempool_refill(pool);
    CHECK(vg_interrupts(&g) > 0);
    expected.notifications = g.stats.notifications;
    check_stats(&g, &expected);
    vg_uninit(&g);
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}

void
test_dequeue_burst(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    const unsigned int odd = vg_features & F_PACKED ? 1 : 0;

    for (unsigned int i_size = 0; 1 << i_size <= VIRTQUEUE_MAX_SIZE;
         i_size++) {
        const unsigned int size = (1 << i_size) - (i_size ? odd : 0);
        static const unsigned int max[] = { 1, 7, 32, 1000 };

        for (size_t i = 0; i < ARRAY_SIZE(max); i++) {
            check_context("ring of %u, bursts of %u", size, max[i]);
            dequeue_stream(size, max[i],
                           F_VERSION_1 | (i & 1 ? F_EVENT_IDX : 0));
        }
    }
    check_context("without mbufs");
    dequeue_without_mbufs();
}
