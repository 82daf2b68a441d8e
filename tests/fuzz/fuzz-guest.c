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

/* Guests for the fuzzer of rings: see fuzz-guest.h. */

#include <config.h>

#include "fuzz-guest.h"

#include <errno.h>
#include <rte_lcore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "peer-eventfd.h"
#include "util.h"
#include "virtqueue-variant.h"

#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define FUZZ_ASAN 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define FUZZ_ASAN 1
#endif
#ifdef FUZZ_ASAN
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(P, N) ((void) (P), (void) (N))
#define ASAN_UNPOISON_MEMORY_REGION(P, N) ((void) (P), (void) (N))
#endif

/* Before and behind each region. */
#define FENCE 128
#define FENCE_BYTE 0xfe

#define ARENA_SIZE 20000
#define POOL_SIZE 64

struct guest guests[MAX_GUESTS];
unsigned int n_guests;
struct layout layout;

static void
init_once(void)
{
    for (const char *name; (name = virtqueue_variant_name(n_guests)); ) {
        struct guest *g = &guests[n_guests++];

        FUZZ_CHECK(n_guests <= MAX_GUESTS);
        g->variant = name;
        g->pool = fake_mempool_create(POOL_SIZE,
                                      RTE_PKTMBUF_HEADROOM + FRAME_ROOM, 0);
        g->pool_cached
            = fake_mempool_create(POOL_SIZE, RTE_PKTMBUF_HEADROOM + FRAME_ROOM,
                                  32);
        g->callfd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        g->call = peer_signal_create(g->callfd);
    }
    /* A cache needs an lcore. */
    RTE_PER_LCORE(_lcore_id) = 0;
}

/* Where everything is. */
static void
choose_layout(struct fuzz_input *in)
{
    static const uint64_t bases[] = { 0, 0x10000, 0x200000,
                                      UINT64_MAX - 0x3ffff };
    static const uint64_t gaps[] = { 0, 0x1000, 1, 0x3fff };
    const uint8_t kind = fuzz_u8(in);
    const uint8_t place = fuzz_u8(in);
    const uint8_t size = fuzz_u8(in);
    struct layout *l = &layout;

    memset(l, 0, sizeof *l);
    l->packed = kind & 1;
    l->in_order = kind & 2;
    l->event_idx = kind & 4;
    l->indirect = !(kind & 8);
    l->mergeable = kind & 16;
    l->features = (l->packed ? 1ULL << VIRTIO_F_RING_PACKED : 0)
                  | (l->in_order ? 1ULL << VIRTIO_F_IN_ORDER : 0)
                  | (l->event_idx ? 1ULL << VIRTIO_RING_F_EVENT_IDX : 0)
                  | (l->indirect ? 1ULL << VIRTIO_RING_F_INDIRECT_DESC : 0)
                  | (l->mergeable ? 1ULL << VIRTIO_NET_F_MRG_RXBUF : 0)
                  | (kind & 32 ? 0 : 1ULL << VIRTIO_F_VERSION_1);
    l->hdr_len = l->mergeable || !(kind & 32) ? 12 : 10;
    if (l->packed) {
        l->size = size == 255 ? 2000 : size ? size : 128;
    } else {
        l->size = size == 255 ? 2048 : 1 << (size ? size % 9 : 7);
    }

    /* As unaligned as the specification permits. */
    l->avail = l->size * sizeof(struct vring_desc) + (l->packed ? 4 : 6);
    l->used = ROUND_UP(l->avail + 6 + 2 * l->size, 8) + 4;
    l->arena = l->used + 6 + 8 * l->size + 1;
    l->arena_size = ARENA_SIZE;
    l->total = l->arena + l->arena_size;

    l->n_regions = 1 + place % 3;
    uint64_t gpa = bases[place >> 2 & 3];
    uint32_t ofs = 0;

    for (unsigned int i = 0; i < l->n_regions; i++) {
        const uint32_t end = (i + 1 < l->n_regions
                              ? l->arena + (i + 1) * 6001 + (place >> 6) * 501
                              : l->total);

        l->regions[i].gpa = gpa;
        l->regions[i].ofs = ofs;
        l->regions[i].size = end - ofs;
        gpa += end - ofs + gaps[place >> 4 & 3];
        ofs = end;
    }
    if (kind & 64) {
        const uint64_t pages = DIV_ROUND_UP(gpa, 4096);

        /* Logs of memory high up would be long.  They may be short. */
        l->log_size = gpa < 0x1000000 ? DIV_ROUND_UP(pages, 8) : 3;
    }
    for (unsigned int i = 0; i < n_guests; i++) {
        guests[i].now = kind & 128 ? guests[i].pool_cached : guests[i].pool;
    }
}

