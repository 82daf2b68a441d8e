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

/* A guest that offers anything at random: see wild-guest.h. */

#include <config.h>

#include "wild-guest.h"

#include <string.h>

#include "test-virtqueue.h"
#include "util.h"

/* Descriptors behind the end of the ring, as good as others: those that split
 * rings name, and those that a group of a packed ring could take along. */
#define MAX_ODD 3
#define N_BEHIND 8

/* The flags that say who owns a descriptor of a packed ring. */
#define OWNER (1 << VRING_PACKED_DESC_F_AVAIL | 1 << VRING_PACKED_DESC_F_USED)

uint32_t
wild_frame_len(void)
{
    static const uint16_t edges[] = {
        31, 32, 60, 63, 64, 65, 127, 128, 255, 256, 511, 512, 1023, 1024, 1500,
        1518, 1519, 2048, 2049
    };

    if (wild_one_in(3)) {
        return edges[random_range(ARRAY_SIZE(edges))];
    }
    return wild_one_in(4) ? random_range(2100) : 60 + random_range(10);
}

static uint32_t
random_buffer_len(const struct wild_guest *w)
{
    const struct vq_guest *g = &w->g;

    if (wild_one_in(60)) {
        const uint32_t odd[] = {
            0, 1, 12, UINT32_MAX, UINT32_MAX - 11,
            (g->hdr_len + 60) | UINT32_C(1) << (16 + random_range(16)),
            (g->hdr_len + 60) | UINT32_C(1) << 31
        };

        return odd[random_range(ARRAY_SIZE(odd))];
    }
    if (w->manners.receives && !wild_one_in(10)) {
        return g->hdr_len + 2048;
    }
    /* Also what is a byte too short for a frame. */
    return g->hdr_len + (wild_one_in(30) ? 12 + random_range(3)
                         : wild_frame_len());
}

/* An address behind the ring, often good for 'len' bytes: where regions end
 * and begin as well. */
