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
 * Split rings only; packed ones, which have variants too, are still to come.
 *
 * Thread-safety: none; one thread. */

#include <config.h>

#include "test-virtqueue.h"

#include <stdlib.h>
#include <string.h>

#include "random.h"
#include "util.h"

#define MAX_VARIANTS 8

/* Few buffers, so that they run out at times. */
#define N_MBUFS 48
#define ROOM (RTE_PKTMBUF_HEADROOM + 2048)

/* Frames of a call for the guest to receive: more than a batch. */
#define MAX_SENT 40

#define STEPS 12

/* Descriptors behind the end of the ring, as good as others. */
#define MAX_ODD 3

/* A variant, with its guest and its frames. */
struct subject {
    const char *name;
    struct vq_guest g;
    struct rte_mempool *pool;
    struct rte_mbuf *held[N_MBUFS]; /* Frames that are still out... */
    unsigned int n_held;
    unsigned int n_new;         /* ...of which these came last. */
    unsigned int result;        /* Of the latest call. */
    uint16_t head;              /* The next in turn... */
    uint16_t odd;               /* ...of which so many are not good. */
};

/* Frames without a checksum that were compared. */
static unsigned int n_flagged;

static bool
one_in(unsigned int n)
{
    return !random_range(n);
}

/* Lengths of frames: about where something changes, and any. */
static uint32_t
random_frame_len(void)
{
    static const uint16_t edges[] = {
        31, 32, 60, 63, 64, 65, 127, 128, 255, 256, 511, 512, 1023, 1024, 1500,
        1518, 1519, 2048, 2049
    };

    if (one_in(3)) {
        return edges[random_range(ARRAY_SIZE(edges))];
    }
    return one_in(4) ? random_range(2100) : 60 + random_range(10);
}

static uint32_t
random_buffer_len(const struct vq_guest *g, bool receives)
{
    if (one_in(60)) {
        const uint32_t odd[] = { 0, 1, 12, UINT32_MAX, UINT32_MAX - 11 };

        return odd[random_range(ARRAY_SIZE(odd))];
    }
    if (receives && !one_in(10)) {
        return g->hdr_len + 2048;
    }
    /* Also what is a byte too short for a frame. */
    return g->hdr_len + (one_in(30) ? 12 + random_range(3)
                         : random_frame_len());
}

/* An address behind the ring, often good for 'len' bytes: where regions end
 * and begin as well. */
static uint64_t
random_gpa(const struct vq_guest *g, uint32_t len)
{
    const struct guest_region *r
        = &g->map->regions[one_in(4) ? random_range(g->map->n_regions) : 0];
    const uint64_t first = MAX(r->gpa, g->arena);
    const uint64_t end = r->gpa + r->size;

    if (one_in(100)) {
        const uint64_t odd[] = { 0, UINT64_MAX, UINT64_MAX - len + 1,
                                 end + (1 << 30), r->gpa - 1 };
        const uint64_t gpa = odd[random_range(ARRAY_SIZE(odd))];

        /* Nobody says what comes of frames that overwrite the ring. */
        return gpa < g->arena && gpa + len > r->gpa ? UINT64_MAX : gpa;
    }
    if (len > end - first) {
        return first;
    }
    if (one_in(20)) {
        return end - len + (one_in(3) ? 1 + random_range(20) : 0);
    }
    return first + random_range(end - first - len + 1);
}

/* Has the frame at 'd', which is ours at 'p', have a UDP packet without a
 * checksum, or nearly. */
static void
random_request(const struct vq_guest *g, const struct vring_desc *d,
               uint8_t *p)
{
    const struct virtio_net_hdr hdr = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .csum_start = 34 + (one_in(5) ? 2 * random_range(10) : 0),
        .csum_offset = 6,
    };
    const uint32_t len = d->len - g->hdr_len - 14;
    const uint8_t frame[14 + 20 + 8] = {
        [12] = 8, [14] = 0x45, [16] = len >> 8, [17] = len,
        [23] = one_in(5) ? random_uint8() : IPPROTO_UDP,
        [38] = (len - 20) >> 8, [39] = len - 20,
    };
    uint64_t left = g->hdr_len + sizeof frame;
    unsigned int hint = 0;

    if (guest_memory_translate_part(g->map, d->addr, &left, &hint) == p
        && left == g->hdr_len + sizeof frame) {
        memset(p, 0, g->hdr_len);
        memcpy(p, &hdr, sizeof hdr);
        memcpy(p + g->hdr_len, frame, sizeof frame);
    }
}