static void
start(struct guest *g, uint16_t base)
{
    uint8_t *rings = g->map.regions[0].hva;
    char *error = virtqueue_set_variant(g->variant);

    FUZZ_CHECK(!error);
    g->vq = (struct virtqueue) {
        .desc = (struct vring_desc *) rings,
        .avail = (struct vring_avail *) (rings + layout.avail),
        .used = (struct vring_used *) (rings + layout.used),
        .mem = &g->map,
        .log = layout.log_size ? &g->log : NULL,
        .used_gpa = layout.log_size ? ofs_to_gpa(layout.used) : VQ_NO_GPA,
        .ring_gpa = ofs_to_gpa(0),
        .size = layout.size,
        .callfd = g->callfd,
        .call = g->call,
        .stats = &g->stats,
        .last_avail = base,
    };
    virtqueue_start(&g->vq, layout.features);
    FUZZ_CHECK(!strcmp(virtqueue_get_variant(), g->variant));
    FUZZ_CHECK_EQ(g->vq.hdr_len, layout.hdr_len);
}

/* Fills 'p' with what is in memory at 'ofs' at first: zeros in the rings, and
 * in the arena what can be told apart. */
static void
fill(uint8_t *p, uint32_t ofs, uint32_t n)
{
    static uint8_t pattern[ARENA_SIZE];
    const uint32_t n_zeros = ofs < layout.arena ? MIN(layout.arena - ofs, n)
                             : 0;

    if (!pattern[1]) {
        for (uint32_t i = 0; i < sizeof pattern; i++) {
            pattern[i] = i % 251;
        }
    }
    memset(p, 0, n_zeros);
    memcpy(p + n_zeros, pattern + (ofs + n_zeros - layout.arena), n - n_zeros);
}

static void
guest_begin(struct guest *g, uint16_t base)
{
    uint64_t n;

    g->map.n_regions = layout.n_regions;
    atomic_init(&g->map.faulted, false);
    for (unsigned int i = 0; i < layout.n_regions; i++) {
        const uint32_t size = layout.regions[i].size;
        uint8_t *block;

        FUZZ_CHECK(!posix_memalign((void **) &block, CACHE_LINE_SIZE,
                                   size + 2 * FENCE));
        memset(block, FENCE_BYTE, size + 2 * FENCE);
        fill(block + FENCE, layout.regions[i].ofs, size);
        ASAN_POISON_MEMORY_REGION(block, FENCE);
        ASAN_POISON_MEMORY_REGION(block + FENCE + size, FENCE);
        g->blocks[i] = block;
        g->map.regions[i] = (struct guest_region) {
            .gpa = layout.regions[i].gpa,
            .size = size,
            .hva = block + FENCE,
            .fd = -1,
        };
    }
    g->log = (struct dirty_log) {
        .size = layout.log_size,
        .bitmap = xzalloc(layout.log_size ? layout.log_size : 1),
    };
    memset(&g->stats, 0, sizeof g->stats);
    g->n_held = g->n_new = g->result = 0;
    g->n_signals = 0;
    g->seen = 0;
    if (read(g->callfd, &n, sizeof n) < 0) {
        FUZZ_CHECK(errno == EAGAIN);
    }
    start(g, base);
}

void
guests_begin(struct fuzz_input *in)
{
    if (!n_guests) {
        init_once();
    }
    choose_layout(in);

    uint16_t base = fuzz_u8(in);

    if (layout.packed) {
        base = (base % layout.size) | (base & 0x80 ? 0 : 0x8000);
    } else {
        /* Where a back end was before it died is in the used index. */
        base = base & 0x80 ? base - 256 : base;
    }
    for (unsigned int i = 0; i < n_guests; i++) {
        guest_begin(&guests[i], 0);
    }
    if (!layout.packed) {
        guests_write(layout.used + 2, &base, sizeof base);
        guests_write(layout.avail + 2, &base, sizeof base);
    }
    guests_restart(base);
}

