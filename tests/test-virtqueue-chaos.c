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


/* Tests of the virtqueue engine with much at random: frames of all shapes
 * there and back again, a guest that changes its memory at the same time, and
 * memory that goes away. */

#include <config.h>

#include "test-virtqueue.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "packets.h"
#include "random.h"
#include "util.h"

/* Descriptors of the ring left for the frames in flight at a time. */
#define IN_FLIGHT 40

struct flight {
    uint8_t *frame;
    uint32_t len;
};

/* A guest that receives: what it posted, by head. */
struct receiver {
    struct vq_guest g;
    struct vg_buf *bufs[VIRTQUEUE_MAX_SIZE];
    unsigned int n_bufs[VIRTQUEUE_MAX_SIZE];
};

static struct vq_guest_config
random_config(void)
{
    static const uint64_t features[] = {
        F_VERSION_1, F_MRG_RXBUF, F_INDIRECT, F_EVENT_IDX
    };
    struct vq_guest_config config = {
        .arena = 8 * 1024 * 1024,
        .size = (1 << (6 + random_range(10))) - (vg_features & F_PACKED
                                                 ? random_range(10) : 0),
        .start = random_uint16(),
        .n_regions = 1 + random_range(8),
        .log = !random_range(4),
    };

    for (size_t i = 0; i < ARRAY_SIZE(features); i++) {
        config.features |= random_range(2) ? features[i] : 0;
    }
    return config;
}

/* Some way to cut 'total' bytes to at most 'max' buffers that the ring of 'g'
 * can take now. */
static unsigned int
random_cut(struct vq_guest *g, uint32_t total, unsigned int max,
           struct vg_buf bufs[], unsigned int *n_direct)
{
    const bool indirect = g->config.features & F_INDIRECT;

    for (;;) {
        const uint64_t arena = g->arena_next;
        const unsigned int n = vg_cut(g, random_range(VG_N_SHAPES), total,
                                      bufs);

        *n_direct = indirect ? random_range(n + 1) : n;

        const unsigned int n_ring = *n_direct + (*n_direct < n);

        if (n <= MIN(g->config.size, max)
            && n_ring <= MAX(g->n_free / IN_FLIGHT, 1)
            && n_ring <= g->n_free) {
            return n;
        }
        g->arena_next = arena;
    }
}

static uint32_t
random_len(void)
{
    switch (random_range(4)) {
    case 0:
        return 60;
    case 1:
        return ETH_HEADER_LEN + random_range(200);
    case 2:
        return ETH_HEADER_LEN + random_range(2000);
    default:
        return ETH_HEADER_LEN + random_range(MAX_FRAME - ETH_HEADER_LEN + 1);
    }
}

/* Takes back what 'r' received and compares it with 'flights'.  Returns how
 * many frames there are. */
static unsigned int
receive(struct receiver *r, const struct flight flights[])
{
    struct vq_guest *g = &r->g;
    static uint8_t data[MAX_FRAME + 12];
    unsigned int n = 0;
    uint32_t used_len;
    uint16_t head;

    while (vg_get_used(g, &head, &used_len)) {
        const struct flight *f = &flights[n++];
        struct virtio_net_hdr_v1 hdr = { .num_buffers = 1 };
        unsigned int n_chains = 0;
        uint32_t ofs = 0;

        do {
            uint32_t skip = 0;

            if (!n_chains) {
                vg_read(g, r->bufs[head], r->n_bufs[head], 0, &hdr,
                        g->hdr_len);
                skip = g->hdr_len;
            }
            if (!CHECK(used_len >= skip && used_len - skip + ofs <= f->len)) {
                return n;
            }
            vg_read(g, r->bufs[head], r->n_bufs[head], skip, data + ofs,
                    used_len - skip);
            ofs += used_len - skip;
            n_chains++;
        } while (n_chains < hdr.num_buffers
                 && CHECK(vg_get_used(g, &head, &used_len)));
        CHECK_EQ(hdr.num_buffers, n_chains);
        CHECK_EQ(hdr.flags, 0);
        CHECK_EQ(hdr.gso_type, 0);
        if (CHECK_EQ(ofs, f->len)) {
            CHECK_MEM(data, f->frame, f->len);
        }
    }
    return n;
}

