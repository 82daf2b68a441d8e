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

/* The driver of a guest in the same process: see vq-guest.h. */

#include <config.h>

#include "vq-guest.h"

#include <linux/virtio_config.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"
#include "util.h"

#define WRAP 0x8000
#define AVAIL (1 << VRING_PACKED_DESC_F_AVAIL)
#define USED (1 << VRING_PACKED_DESC_F_USED)
#define OWNER (AVAIL | USED)

uint16_t
vg_avail_flags(uint16_t idx)
{
    return idx & WRAP ? AVAIL : USED;
}

/* Flags of descriptors that are used at 'idx'. */
static uint16_t
used_flags(uint16_t idx)
{
    return idx & WRAP ? OWNER : 0;
}

static struct vring_packed_desc *
desc_at(const struct vq_guest *g, uint16_t idx)
{
    return &g->ring[idx & ~WRAP];
}

/* The place of 'idx' in two rounds, the first of which has the wrap counter
 * at 1. */
static uint32_t
linear(const struct vq_guest *g, uint16_t idx)
{
    return (idx & ~WRAP) + (idx & WRAP ? 0 : g->config.size);
}

uint16_t
vg_advance(const struct vq_guest *g, uint16_t idx, int n)
{
    const uint32_t size = g->config.size;
    const uint32_t l = (linear(g, idx) + n + 2 * size) % (2 * size);

    return l < size ? l | WRAP : l - size;
}

void
vg_clear_ring(struct vq_guest *g, uint16_t idx)
{
    for (int i = 0; i < g->config.size; i++) {
        /* As the round so far, and the one before, have left them. */
        g->ring[i].flags = used_flags(i < (idx & ~WRAP) ? idx : ~idx);
    }
}

void
vg_driver_init(struct vq_guest *g)
{
    const uint16_t size = g->config.size;
    const uint16_t start = g->config.start;

    g->free = xcalloc(size, sizeof *g->free);
    g->n_direct = xcalloc(size, sizeof *g->n_direct);
    g->next = xcalloc(size, sizeof *g->next);
    for (int i = 0; i < size; i++) {
        g->free[g->n_free++] = size - 1 - i;
    }
    g->expected = xcalloc(size, sizeof *g->expected);
    if (!g->packed) {
        g->avail_idx = g->kicked_idx = g->used_idx = start;
        g->avail->flags = 0;
        g->avail->idx = g->used->idx = start;
        g->avail->ring[size] = start - 1;
        return;
    }

    g->n_ids = size;
    g->place = xcalloc(size, sizeof *g->place);
    g->pending = xcalloc(size, sizeof *g->pending);
    g->fifo = xcalloc(size, sizeof *g->fifo);
    g->avail_idx = g->kicked_idx = g->used_idx
        = start % size | (start & WRAP ? 0 : WRAP);
    vg_clear_ring(g, g->avail_idx);
    g->device_event->off_wrap = 0;
    g->device_event->flags = 0;
    g->driver_event->flags = 0;
    if (g->config.features & (1ULL << VIRTIO_RING_F_EVENT_IDX)) {
        vg_set_event(g, -1);
    }
}

void
vg_driver_uninit(struct vq_guest *g)
{
    free(g->free);
    free(g->n_direct);
    free(g->next);
    free(g->place);
    free(g->pending);
    free(g->fifo);
    free(g->expected);
}

uint16_t
vg_base(const struct vq_guest *g)
{
    return g->packed ? g->used_idx : g->used->idx;
}

void
vg_set_interrupts(struct vq_guest *g, bool on)
{
    if (g->packed) {
        g->driver_event->flags = (on ? VRING_PACKED_EVENT_FLAG_ENABLE
                                  : VRING_PACKED_EVENT_FLAG_DISABLE);
    } else {
        g->avail->flags = on ? 0 : VRING_AVAIL_F_NO_INTERRUPT;
    }
}

