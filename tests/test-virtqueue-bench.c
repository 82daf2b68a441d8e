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


/* Measures the virtqueue engine by itself: cycles for a frame to be taken from
 * one ring and put into another, with guests in the same thread, so that all
 * of it is in this core's caches.  Not a test.
 *
 * Usage: bench [ROUNDS]. */

#include <config.h>

#include "test-virtqueue.h"

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <stdlib.h>
#include <string.h>

#include "util.h"

/* Bursts measured.  The median is what counts: others use the machine too. */
#define SAMPLES 20001

/* Empty polls that are measured together. */
#define POLLS 100

static int
compare_doubles(const void *a_, const void *b_)
{
    const double *a = a_;
    const double *b = b_;

    return *a < *b ? -1 : *a > *b;
}

static double
median(double *values, size_t n)
{
    qsort(values, n, sizeof *values, compare_doubles);
    return values[n / 2];
}

/* Offers again what is in the rings: the first 'n' chains in order. */
static void
offer_again(struct vq_guest *g, const struct vring_desc saved[],
            unsigned int n, unsigned int n_ring)
{
    if (g->packed) {
        const uint16_t owner = ((1 << VRING_PACKED_DESC_F_AVAIL)
                                | (1 << VRING_PACKED_DESC_F_USED));
        uint16_t idx = g->vq.last_avail;

        for (unsigned int i = 0; i < n * n_ring; i++) {
            const uint16_t slot = idx & 0x7fff;

            memcpy(&g->ring[slot], &saved[slot], sizeof saved[slot]);
            g->ring[slot].flags = (g->ring[slot].flags & ~owner)
                                  | vg_avail_flags(idx);
            idx = vg_advance(g, idx, 1);
        }
        return;
    }
    g->avail_idx += n;
    __atomic_store_n(&g->avail->idx, g->avail_idx, __ATOMIC_RELEASE);
}

static void
bench(const char *name, uint64_t features, enum vg_shape shape,
      enum placement placement, uint32_t len, unsigned int burst)
{
    const struct vq_guest_config config = {
        .features = features | F_VERSION_1 | F_INDIRECT,
        .size = 256,
        .arena = 1024 * 1024,
    };
    struct rte_mempool *pool = fake_mempool_create(512, 2176, 256);
    static double take[SAMPLES], give[SAMPLES];
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
    uint8_t *frame = xzalloc(len);
    struct vq_guest tx, rx;
    struct vg_buf bufs[64];
    unsigned int n;

    vg_init(&tx, &config);
    vg_init(&rx, &config);
    vg_set_interrupts(&tx, false);
    vg_set_interrupts(&rx, false);
    /* The rings hold as many chains as they can, and repeat. */
    do {
        post_tx(&tx, shape, placement, frame, len);
        n = vg_cut(&rx, shape, 12 + len, bufs);
        vg_post(&rx, bufs, n, placement_direct(placement, n),
                VRING_DESC_F_WRITE);
    } while (tx.n_free >= placement_ring(placement, n));

    const unsigned int n_chains = tx.avail_idx;
    const unsigned int n_ring = placement_ring(placement, n);
    struct vring_desc tx_saved[256], rx_saved[256];

    memcpy(tx_saved, tx.desc, sizeof tx_saved);
    memcpy(rx_saved, rx.desc, sizeof rx_saved);
    if (!tx.packed) {
        for (unsigned int i = n_chains; i < 256; i++) {
            tx.avail->ring[i] = tx.avail->ring[i % n_chains];
            rx.avail->ring[i] = rx.avail->ring[i % n_chains];
        }
        tx.avail_idx = rx.avail_idx = 0;
    }

    for (int i = 0; i < SAMPLES; i++) {
        offer_again(&tx, tx_saved, burst, n_ring);
        offer_again(&rx, rx_saved, burst, n_ring);

        const uint64_t start = rte_rdtsc();
        const unsigned int got = virtqueue_dequeue(&tx.vq, pool, pkts, burst);
        const uint64_t middle = rte_rdtsc();
        const unsigned int put = virtqueue_enqueue(&rx.vq, pkts, got);
        const uint64_t end = rte_rdtsc();

        ovs_assert(got == burst && put == burst);
        rte_pktmbuf_free_bulk(pkts, got);
        take[i] = (double) (middle - start) / burst;
        give[i] = (double) (end - middle) / burst;
    }

    const double t = median(take, SAMPLES);
    const double g = median(give, SAMPLES);

    printf("%-24s %5"PRIu32" B, burst %2u: dequeue %6.1f  enqueue %6.1f  "
           "both %6.1f\n", name, len, burst, t, g, t + g);
    vg_uninit(&tx);
    vg_uninit(&rx);
    fake_mempool_destroy(pool);
    free(frame);
}

/* A poll that finds nothing. */
static void
bench_idle(void)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1,
        .size = 256,
    };
    struct rte_mempool *pool = fake_mempool_create(32, 2176, 0);
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
    static double idle[SAMPLES];
    struct vq_guest g;

    vg_init(&g, &config);
    for (int i = 0; i < SAMPLES; i++) {
        const uint64_t start = rte_rdtsc();

        for (int j = 0; j < POLLS; j++) {
            virtqueue_dequeue(&g.vq, pool, pkts, VIRTQUEUE_MAX_BURST);
        }
        idle[i] = (double) (rte_rdtsc() - start) / POLLS;
    }
    printf("%-24s %34.1f\n", "idle poll", median(idle, SAMPLES));
    vg_uninit(&g);
    fake_mempool_destroy(pool);
}

void
test_bench(int argc, char *argv[])
{
    const int rounds = argc > 1 ? atoi(argv[1]) : 1;

    /* A cache needs an lcore, and only one thread here gets buffers. */
    RTE_PER_LCORE(_lcore_id) = 0;
    for (int i = 0; i < rounds; i++) {
        bench("one buffer", 0, VG_ONE, DIRECT, 64, 32);
        bench("one buffer", 0, VG_ONE, DIRECT, 64, 4);
        bench("one buffer", 0, VG_ONE, DIRECT, 64, 1);
        bench("one buffer, event_idx", F_EVENT_IDX, VG_ONE, DIRECT, 64, 32);
        bench("one buffer, mergeable", F_MRG_RXBUF, VG_ONE, DIRECT, 64, 32);
        bench("header and data", 0, VG_SEPARATE, DIRECT, 64, 32);
        bench("header and data, table", 0, VG_SEPARATE, INDIRECT, 64, 32);
        bench("one buffer", 0, VG_ONE, DIRECT, 256, 32);
        bench("one buffer", 0, VG_ONE, DIRECT, 1500, 32);
        bench("header and data", 0, VG_SEPARATE, DIRECT, 1500, 32);
        bench_idle();
    }
}