/* One burst from one guest to the other. */
static void
round_trip(struct vq_guest *tx, struct receiver *rx, struct rte_mempool *pool)
{
    static uint8_t data[VIRTQUEUE_MAX_BURST][MAX_FRAME];
    static struct vg_buf bufs[MAX_FRAME + 16];
    struct flight flights[VIRTQUEUE_MAX_BURST];
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
    const unsigned int n = 1 + random_range(VIRTQUEUE_MAX_BURST);
    unsigned int n_direct, n_bufs;
    unsigned int received = 0;
    uint16_t head;
    uint32_t len;

    vg_reset(tx);
    vg_reset(&rx->g);
    for (unsigned int i = 0; i < n; i++) {
        uint8_t hdr[12] = { 0 };
        struct flight *f = &flights[i];

        f->frame = data[i];
        f->len = random_len();
        random_bytes(f->frame, f->len);
        n_bufs = random_cut(tx, tx->hdr_len + f->len, 1000, bufs, &n_direct);
        vg_write(tx, bufs, n_bufs, 0, hdr, tx->hdr_len);
        vg_write(tx, bufs, n_bufs, tx->hdr_len, f->frame, f->len);
        vg_post(tx, bufs, n_bufs, n_direct, 0);
    }
    vg_publish(tx);
    for (unsigned int got = 0; got < n; ) {
        const unsigned int more
            = virtqueue_dequeue(&tx->vq, pool, pkts + got, n - got);

        if (!CHECK(more > 0)) {
            return;
        }
        got += more;
        forgive(tx);
    }
    while (vg_get_used(tx, &head, &len)) {
        CHECK_EQ(len, 0);
    }

    /* Buffers come for some frames only, and again. */
    while (received < n) {
        const unsigned int want = received + random_range(n - received) + 1;
        unsigned int sent;

        for (unsigned int i = received; i < want; i++) {
            uint32_t total = rx->g.hdr_len + flights[i].len;

            /* Merged, perhaps. */
            while (total) {
                uint32_t part = total;
                unsigned int max = 1000;

                if (rx->g.vq.mergeable && rx->g.n_free > IN_FLIGHT) {
                    part = rx->g.hdr_len + random_range(total);
                    /* The sum counts. */
                    max = 30;
                }
                n_bufs = random_cut(&rx->g, part, max, bufs, &n_direct);
                head = vg_post(&rx->g, bufs, n_bufs, n_direct,
                               VRING_DESC_F_WRITE);
                free(rx->bufs[head]);
                rx->bufs[head] = xmemdup(bufs, n_bufs * sizeof *bufs);
                rx->n_bufs[head] = n_bufs;
                total -= MIN(total, part);
            }
        }
        vg_publish(&rx->g);
        while (received < want) {
            sent = virtqueue_enqueue(&rx->g.vq, pkts + received, n - received);
            if (!CHECK(sent > 0)) {
                goto out;
            }
            CHECK_EQ(receive(rx, flights + received), sent);
            received += sent;
            forgive(&rx->g);
        }
    }
out:
    rte_pktmbuf_free_bulk(pkts, n);
}