static uint64_t
random_gpa(const struct wild_guest *w, uint32_t len)
{
    const struct vq_guest *g = &w->g;
    const size_t n_regions = g->map->n_regions;
    const struct guest_region *r
        = &g->map->regions[wild_one_in(12) ? random_range(n_regions)
                           : w->home];
    const uint64_t first = MAX(r->gpa, g->arena);
    const uint64_t end = r->gpa + r->size;

    if (wild_one_in(100)) {
        const uint64_t odd[] = { 0, UINT64_MAX, UINT64_MAX - len + 1,
                                 end + (1 << 30), r->gpa - 1 };
        const uint64_t gpa = odd[random_range(ARRAY_SIZE(odd))];

        /* Nobody says what comes of frames that overwrite the ring. */
        return gpa < g->arena && gpa + len > r->gpa ? UINT64_MAX : gpa;
    }
    if (len > end - first) {
        return first;
    }
    if (wild_one_in(20)) {
        return end - len + (wild_one_in(3) ? 1 + random_range(20) : 0);
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
        .csum_start = 34 + (wild_one_in(5) ? 2 * random_range(10) : 0),
        .csum_offset = 6,
    };
    const uint32_t len = d->len - g->hdr_len - 14;
    const uint8_t frame[14 + 20 + 8] = {
        [12] = 8, [14] = 0x45, [16] = len >> 8, [17] = len,
        [23] = wild_one_in(5) ? random_uint8() : IPPROTO_UDP,
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

/* Writes a descriptor at 'd', in a table of 'size' ones. */
static void
random_desc(const struct wild_guest *w, struct vring_desc *d, uint16_t size,
            bool plain)
{
    const bool receives = w->manners.receives;
    const struct vq_guest *g = &w->g;

    d->len = random_buffer_len(w);
    d->addr = random_gpa(w, d->len);
    d->flags = receives ? VRING_DESC_F_WRITE : 0;
    d->next = random_range(size + (wild_one_in(50) ? 3 : 0));
    if (!plain) {
        if (wild_one_in(15)) {
            d->flags |= VRING_DESC_F_NEXT;
        }
        if (wild_one_in(40)) {
            d->flags ^= VRING_DESC_F_WRITE;
        }
        if (wild_one_in(100)) {
            d->flags |= random_uint16() & ~VRING_DESC_F_INDIRECT;
        }
    }

    /* A header, and who it is for. */
    uint64_t left = 32;
    unsigned int hint = 0;
    uint8_t *p = guest_memory_translate_part(g->map, d->addr, &left, &hint);

    if (p && left == 32 && d->addr >= g->arena) {
        if (!wild_one_in(20)) {
            memset(p, 0, g->hdr_len);
        } else {
            p[random_range(g->hdr_len)] = random_uint8();
        }
        if (wild_one_in(10)) {
            memset(p + g->hdr_len, wild_one_in(2) ? 0xff : 0x01, 6);
        }
        if (!receives && wild_one_in(6)) {
            random_request(g, d, p);
        }
    }
}

/* Makes an indirect table of descriptor 'd'. */
static void
random_table(const struct wild_guest *w, struct vring_desc *d)
{
    const struct vq_guest *g = &w->g;
    const uint32_t n = 1 + random_range(4);
    const uint32_t len = n * sizeof *d;
    const uint64_t gpa = random_gpa(w, len);
    unsigned int hint = 0;
    uint8_t *table = guest_memory_translate(g->map, gpa, len, &hint);

    for (uint32_t i = 0; table && gpa >= g->arena && i < n; i++) {
        struct vring_desc e;

        random_desc(w, &e, n, true);
        e.flags |= i + 1 < n ? VRING_DESC_F_NEXT : 0;
        e.next = wild_one_in(30) ? random_range(n + 2) : i + 1;
        vg_store_desc(g, table + i * sizeof e, &e);
    }
    d->addr = gpa;
    d->len = len + (wild_one_in(30) ? 1 : 0);
    d->flags = VRING_DESC_F_INDIRECT;
}

/* Offers 'n' chains. */
static void
offer_split(struct wild_guest *w, unsigned int n)
{
    const struct wild_manners *manners = &w->manners;
    const bool plain = manners->plain;
    struct vq_guest *g = &w->g;
    const uint16_t size = g->config.size;

    for (unsigned int i = 0; i < n; i++) {
        /* At times the turn goes on behind the end. */
        uint16_t head = w->head++ % (size + (plain || size < 8
                                             ? 0 : manners->odd));

        if (head < size && !manners->in_turn && wild_one_in(3)) {
            head = random_range(size);
        }
        random_desc(w, &g->desc[head], size, plain);
        if (!plain && wild_one_in(20)) {
            random_table(w, &g->desc[head]);
        }
        if (!plain && wild_one_in(200)) {
            head = size + random_range(MAX_ODD);
        }
        g->avail->ring[g->avail_idx++ & (size - 1)] = head;
    }
    if (!plain && wild_one_in(500)) {
        g->avail_idx += size;
    }
    g->avail->idx = g->avail_idx;
}

/* Writes a descriptor that is available at 'idx', at 'd_'. */
static void
random_packed_desc(const struct wild_guest *w, struct vring_packed_desc *d_,
                   uint16_t idx, bool last)
{
    const bool plain = w->manners.plain;
    const struct vq_guest *g = &w->g;
    struct vring_desc d;

    random_desc(w, &d, g->config.size, plain);
    if (!plain && wild_one_in(20)) {
        random_table(w, &d);
    }
    if (last && !wild_one_in(20)) {
        d.flags &= ~VRING_DESC_F_NEXT;
    }
    d.flags = (d.flags & ~OWNER) | vg_avail_flags(idx);
    if (wild_one_in(100)) {
        /* Not yet, or not as it should be. */
        d.flags ^= OWNER & (wild_one_in(2) ? OWNER : random_uint16());
    }
    d.next = random_uint16();
    vg_store_desc(g, d_, &d);
}

/* Offers 'n' descriptors. */
static void
offer_packed(struct wild_guest *w, unsigned int n)
{
    struct vq_guest *g = &w->g;

    for (unsigned int i = 0; i < n; i++) {
        random_packed_desc(w, &g->ring[g->avail_idx & 0x7fff], g->avail_idx,
                           i + 1 == n);
        g->avail_idx = vg_advance(g, g->avail_idx, 1);
    }
    for (unsigned int i = 0; i < N_BEHIND; i++) {
        random_packed_desc(w, &g->ring[g->config.size + i], g->avail_idx,
                           false);
    }
}

/* How many entries wait for the device. */
static unsigned int
n_waiting(const struct vq_guest *g)
{
    const unsigned int size = g->config.size;

    if (!g->packed) {
        return MIN((uint16_t) (g->avail_idx - g->used->idx), size);
    }

    uint16_t idx = g->vq.last_avail;
    unsigned int n;

    for (n = 0; n < size && idx != g->avail_idx; n++) {
        idx = vg_advance(g, idx, 1);
    }
    return n;
}

/* A ring that stopped starts again. */
static void
restart(struct vq_guest *g)
{
    if (g->packed) {
        g->used_idx = g->vq.last_used;
        if (wild_one_in(2)) {
            vg_clear_ring(g, g->used_idx);
        }
        vg_restart(g);
        g->avail_idx = g->vq.last_avail;
    } else {
        vg_restart(g);
        g->avail_idx = g->used->idx;
    }
}

void
wild_guest_offer(struct wild_guest *w)
{
    struct vq_guest *g = &w->g;

    w->home = wild_one_in(3) ? random_range(g->map->n_regions) : 0;
    if (virtqueue_get_error(&g->vq)) {
        restart(g);
    }
    g->used_idx = g->vq.last_used;
    if (g->packed && !virtqueue_pending(&g->vq)) {
        /* What was not available as it should have been is made anew. */
        g->avail_idx = g->vq.last_avail;
    }
    (g->packed ? offer_packed : offer_split)(
        w, random_range(g->config.size - n_waiting(g) + 1));

    /* When it wants an interrupt. */
    if (wild_one_in(4)) {
        vg_set_interrupts(g, wild_one_in(2));
    } else if (wild_one_in(4)) {
        vg_set_event(g, (int) random_range(2 * g->config.size)
                        - g->config.size);
    }
}

/* Moves the descriptors to where there can be some behind the last. */
static void
move_descriptors(struct vq_guest *g)
{
    g->desc = vg_ptr(g, g->arena);
    g->arena += (g->config.size + N_BEHIND) * sizeof *g->desc;
    if (g->packed) {
        vg_clear_ring(g, g->avail_idx);
    }
    vg_restart(g);
}

static uint16_t
random_ring_size(void)
{
    if (vg_features & F_PACKED && wild_one_in(2)) {
        return wild_one_in(4) ? 1 + random_range(40) : 32 + random_range(200);
    }
    return 1 << (wild_one_in(4) ? random_range(9) : 5 + random_range(3));
}

void
wild_manners_init(struct wild_manners *m)
{
    *m = (struct wild_manners) {
        .receives = wild_one_in(2),
        .plain = wild_one_in(3),
        .in_turn = wild_one_in(2),
        .odd = wild_one_in(4) ? 1 + random_range(MAX_ODD) : 0,
        .config = {
            .arena = 64 * 1024,
            .size = random_ring_size(),
            .start = wild_one_in(2) ? random_uint16() : -random_range(64),
            .n_regions = wild_one_in(3) ? 3 : 1,
            .log = wild_one_in(3),
            .features = (wild_one_in(2) ? F_VERSION_1 : 0)
                        | (wild_one_in(2) ? F_MRG_RXBUF : 0)
                        | (wild_one_in(2) ? F_EVENT_IDX : 0)
                        | (wild_one_in(5) ? 0 : F_INDIRECT)
                        | (wild_one_in(3) ? F_IN_ORDER : 0)
                        | (wild_one_in(3) ? 0 : F_CSUM)
                        | (wild_one_in(2) ? F_GUEST_CSUM : 0),
        },
    };
}

void
wild_guest_init(struct wild_guest *w, const struct wild_manners *manners,
                const uint8_t *arena)
{
    memset(w, 0, sizeof *w);
    w->manners = *manners;
    vg_init(&w->g, &manners->config);
    memcpy(vg_ptr(&w->g, w->g.arena), arena, manners->config.arena);
    move_descriptors(&w->g);
}
