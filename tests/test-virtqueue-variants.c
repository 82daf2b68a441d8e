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


/* Do all variants of the engine's functions do the same?  Each has a guest of
 * its own, all of which do the same in random ways, good and bad; after each
 * step everything that can be seen is compared with what the first variant,
 * the scalar one, did: all of the guest's memory with its ring, frames,
 * statistics, the dirty log, what is left in the pool.
 *
 * Thread-safety: none; one thread. */

#include <config.h>

#include "test-virtqueue.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "util.h"
#include "wild-guest.h"

#define MAX_VARIANTS 8

/* Few buffers, so that they run out at times. */
#define N_MBUFS 48
#define ROOM (RTE_PKTMBUF_HEADROOM + 2048)

/* Frames of a call for the guest to receive: more than a batch. */
#define MAX_SENT 40

#define STEPS 12

/* A variant, with its guest and its frames. */
struct subject {
    const char *name;
    struct wild_guest wild;
    struct rte_mempool *pool;
    struct rte_mbuf *held[N_MBUFS]; /* Frames that are still out... */
    unsigned int n_held;
    unsigned int n_new;         /* ...of which these came last. */
    unsigned int result;        /* Of the latest call. */
};

/* Frames without a checksum that were compared. */
static unsigned int n_flagged;

/* The switch takes frames, and gives some back. */
static void
take(struct subject *s)
{
    const unsigned int max = wild_one_in(3) ? 1 + random_range(32) : 32;
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];

    while ((s->n_held && wild_one_in(2))
           || (s->n_held && !wild_one_in(20))) {
        rte_pktmbuf_free(s->held[--s->n_held]);
    }
    s->result = virtqueue_dequeue(&s->wild.g.vq, s->pool, pkts, max);
    memcpy(&s->held[s->n_held], pkts, s->result * sizeof *pkts);
    s->n_held += s->result;
    s->n_new = s->result;
}

/* The switch sends frames. */
static void
give(struct subject *s)
{
    const unsigned int n = wild_one_in(3) ? 1 + random_range(MAX_SENT) : 32;
    struct rte_mbuf *pkts[MAX_SENT];
    unsigned int n_made = 0;

    while (n_made < n && fake_mempool_count(s->pool) >= 3) {
        const uint32_t any = wild_frame_len();
        const uint32_t len = any < 14 ? 14 : MIN(any, 2048);
        uint8_t frame[2048];

        make_frame(frame, len);
        if (wild_one_in(10)) {
            memset(frame, wild_one_in(2) ? 0xff : 0x01, 6);
        }

        struct rte_mbuf *m = make_mbuf(s->pool, frame, len,
                                       wild_one_in(10)
                                       ? 1 + random_range(3) : 1);

        if (wild_one_in(4)) {
            m->ol_flags = (RTE_MBUF_F_TX_TCP_CKSUM * random_range(4)
                           | (wild_one_in(2) ? RTE_MBUF_F_RX_L4_CKSUM_GOOD
                              : 0));
            m->tx_offload = random_uint16();
        }
        pkts[n_made++] = m;
    }
    s->result = virtqueue_enqueue(&s->wild.g.vq, pkts, n_made);
    rte_pktmbuf_free_bulk(pkts, n_made);
}

/* Compares 's' with the first subject. */
static bool
is_same(const struct subject *first, const struct subject *s)
{
    const struct vq_guest *a = &first->wild.g;
    const struct vq_guest *b = &s->wild.g;
    bool same = (CHECK_EQ(s->result, first->result)
                 && CHECK_EQ(virtqueue_get_error(&b->vq),
                             virtqueue_get_error(&a->vq))
                 && CHECK_EQ(virtqueue_pending(&b->vq),
                             virtqueue_pending(&a->vq))
                 && CHECK_EQ(b->vq.last_used, a->vq.last_used)
                 && CHECK_EQ(b->vq.last_avail, a->vq.last_avail)
                 && CHECK_EQ(b->vq.exhausted, a->vq.exhausted)
                 && CHECK_EQ(b->vq.n_rests, a->vq.n_rests)
                 && CHECK_EQ(s->n_held, first->n_held)
                 && CHECK_EQ(fake_mempool_count(s->pool),
                             fake_mempool_count(first->pool))
                 && CHECK_MEM(&b->stats, &a->stats, sizeof a->stats));

    if (memcmp(a->mem, b->mem, a->mem_size)) {
        same = CHECK_MEM(b->mem, a->mem, a->mem_size);
    }
    if (a->log) {
        same = CHECK_MEM(b->log->bitmap, a->log->bitmap, a->log->size) && same;
    }
    for (unsigned int i = s->n_held - s->n_new; same && i < s->n_held; i++) {
        const struct rte_mbuf *m = first->held[i];

        check_offload_mbuf(s->held[i], rte_pktmbuf_mtod(m, uint8_t *),
                           m->pkt_len, m->ol_flags);
        check_offload_mbuf(m, rte_pktmbuf_mtod(m, uint8_t *), m->pkt_len,
                           m->ol_flags & RTE_MBUF_F_TX_L4_MASK);
        n_flagged += m->ol_flags != 0;
    }
    return same && !check_n_failed;
}