/* Usage: random [SEED [ROUNDS]]. */
void
test_random(int argc, char *argv[])
{
    const unsigned int seed = argc > 1 ? atoi(argv[1]) : 1;
    const unsigned int rounds = argc > 2 ? atoi(argv[2]) : 100;
    struct rte_mempool *pool = fake_mempool_create(64, POOL_ROOM, 0);
    struct receiver *rx = xzalloc(sizeof *rx);
    struct vq_guest tx;

    random_set_seed(seed);
    for (unsigned int i = 0; i < rounds; i++) {
        const struct vq_guest_config tx_config = random_config();
        const struct vq_guest_config rx_config = random_config();

        vg_init(&tx, &tx_config);
        vg_init(&rx->g, &rx_config);
        for (unsigned int j = 0; j < 30 && !check_n_failed; j++) {
            check_context("random, seed %u, round %u, burst %u, features "
                          "%#"PRIx64" and %#"PRIx64, seed, i, j,
                          tx_config.features, rx_config.features);
            round_trip(&tx, rx, pool);
            for (int e = VQ_ERR_NONE + 1; e < VQ_N_ERRORS; e++) {
                CHECK_EQ(tx.stats.errors[e], 0);
                CHECK_EQ(rx->g.stats.errors[e], 0);
            }
        }
        for (int j = 0; j < VIRTQUEUE_MAX_SIZE; j++) {
            free(rx->bufs[j]);
            rx->bufs[j] = NULL;
        }
        vg_uninit(&tx);
        vg_uninit(&rx->g);
    }
    free(rx);
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}

/* A guest that changes everything all the time. */
#define FLIP_SIZE 64
#define FLIP_TABLE 8

struct flipper {
    struct vq_guest *g;
    uint64_t tables;            /* FLIP_SIZE indirect tables. */
    atomic_bool stop;
};

static uint32_t
flip_random(uint64_t *state)
{
    *state = *state * UINT64_C(6364136223846793005) + 1442695040888963407;
    return *state >> 33;
}

/* An address, often one of memory, sometimes at a border. */
static uint64_t
flip_address(const struct vq_guest *g, uint64_t *state)
{
    const uint64_t end = guest_memory_end(g->map);

    switch (flip_random(state) % 8) {
    case 0:
        return UINT64_MAX - flip_random(state) % 4096;
    case 1:
        return end - flip_random(state) % 4096;
    case 2:
        return g->map->regions[1].gpa - flip_random(state) % 4096;
    default:
        return g->arena + flip_random(state) % (end - g->arena);
    }
}

static void
flip_desc(const struct flipper *f, struct vring_desc *d, uint64_t *state)
{
    switch (flip_random(state) % 8) {
    case 0:
        d->addr = flip_address(f->g, state);
        break;
    case 1:
        d->addr = f->tables + (flip_random(state) % FLIP_SIZE * FLIP_TABLE
                               * sizeof *d);
        d->len = (1 + flip_random(state) % FLIP_TABLE) * sizeof *d;
        break;
    case 2:
        d->len = flip_random(state) % 2000;
        break;
    case 3:
        d->len = flip_random(state) << flip_random(state) % 8;
        break;
    case 4:
        d->flags = flip_random(state) % 8;
        break;
    case 5:
    case 6:
        d->flags = ((flip_random(state) % 2 ? VRING_DESC_F_WRITE : 0)
                    | (flip_random(state) % 4 ? 0 : VRING_DESC_F_NEXT));
        break;
    default:
        d->next = flip_random(state) % (FLIP_SIZE + 1);
        break;
    }
}

/* Makes some descriptors of a packed ring available where the back end is. */
static void
flip_owner(struct vq_guest *g, unsigned int n, uint64_t *state)
{
    uint16_t idx = g->vq.last_avail;

    for (n %= FLIP_SIZE; n; n--) {
        uint16_t *flags = &g->ring[idx & 0x7fff].flags;

        *flags = (flip_random(state) % 4
                  ? *flags & (VRING_DESC_F_WRITE | VRING_DESC_F_INDIRECT)
                  : *flags & 7)
                 | vg_avail_flags(idx);
        idx = vg_advance(g, idx, 1);
    }
}