void
vg_set_event(struct vq_guest *g, int n)
{
    if (g->packed) {
        g->driver_event->off_wrap = vg_advance(g, g->used_idx, n);
        g->driver_event->flags = VRING_PACKED_EVENT_FLAG_DESC;
    } else {
        g->avail->ring[g->config.size] = g->used_idx + n;
    }
}

/* Descriptors. */

struct vring_desc
vg_load_desc(const struct vq_guest *g, const void *p)
{
    struct vring_desc d;

    memcpy(&d, p, sizeof d);
    return (g->packed
            ? (struct vring_desc) { d.addr, d.len, d.next, d.flags } : d);
}

void
vg_store_desc(const struct vq_guest *g, void *p, const struct vring_desc *d_)
{
    struct vring_desc d = *d_;

    if (g->packed) {
        d.flags = d_->next;
        d.next = d_->flags;
    }
    memcpy(p, &d, sizeof d);
}

static void *
find_desc(const struct vq_guest *g, uint16_t head, unsigned int i)
{
    if (g->packed) {
        return desc_at(g, vg_advance(g, g->place[head], i));
    }
    while (i--) {
        head = g->next[head];
    }
    return &g->desc[head];
}

struct vring_desc
vg_get_desc(const struct vq_guest *g, uint16_t head, unsigned int i)
{
    return vg_load_desc(g, find_desc(g, head, i));
}

void
vg_set_desc(struct vq_guest *g, uint16_t head, unsigned int i,
            const struct vring_desc *d)
{
    vg_store_desc(g, find_desc(g, head, i), d);
}

/* Offering chains. */

void
vg_offer(struct vq_guest *g, uint16_t head)
{
    ovs_assert(!g->packed);
    g->latest = head;
    g->avail->ring[g->avail_idx++ & (g->config.size - 1)] = head;
}

/* Makes an indirect table. */
static uint64_t
post_table(struct vq_guest *g, const struct vg_buf bufs[], unsigned int n,
           uint16_t flags)
{
    const uint64_t table = vg_alloc(g, n * sizeof(struct vring_desc));

    for (unsigned int i = 0; i < n; i++) {
        const bool more = i + 1 < n;
        struct vring_desc d = {
            .addr = bufs[i].gpa,
            .len = bufs[i].len,
            .flags = flags | (more ? VRING_DESC_F_NEXT : 0),
            .next = more ? i + 1 : 0xffff,
        };

        if (g->packed) {
            /* Flags that are of no meaning here. */
            d.flags = flags | (more ? 0 : VRING_DESC_F_NEXT
                                          | VRING_DESC_F_INDIRECT);
        }
        vg_store_desc(g, vg_ptr(g, table + i * sizeof d), &d);
    }
    return table;
}

static uint16_t
post_split(struct vq_guest *g, const struct vg_buf bufs[], unsigned int n,
           unsigned int n_direct, uint16_t flags)
{
    const unsigned int n_ring = n_direct + (n_direct < n);
    uint16_t head = 0;
    uint16_t *prev = &head;

    ovs_assert(n_ring && n_ring <= g->n_free);
    for (unsigned int i = 0; i < n_ring; i++) {
        const uint16_t idx = g->free[--g->n_free];
        struct vring_desc *d = &g->desc[idx];

        *prev = idx;
        prev = &g->next[idx];
        if (i < n_direct) {
            d->addr = bufs[i].gpa;
            d->len = bufs[i].len;
            d->flags = flags;
        } else {
            const unsigned int n_table = n - n_direct;

            d->addr = post_table(g, bufs + i, n_table, flags);
            d->len = n_table * sizeof *d;
            d->flags = VRING_DESC_F_INDIRECT;
        }
    }
    *prev = 0xffff;

    uint16_t idx = head;

    for (unsigned int i = 0; i < n_ring; i++) {
        if (i + 1 < n_ring) {
            g->desc[idx].flags |= VRING_DESC_F_NEXT;
        }
        g->desc[idx].next = g->next[idx];
        idx = g->next[idx];
    }
    g->n_direct[head] = n_ring;
    vg_offer(g, head);
    return head;
}