void
guests_restart(uint16_t base)
{
    for (unsigned int i = 0; i < n_guests; i++) {
        atomic_store_relaxed(&guests[i].map.faulted, false);
        start(&guests[i], base);
    }
}

unsigned int
guest_free_mbufs(const struct guest *g)
{
    return fake_mempool_count(g->now)
           + (g->now->cache_size ? g->now->local_cache[0].len : 0);
}

void
guests_end(void)
{
    for (unsigned int i = 0; i < n_guests; i++) {
        struct guest *g = &guests[i];

        rte_pktmbuf_free_bulk(g->held, g->n_held);
        FUZZ_CHECK_EQ(guest_free_mbufs(g), POOL_SIZE);
        for (unsigned int j = 0; j < layout.n_regions; j++) {
            ASAN_UNPOISON_MEMORY_REGION(g->blocks[j], layout.regions[j].size
                                        + 2 * FENCE);
            free(g->blocks[j]);
        }
        free(g->log.bitmap);
    }
}

uint8_t *
guest_at(const struct guest *g, uint32_t ofs, uint32_t *len)
{
    for (unsigned int i = 0; ; i++) {
        const uint32_t from = ofs - layout.regions[i].ofs;

        FUZZ_CHECK(i < layout.n_regions);
        if (from < layout.regions[i].size) {
            *len = MIN(*len, layout.regions[i].size - from);
            return g->blocks[i] + FENCE + from;
        }
    }
}

bool
gpa_to_ofs(uint64_t gpa, uint64_t len, uint32_t *ofs)
{
    bool first = true;

    while (len) {
        bool found = false;

        for (unsigned int i = 0; i < layout.n_regions && !found; i++) {
            const uint64_t from = gpa - layout.regions[i].gpa;

            if (from < layout.regions[i].size) {
                const uint64_t part = MIN(len, layout.regions[i].size - from);

                if (first) {
                    *ofs = layout.regions[i].ofs + from;
                    first = false;
                }
                found = true;
                gpa += part;
                len -= part;
            }
        }
        if (!found) {
            return false;
        }
    }
    return true;
}

uint64_t
ofs_to_gpa(uint32_t ofs)
{
    for (unsigned int i = 0; i < layout.n_regions; i++) {
        const uint32_t from = ofs - layout.regions[i].ofs;

        if (from < layout.regions[i].size) {
            return layout.regions[i].gpa + from;
        }
    }
    return 0;
}

void
guests_write(uint32_t ofs, const void *p_, uint32_t n)
{
    const uint8_t *p = p_;

    n = ofs < layout.total ? MIN(n, layout.total - ofs) : 0;
    while (n) {
        uint32_t part = n;

        for (unsigned int i = 0; i < n_guests; i++) {
            uint8_t *dst = guest_at(&guests[i], ofs, &part);

            memcpy(dst, p, part);
        }
        ofs += part;
        p += part;
        n -= part;
    }
}

void
guest_read(const struct guest *g, uint32_t ofs, void *p_, uint32_t n)
{
    uint8_t *p = p_;

    while (n) {
        uint32_t part = n;
        const uint8_t *src = guest_at(g, ofs, &part);

        memcpy(p, src, part);
        ofs += part;
        p += part;
        n -= part;
    }
}

void
guests_check_fences(void)
{
#ifndef FUZZ_ASAN
    for (unsigned int i = 0; i < n_guests; i++) {
        for (unsigned int j = 0; j < layout.n_regions; j++) {
            const uint8_t *block = guests[i].blocks[j];
            const uint32_t size = layout.regions[j].size;

            for (int k = 0; k < FENCE; k++) {
                FUZZ_CHECK_EQ(block[k], FENCE_BYTE);
                FUZZ_CHECK_EQ(block[FENCE + size + k], FENCE_BYTE);
            }
        }
    }
#endif
}