static void *
flip(void *f_)
{
    struct flipper *f = f_;
    struct vq_guest *g = f->g;
    uint64_t state = 1;
    bool stop;

    do {
        for (int i = 0; i < 1000; i++) {
            const unsigned int k = flip_random(&state);
            struct vring_desc *table = vg_ptr(g, f->tables);

            switch (k % 16 + (g->packed && k % 16 < 3 ? 16 : 0)) {
            case 16:
            case 17:
            case 18:
                flip_owner(g, k / 16, &state);
                break;
            case 0:
                /* Seldom beyond the ring: that stops it. */
                g->avail->ring[k / 16 % FLIP_SIZE]
                    = flip_random(&state) % (FLIP_SIZE + !(k % 4093));
                break;
            case 1:
            case 2:
                /* Something to do. */
                g->avail->idx = g->used->idx + k / 16 % FLIP_SIZE
                                + !(k % 4091) * 1000;
                break;
            case 3:
            case 4:
                memset(vg_ptr(g, g->arena), k % 3 ? 0 : 1, 20000);
                break;
            case 5:
            case 6:
            case 7:
                flip_desc(f, &table[k / 16 % (FLIP_SIZE * FLIP_TABLE)],
                          &state);
                break;
            default:
                flip_desc(f, &g->desc[k / 16 % FLIP_SIZE], &state);
                break;
            }
        }
        atomic_read_relaxed(&f->stop, &stop);
    } while (!stop);
    return NULL;
}

/* True if all that can happen did. */
static bool
all_seen(const struct virtqueue_stats *s)
{
    for (int e = 0; e < VQ_N_ERRORS; e++) {
        if (can_have_error(e) && e != VQ_ERR_NO_MBUF && !s->errors[e]) {
            return false;
        }
    }
    return s->packets > 0;
}

/* Usage: flipper [BURSTS].  Goes on for longer until everything has happened,
 * which depends on when the other thread runs. */
void
test_flipper(int argc, char *argv[])
{
    const unsigned int bursts = argc > 1 ? atoi(argv[1]) : 100000;
    const struct vq_guest_config config = {
        .features = F_VERSION_1 | F_INDIRECT | F_MRG_RXBUF | F_EVENT_IDX,
        .arena = 256 * 1024,
        .size = FLIP_SIZE,
        .n_regions = 3,
    };
    struct rte_mempool *pool = fake_mempool_create(128, POOL_ROOM, 0);
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
    struct rte_mbuf *frames[VIRTQUEUE_MAX_BURST];
    uint64_t n_sent = 0;
    uint64_t n_bytes = 0;
    uint64_t state = 2;
    struct flipper f;
    struct vq_guest g;
    pthread_t thread;

    check_context("flipper");
    vg_init(&g, &config);
    for (int i = 0; i < VIRTQUEUE_MAX_BURST; i++) {
        static uint8_t data[MAX_FRAME];

        frames[i] = make_mbuf(pool, data, i % 8 ? 60 + i * 10 : 4000,
                              1 + i % 3);
    }
    f.g = &g;
    f.tables = g.arena + 64 * 1024;
    atomic_init(&f.stop, false);
    ovs_assert(!pthread_create(&thread, NULL, flip, &f));

    for (unsigned int i = 0;
         i < bursts || !n_bytes || !all_seen(&g.stats); i++) {
        if (i / 1000 > bursts) {
            break;
        }
        if (virtqueue_get_error(&g.vq)) {
            vg_restart(&g);
        }
        if (!virtqueue_pending(&g.vq)) {
            /* The other thread may be waiting for its turn. */
            if (g.packed) {
                flip_owner(&g, random_range(FLIP_SIZE), &state);
            } else {
                __atomic_store_n(&g.avail->idx,
                                 g.used->idx + random_range(FLIP_SIZE + 1),
                                 __ATOMIC_RELAXED);
            }
        }
        if (i & 1) {
            n_sent += virtqueue_enqueue(&g.vq, frames, VIRTQUEUE_MAX_BURST);
        } else {
            const unsigned int n = virtqueue_dequeue(&g.vq, pool, pkts,
                                                     VIRTQUEUE_MAX_BURST);

            for (unsigned int j = 0; j < n; j++) {
                CHECK(pkts[j]->pkt_len >= ETH_HEADER_LEN
                      && pkts[j]->pkt_len <= MAX_FRAME);
                n_bytes += pkts[j]->pkt_len;
            }
            n_sent += n;
            rte_pktmbuf_free_bulk(pkts, n);
        }
    }
    atomic_store(&f.stop, true);
    pthread_join(thread, NULL);

    CHECK(all_seen(&g.stats));
    CHECK(n_bytes > 0);
    CHECK(g.stats.packets <= n_sent);
    rte_pktmbuf_free_bulk(frames, VIRTQUEUE_MAX_BURST);
    vg_uninit(&g);
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}