static uint16_t
post_packed(struct vq_guest *g, const struct vg_buf bufs[], unsigned int n,
            unsigned int n_direct, uint16_t flags)
{
    const unsigned int n_ring = n_direct + (n_direct < n);
    const uint16_t id = g->free[--g->n_ids];

    ovs_assert(n_ring && n_ring <= g->n_free);
    g->place[id] = g->avail_idx;
    g->n_direct[id] = n_ring;
    g->n_free -= n_ring;
    g->pending[g->n_pending++] = id;
    g->fifo[(g->fifo_first + g->fifo_n++) % g->config.size] = id;
    for (unsigned int i = 0; i < n_ring; i++) {
        const bool more = i + 1 < n_ring;
        /* The id is that of the last descriptor. */
        struct vring_desc d = { .next = more ? 0xffff : id };

        if (i < n_direct) {
            d.addr = bufs[i].gpa;
            d.len = bufs[i].len;
            d.flags = flags;
        } else {
            d.addr = post_table(g, bufs + i, n - i, flags);
            d.len = (n - i) * sizeof d;
            d.flags = VRING_DESC_F_INDIRECT;
        }
        d.flags |= more ? VRING_DESC_F_NEXT : 0;
        /* The first one becomes available when it is published. */
        d.flags |= (i ? vg_avail_flags(g->avail_idx)
                    : desc_at(g, g->avail_idx)->flags & OWNER);
        vg_store_desc(g, desc_at(g, g->avail_idx), &d);
        g->avail_idx = vg_advance(g, g->avail_idx, 1);
    }
    g->latest = id;
    return id;
}

uint16_t
vg_post(struct vq_guest *g, const struct vg_buf bufs[], unsigned int n,
        unsigned int n_direct, uint16_t flags)
{
    return (g->packed ? post_packed : post_split)(g, bufs, n, n_direct,
                                                  flags);
}

static void
publish_split(struct vq_guest *g)
{
    __atomic_store_n(&g->avail->idx, g->avail_idx, __ATOMIC_SEQ_CST);

    /* virtio 1.2, 2.7.13.4.1. */
    if (g->config.features & (1ULL << VIRTIO_RING_F_EVENT_IDX)
        ? vring_need_event(*(uint16_t *) &g->used->ring[g->config.size],
                           g->avail_idx, g->kicked_idx)
        : !(g->used->flags & VRING_USED_F_NO_NOTIFY)) {
        g->n_kicks++;
    }
    g->kicked_idx = g->avail_idx;
}

static void
publish_packed(struct vq_guest *g)
{
    while (g->n_pending) {
        const uint16_t idx = g->place[g->pending[--g->n_pending]];
        uint16_t *flags = &desc_at(g, idx)->flags;

        __atomic_store_n(flags, (*flags & ~OWNER) | vg_avail_flags(idx),
                         __ATOMIC_SEQ_CST);
    }

    /* virtio 1.2, 2.8.21.3.1. */
    const uint32_t event = linear(g, g->device_event->off_wrap);
    const uint32_t from = linear(g, g->kicked_idx);
    const uint32_t to = linear(g, g->avail_idx);
    const uint32_t n = 2 * g->config.size;

    if (g->device_event->flags == VRING_PACKED_EVENT_FLAG_DESC
        ? (event - from + n) % n < (to - from + n) % n
        : g->device_event->flags == VRING_PACKED_EVENT_FLAG_ENABLE) {
        g->n_kicks++;
    }
    g->kicked_idx = g->avail_idx;
}

void
vg_publish(struct vq_guest *g)
{
    (g->packed ? publish_packed : publish_split)(g);
}

/* Taking chains back. */