/* Writes a descriptor at 'd', for tables too. */
static void
random_desc(const struct vq_guest *g, struct vring_desc *d, uint16_t size,
            bool receives, bool plain)
{
    d->len = random_buffer_len(g, receives);
    d->addr = random_gpa(g, d->len);
    d->flags = receives ? VRING_DESC_F_WRITE : 0;
    d->next = random_range(size + (one_in(50) ? 3 : 0));
    if (!plain) {
        if (one_in(15)) {
            d->flags |= VRING_DESC_F_NEXT;
        }
        if (one_in(40)) {
            d->flags ^= VRING_DESC_F_WRITE;
        }
        if (one_in(100)) {
            d->flags |= random_uint16() & ~VRING_DESC_F_INDIRECT;
        }
    }

    /* A header, and who it is for. */
    uint64_t left = 32;
    unsigned int hint = 0;
    uint8_t *p = guest_memory_translate_part(g->map, d->addr, &left, &hint);

    if (p && left == 32 && d->addr >= g->arena) {
        if (!one_in(20)) {
            memset(p, 0, g->hdr_len);
        } else {
            p[random_range(g->hdr_len)] = random_uint8();
        }
        if (one_in(10)) {
            memset(p + g->hdr_len, one_in(2) ? 0xff : 0x01, 6);
        }
        if (!receives && one_in(6)) {
            random_request(g, d, p);
        }
    }
}

/* Makes an indirect table of descriptor 'd'. */
static void
random_table(const struct vq_guest *g, struct vring_desc *d, bool receives)
{
    const uint32_t n = 1 + random_range(4);
    const uint32_t len = n * sizeof *d;
    const uint64_t gpa = random_gpa(g, len);
    unsigned int hint = 0;
    uint8_t *table = guest_memory_translate(g->map, gpa, len, &hint);

    for (uint32_t i = 0; table && gpa >= g->arena && i < n; i++) {
        struct vring_desc e;

        random_desc(g, &e, n, receives, true);
        e.flags |= i + 1 < n ? VRING_DESC_F_NEXT : 0;
        e.next = one_in(30) ? random_range(n + 2) : i + 1;
        memcpy(table + i * sizeof e, &e, sizeof e);
    }
    d->addr = gpa;
    d->len = len + (one_in(30) ? 1 : 0);
    d->flags = VRING_DESC_F_INDIRECT;
}

/* Offers up to 'max' chains, 'plain' ones, or any. */
static void
offer(struct subject *s, unsigned int max, bool receives, bool plain,
      bool in_turn)
{
    struct vq_guest *g = &s->g;
    const uint16_t size = g->config.size;
    unsigned int n = random_range(max + 1);

    for (unsigned int i = 0; i < n; i++) {
        /* At times the turn goes on behind the end. */
        uint16_t head = s->head++ % (size + (plain || size < 8 ? 0 : s->odd));

        if (head < size && !in_turn && one_in(3)) {
            head = random_range(size);
        }
        random_desc(g, &g->desc[head], size, receives, plain);
        if (!plain && one_in(20)) {
            random_table(g, &g->desc[head], receives);
        }
        if (!plain && one_in(200)) {
            head = size + random_range(MAX_ODD);
        }
        g->avail->ring[g->avail_idx++ & (size - 1)] = head;
    }
    if (!plain && one_in(500)) {
        g->avail_idx += size;
    }
    g->avail->idx = g->avail_idx;
}

/* The switch takes frames, and gives some back. */
static void
take(struct subject *s)
{
    const unsigned int max = one_in(3) ? 1 + random_range(32) : 32;
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];

    while ((s->n_held && one_in(2))
           || (s->n_held && !one_in(20))) {
        rte_pktmbuf_free(s->held[--s->n_held]);
    }
    s->result = virtqueue_dequeue(&s->g.vq, s->pool, pkts, max);
    memcpy(&s->held[s->n_held], pkts, s->result * sizeof *pkts);
    s->n_held += s->result;
    s->n_new = s->result;
}

/* The switch sends frames. */
static void
give(struct subject *s)
{
    const unsigned int n = one_in(3) ? 1 + random_range(MAX_SENT) : 32;
    struct rte_mbuf *pkts[MAX_SENT];
    unsigned int n_made = 0;

    while (n_made < n && fake_mempool_count(s->pool) >= 3) {
        const uint32_t any = random_frame_len();
        const uint32_t len = any < 14 ? 14 : MIN(any, 2048);
        uint8_t frame[2048];

        make_frame(frame, len);
        if (one_in(10)) {
            memset(frame, one_in(2) ? 0xff : 0x01, 6);
        }

        struct rte_mbuf *m = make_mbuf(s->pool, frame, len,
                                       one_in(10) ? 1 + random_range(3) : 1);

        if (one_in(4)) {
            m->ol_flags = (RTE_MBUF_F_TX_TCP_CKSUM * random_range(4)
                           | (one_in(2) ? RTE_MBUF_F_RX_L4_CKSUM_GOOD : 0));
            m->tx_offload = random_uint16();
        }
        pkts[n_made++] = m;
    }
    s->result = virtqueue_enqueue(&s->g.vq, pkts, n_made);
    rte_pktmbuf_free_bulk(pkts, n_made);
}