/* The file gets shorter: nothing is left, or only the rings, while the guest
 * transmits or receives. */
static void
fault(struct rte_mempool *pool, bool all, bool receives,
      unsigned int n_regions)
{
    const struct vq_guest_config config = {
        .features = F_VERSION_1,
        .size = 16,
        .n_regions = n_regions,
    };
    struct virtqueue_stats expected = { .errors[VQ_ERR_FAULT] = 1 };
    struct rte_mbuf *pkts[VIRTQUEUE_MAX_BURST];
    struct vq_guest g, other;
    uint8_t frame[60];
    struct vg_buf buf;
    unsigned int n;

    check_context("%s lost, %s, %u regions", all ? "all" : "buffers",
                  receives ? "receiving" : "transmitting", n_regions);
    make_frame(frame, sizeof frame);
    vg_init(&g, &config);
    vg_init(&other, &config);
    for (int i = 0; i < 3; i++) {
        if (receives) {
            post_rx(&g, 100, &buf);
        } else {
            post_tx(&g, VG_ONE, DIRECT, frame, sizeof frame);
        }
        post_tx(&other, VG_ONE, DIRECT, frame, sizeof frame);
    }
    vg_publish(&g);
    vg_publish(&other);

    ovs_assert(!ftruncate(g.fd, all ? 0 : 0x3000 + ROUND_DOWN(
                              g.arena - vg_gpa(&g, g.mem), 4096)));
    pkts[0] = make_mbuf(pool, frame, sizeof frame, 1);
    for (int i = 0; i < 3; i++) {
        n = (receives ? virtqueue_enqueue(&g.vq, pkts, 1)
             : virtqueue_dequeue(&g.vq, pool, pkts + 1, 31));
        CHECK_EQ(n, 0);
        CHECK_EQ(virtqueue_get_error(&g.vq), VQ_ERR_FAULT);
    }
    CHECK(guest_memory_is_faulted(g.map));
    check_stats(&g, &expected);
    if (!all) {
        uint32_t used_len;
        uint16_t head;

        CHECK(!vg_get_used(&g, &head, &used_len));
    }
    rte_pktmbuf_free(pkts[0]);

    /* Others do not notice. */
    n = virtqueue_dequeue(&other.vq, pool, pkts, 32);
    CHECK_EQ(n, 3);
    check_mbuf(pkts[0], frame, sizeof frame);
    rte_pktmbuf_free_bulk(pkts, n);
    CHECK(!guest_memory_is_faulted(other.map));
    vg_uninit(&g);
    vg_uninit(&other);
}

void
test_fault(int argc OVS_UNUSED, char *argv[] OVS_UNUSED)
{
    struct rte_mempool *pool = fake_mempool_create(64, POOL_ROOM, 0);

    for (unsigned int i = 0; i < 8; i++) {
        fault(pool, i & 1, i & 2, i & 4 ? 1 : 3);
    }
    CHECK_EQ(fake_mempool_destroy(pool), 0);
}