/* Has all of 'subjects' live the same life, which 'seed' tells. */
static bool
live(struct subject *subjects, unsigned int n, unsigned int seed,
     struct virtqueue_stats *sum)
{
    struct wild_manners manners;

    random_set_seed(seed + 1);
    wild_manners_init(&manners);

    uint8_t *arena = xmalloc(manners.config.arena);

    random_bytes(arena, manners.config.arena);
    for (unsigned int i = 0; i < n; i++) {
        struct subject *s = &subjects[i];
        char *error = virtqueue_set_variant(s->name);

        ovs_assert(!error);
        wild_guest_init(&s->wild, &manners, arena);
        ovs_assert(!strcmp(virtqueue_get_variant(), s->name));
        s->pool = fake_mempool_create(N_MBUFS, ROOM, 0);
        s->n_held = s->n_new = 0;
    }
    free(arena);

    bool same = true;

    for (unsigned int step = 0; same && step < STEPS; step++) {
        check_context("seed %u, step %u, %s, %s", seed, step,
                      manners.receives ? "receives" : "transmits",
                      manners.plain ? "plain chains" : "any chains");
        for (unsigned int i = 0; i < n; i++) {
            struct subject *s = &subjects[i];

            random_set_seed(seed * STEPS + step + 1);
            wild_guest_offer(&s->wild);
            (manners.receives ? give : take)(s);
            if (i) {
                same = same && is_same(&subjects[0], s);
                if (!same) {
                    printf("... with variant %s\n", s->name);
                    break;
                }
            }
        }
    }
    for (unsigned int i = 0; i < n; i++) {
        struct subject *s = &subjects[i];

        rte_pktmbuf_free_bulk(s->held, s->n_held);
        if (!i) {
            const struct virtqueue_stats *stats = &s->wild.g.stats;

            sum->packets += stats->packets;
            sum->multicast += stats->multicast;
            sum->broadcast += stats->broadcast;
            sum->notifications += stats->notifications;
            for (int j = 0; j < VQ_N_BINS; j++) {
                sum->bins[j] += stats->bins[j];
            }
            for (int j = 0; j < VQ_N_ERRORS; j++) {
                sum->errors[j] += stats->errors[j];
            }
        }
        vg_uninit(&s->wild.g);
        same = CHECK_EQ(fake_mempool_destroy(s->pool), 0) && same;
    }
    return same;
}

/* Usage: compare-variants [FIRST-SEED [LIVES]]. */
void
test_compare_variants(int argc, char *argv[])
{
    const unsigned int first = argc > 1 ? atoi(argv[1]) : 0;
    const unsigned int n_lives = argc > 2 ? atoi(argv[2]) : 2000;
    struct virtqueue_stats sum = { .packets = 0 };
    struct subject subjects[MAX_VARIANTS];
    unsigned int n = 0;

    for (const char *name; (name = virtqueue_variant_name(n)); n++) {
        ovs_assert(n < MAX_VARIANTS);
        memset(&subjects[n], 0, sizeof subjects[n]);
        subjects[n].name = name;
    }
    for (unsigned int i = 0; i < n_lives; i++) {
        if (!live(subjects, n, first + i, &sum)) {
            return;
        }
    }

    /* Everything there is was compared. */
    check_context("what happened");
    CHECK(sum.packets > n_lives);
    CHECK(n_flagged > n_lives);
    CHECK(sum.multicast > 0);
    CHECK(sum.broadcast > 0);
    CHECK(sum.notifications > 0);
    for (int i = 0; i < VQ_N_BINS; i++) {
        CHECK(sum.bins[i] > 0);
    }
    for (int i = 0; i < VQ_N_ERRORS; i++) {
        if (can_have_error(i) && !CHECK(sum.errors[i] > 0)) {
            printf("... no error \"%s\"\n", virtqueue_error_text(i));
        }
    }
}