static const struct vring_used_elem *
used_at(const struct vq_guest *g, uint16_t idx)
{
    return &g->used->ring[idx & (g->config.size - 1)];
}

/* How many chains the used element at 'idx' of a split ring stands for, which
 * names 'id': with VIRTIO_F_IN_ORDER, all up to that one. */
static unsigned int
count_in_order(const struct vq_guest *g, uint16_t idx, uint16_t id)
{
    const uint16_t n_used = g->used->idx - idx;
    unsigned int n = 1;

    if (g->in_order) {
        while (g->avail->ring[idx++ & (g->config.size - 1)] != id) {
            ovs_assert(++n <= n_used);
        }
    }
    return n;
}

static bool
get_used_split(struct vq_guest *g, uint16_t *head, uint32_t *len)
{
    if (__atomic_load_n(&g->used->idx, __ATOMIC_ACQUIRE) == g->used_idx) {
        return false;
    }

    if (!g->batch_left) {
        const struct vring_used_elem *e = used_at(g, g->used_idx);

        ovs_assert(e->id < g->config.size);
        g->batch_left = count_in_order(g, g->used_idx, e->id);
        g->batch_len = e->len;
    }
    *head = g->avail->ring[g->used_idx & (g->config.size - 1)];
    if (!g->in_order) {
        *head = used_at(g, g->used_idx)->id;
    }
    g->used_idx++;
    *len = --g->batch_left ? 0 : g->batch_len;

    uint16_t idx = *head;

    for (unsigned int i = g->n_direct[*head]; i; i--) {
        g->free[g->n_free++] = idx;
        idx = g->next[idx];
    }
    g->n_direct[*head] = 0;
    return true;
}

/* The place of 'id' among the chains that are not used yet. */
static unsigned int
fifo_find(const struct vq_guest *g, uint16_t id)
{
    for (unsigned int i = 0; i < g->fifo_n; i++) {
        if (g->fifo[(g->fifo_first + i) % g->config.size] == id) {
            return i;
        }
    }
    ovs_fatal(0, "chain %"PRIu16" was not offered", id);
}

static bool
get_used_packed(struct vq_guest *g, uint16_t *head, uint32_t *len)
{
    if (!g->batch_left) {
        const struct vring_packed_desc *d = desc_at(g, g->used_idx);
        const uint16_t flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);

        if ((flags & OWNER) != used_flags(g->used_idx)) {
            return false;
        }
        g->batch_left = fifo_find(g, d->id) + 1;
        /* Nobody but with VIRTIO_F_IN_ORDER may leave out some; we are always
         * in order, which is our own affair. */
        ovs_assert(g->in_order || g->batch_left == 1);
        g->batch_len = flags & VRING_DESC_F_WRITE ? d->len : 0;
    }

    const uint16_t id = g->fifo[g->fifo_first];

    g->fifo_first = (g->fifo_first + 1) % g->config.size;
    g->fifo_n--;
    *head = id;
    *len = --g->batch_left ? 0 : g->batch_len;
    g->used_idx = vg_advance(g, g->used_idx, g->n_direct[id]);
    g->n_free += g->n_direct[id];
    g->n_direct[id] = 0;
    g->free[g->n_ids++] = id;
    return true;
}

bool
vg_get_used(struct vq_guest *g, uint16_t *head, uint32_t *len)
{
    return (g->packed ? get_used_packed : get_used_split)(g, head, len);
}

/* What is expected to be given back. */

void
vg_snapshot(struct vq_guest *g)
{
    memcpy(g->shadow, g->mem, g->mem_size);
    g->expect_idx = g->packed ? g->vq.last_used : g->used->idx;
    g->snapshot_idx = g->expect_idx;
    g->n_expected = 0;
}