/* Compares 's' with the first subject. */
static bool
is_same(const struct subject *first, const struct subject *s)
{
    const struct vq_guest *a = &first->g;
    const struct vq_guest *b = &s->g;
    bool same = (CHECK_EQ(s->result, first->result)
                 && CHECK_EQ(virtqueue_get_error(&b->vq),
                             virtqueue_get_error(&a->vq))
                 && CHECK_EQ(b->vq.last_used, a->vq.last_used)
                 && CHECK_EQ(b->vq.last_avail, a->vq.last_avail)
                 && CHECK_EQ(b->vq.exhausted, a->vq.exhausted)
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

/* Moves the descriptors to where there can be some behind the last. */
static void
move_descriptors(struct vq_guest *g)
{
    g->desc = vg_ptr(g, g->arena);
    g->arena += (g->config.size + MAX_ODD) * sizeof *g->desc;
    vg_restart(g);
}

/* Has all of 'subjects' live the same life, which 'seed' tells. */
static bool
live(struct subject *subjects, unsigned int n, unsigned int seed,
     struct virtqueue_stats *sum)
{
    struct vq_guest_config config = { .arena = 64 * 1024 };

    random_set_seed(seed + 1);

    const bool receives = one_in(2);
    const bool plain = one_in(3);
    const bool in_turn = one_in(2);
    const uint16_t odd = one_in(4) ? 1 + random_range(MAX_ODD) : 0;

    config.size = 1 << (one_in(4) ? random_range(9) : 5 + random_range(3));
    config.start = one_in(2) ? random_uint16() : -random_range(64);
    config.n_regions = one_in(3) ? 3 : 1;
    config.log = one_in(3);
    config.features = (one_in(2) ? F_VERSION_1 : 0)
                      | (one_in(2) ? F_MRG_RXBUF : 0)
                      | (one_in(2) ? F_EVENT_IDX : 0)
                      | (one_in(5) ? 0 : F_INDIRECT)
                      | (one_in(3) ? F_IN_ORDER : 0)
                      | (one_in(3) ? 0 : F_CSUM)
                      | (one_in(2) ? F_GUEST_CSUM : 0);

    uint8_t *arena = xmalloc(config.arena);

    random_bytes(arena, config.arena);
    for (unsigned int i = 0; i < n; i++) {
        struct subject *s = &subjects[i];
        char *error = virtqueue_set_variant(s->name);

        ovs_assert(!error);
        vg_init(&s->g, &config);
        ovs_assert(!strcmp(virtqueue_get_variant(), s->name));
        memcpy(vg_ptr(&s->g, s->g.arena), arena, config.arena);
        move_descriptors(&s->g);
        s->pool = fake_mempool_create(N_MBUFS, ROOM, 0);
        s->n_held = s->n_new = s->head = 0;
        s->odd = odd;
    }
    free(arena);

    bool same = true;

    for (unsigned int step = 0; same && step < STEPS; step++) {
        check_context("seed %u, step %u, %s, %s", seed, step,
                      receives ? "receives" : "transmits",
                      plain ? "plain chains" : "any chains");
        for (unsigned int i = 0; i < n; i++) {
            struct subject *s = &subjects[i];
            struct vq_guest *g = &s->g;

            random_set_seed(seed * STEPS + step + 1);
            if (virtqueue_get_error(&g->vq)) {
                vg_restart(g);
                g->avail_idx = g->used->idx;
            }

            const uint16_t waiting = g->avail_idx - g->used->idx;

            offer(s, g->config.size - MIN(waiting, g->config.size),
                  receives, plain, in_turn);
            (receives ? give : take)(s);
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
            const struct virtqueue_stats *stats = &s->g.stats;

            sum->packets += stats->packets;
            sum->multicast += stats->multicast;
            sum->broadcast += stats->broadcast;
            for (int j = 0; j < VQ_N_BINS; j++) {
                sum->bins[j] += stats->bins[j];
            }
            for (int j = 0; j < VQ_N_ERRORS; j++) {
                sum->errors[j] += stats->errors[j];
            }
        }
        vg_uninit(&s->g);
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
    for (int i = 0; i < VQ_N_BINS; i++) {
        CHECK(sum.bins[i] > 0);
    }
    for (int i = VQ_ERR_NONE + 1; i < VQ_N_ERRORS; i++) {
        if (i != VQ_ERR_FAULT && !CHECK(sum.errors[i] > 0)) {
            printf("... no error \"%s\"\n", virtqueue_error_text(i));
        }
    }
}