static void
expect_used_split(struct vq_guest *g, uint16_t head, uint32_t len)
{
    const struct vring_used_elem e = { .id = head, .len = len };
    const uint16_t slot = g->expect_idx++ & (g->config.size - 1);

    g->expected[g->n_expected++] = e;
    vg_expect(g, vg_gpa(g, &g->used->ring[slot]), &e, sizeof e);
    vg_expect(g, vg_gpa(g, &g->used->idx), &g->expect_idx,
              sizeof g->expect_idx);
}

static void
expect_used_packed(struct vq_guest *g, uint16_t head, uint32_t len)
{
    g->expected[g->n_expected++] = (struct vring_used_elem) { head, len };
    for (unsigned int i = 0; i < g->n_direct[head]; i++) {
        struct vring_packed_desc *d = desc_at(g, g->expect_idx);
        const uint16_t flags = used_flags(g->expect_idx)
                               | (!i && len ? VRING_DESC_F_WRITE : 0);

        if (!i) {
            vg_expect(g, vg_gpa(g, &d->len), &len, sizeof len);
            vg_expect(g, vg_gpa(g, &d->id), &head, sizeof head);
        }
        vg_expect(g, vg_gpa(g, &d->flags), &flags, sizeof flags);
        g->expect_idx = vg_advance(g, g->expect_idx, 1);
    }
}

void
vg_expect_used(struct vq_guest *g, uint16_t head, uint32_t len)
{
    (g->packed ? expect_used_packed : expect_used_split)(g, head, len);
}

/* With VIRTIO_F_IN_ORDER a used descriptor may stand for several chains, all
 * but the last of which have not been written to. */
static bool
check_in_order(const struct vq_guest *g)
{
    uint16_t idx = g->snapshot_idx;
    unsigned int i = 0;

    while (i < g->n_expected) {
        const struct vring_packed_desc *d = desc_at(g, idx);

        if (!CHECK_EQ(d->flags & OWNER, used_flags(idx))) {
            return false;
        }
        while (g->expected[i].id != d->id) {
            CHECK_EQ(g->expected[i].len, 0);
            idx = vg_advance(g, idx, g->n_direct[g->expected[i].id]);
            if (!CHECK(++i < g->n_expected)) {
                return false;
            }
        }
        CHECK_EQ(d->flags & VRING_DESC_F_WRITE ? d->len : 0,
                 g->expected[i].len);
        idx = vg_advance(g, idx, g->n_direct[g->expected[i++].id]);
    }
    return CHECK((desc_at(g, idx)->flags & OWNER) != used_flags(idx));
}

/* The same for a split ring. */
static bool
check_in_order_split(const struct vq_guest *g)
{
    uint16_t idx = g->snapshot_idx;

    for (unsigned int i = 0; i < g->n_expected; ) {
        const struct vring_used_elem *e = used_at(g, idx);
        const unsigned int n = count_in_order(g, idx, e->id);

        for (unsigned int j = 0; j < n; j++, i++, idx++) {
            if (!CHECK(i < g->n_expected)
                || !CHECK_EQ(g->expected[i].len, j + 1 < n ? 0 : e->len)
                || (j + 1 == n && !CHECK_EQ(g->expected[i].id, e->id))) {
                return false;
            }
        }
    }
    return true;
}

bool
vg_check(struct vq_guest *g)
{
    if (!g->packed) {
        const void *avail_event = &g->used->ring[g->config.size];

        /* That one has a test of its own. */
        vg_expect(g, vg_gpa(g, avail_event), avail_event, 2);
        if (g->in_order) {
            vg_expect(g, vg_gpa(g, g->used->ring), g->used->ring,
                      g->config.size * sizeof *g->used->ring);
            if (!check_in_order_split(g)) {
                return false;
            }
        }
    } else if (g->in_order) {
        vg_expect(g, vg_gpa(g, g->ring), g->ring,
                  g->config.size * sizeof *g->ring);
        if (!check_in_order(g)) {
            return false;
        }
    }
    return (!memcmp(g->mem, g->shadow, g->mem_size)
            || CHECK_MEM(g->mem, g->shadow, g->mem_size));
}
