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

/* Packed virtqueues for the test front end: see frontend-packed.h. */

#include <config.h>

#include "frontend-packed.h"

#include <stdlib.h>

#include "util.h"

#define WRAP 0x8000
#define AVAIL (1 << VRING_PACKED_DESC_F_AVAIL)
#define USED (1 << VRING_PACKED_DESC_F_USED)

/* An index into the ring, with the wrap counter in bit 15, is a place. */

/* A chain that is the back end's. */
struct chain {
    uint16_t place;             /* First descriptor in the ring. */
    uint16_t n;                 /* Descriptors. */
};

struct fe_packed {
    /* Shared with the back end. */
    struct vring_packed_desc *ring;
    struct vring_packed_desc_event *driver;
    struct vring_packed_desc_event *device;
    struct vring_packed_desc *tables;

    bool in_order;
    uint16_t avail;             /* Place to write to next... */
    uint16_t used;              /* ...and to look at next. */
    struct chain *chains;       /* By slot. */
    uint16_t *fifo;             /* Slots as they became available. */
    uint32_t first, end;        /* Those of it that are not used yet. */
    struct chain *written;      /* By used element, what was written. */
};

static uint16_t
advance(const struct fe_ring *r, uint16_t place, uint16_t n)
{
    uint32_t idx = (place & ~WRAP) + n;

    return (idx < r->size ? place + n
            : (idx - r->size) | (~place & WRAP));
}

struct fe_packed *
fe_packed_create(struct fe_ring *r, struct fe_memory *mem, bool in_order)
{
    struct fe_packed *p = xzalloc(sizeof *p);
    const size_t n = r->mask + 1;
    void *va;

    p->in_order = in_order;
    va = fe_memory_alloc(mem, r->size * sizeof *p->ring, 16).va;
    p->ring = va;
    va = fe_memory_alloc(mem, sizeof *p->driver, 4).va;
    p->driver = va;
    va = fe_memory_alloc(mem, sizeof *p->device, 4).va;
    p->device = va;
    if (r->tables) {
        va = fe_memory_alloc(mem, fe_desc_size(r->n_slots * r->n_segs), 16)
             .va;
        p->tables = va;
    }
    p->chains = xcalloc(r->n_slots, sizeof *p->chains);
    p->fifo = xcalloc(n, sizeof *p->fifo);
    p->written = xcalloc(n, sizeof *p->written);
    return p;
}

void
fe_packed_destroy(struct fe_packed *p)
{
    if (p) {
        free(p->chains);
        free(p->fifo);
        free(p->written);
        free(p);
    }
}

void
fe_packed_reset(struct fe_ring *r)
{
    struct fe_packed *p = r->packed;

    memset(p->ring, 0, r->size * sizeof *p->ring);
    memset(p->driver, 0, sizeof *p->driver);
    memset(p->device, 0, sizeof *p->device);
    p->avail = p->used = WRAP;
    p->first = p->end = 0;
    r->base = fe_packed_base(r, true);
}

void
fe_packed_locate(struct fe_ring *r, const struct fe_memory *mem)
{
    if (r->tables) {
        r->tables_gpa = fe_memory_gpa(mem, r->packed->tables);
    }
}

static struct vring_packed_desc
translate(const struct vring_desc *d, uint16_t id)
{
    return (struct vring_packed_desc) {
        .addr = d->addr, .len = d->len, .id = id, .flags = d->flags,
    };
}

/* Stores '*d' at 'p', in a table for 'r'. */
void
fe_store_desc(const struct fe_ring *r, void *p, const struct vring_desc *d)
{
    if (r->packed) {
        const struct vring_packed_desc copy = translate(d, 0);

        memcpy(p, &copy, sizeof copy);
    } else {
        memcpy(p, d, sizeof *d);
    }
}

/* Writes the table of 'slot', if it has one. */
static void
write_table(struct fe_ring *r, unsigned int slot)
{
    for (unsigned int i = 0; r->tables && i < r->n_segs; i++) {
        unsigned int idx = slot * r->n_segs + i;

        r->packed->tables[idx] = translate(&r->tables[idx], 0);
    }
}

/* Makes the chain of 'slot' at p->avail, all of it but what makes its first
 * descriptor available.  Returns the flags that do. */
static uint16_t
write_chain(struct fe_ring *r, unsigned int slot)
{
    struct fe_packed *p = r->packed;
    const unsigned int start = slot << r->shift;
    const unsigned int max = r->tables ? 1 : MAX(r->n_segs, r->n_long);
    const struct vring_desc *d;
    struct chain *c = &p->chains[slot];
    uint16_t first = 0;
    unsigned int i = 0;

    write_table(r, slot);
    *c = (struct chain) { .place = p->avail };
    do {
        struct vring_packed_desc *to = &p->ring[p->avail & ~WRAP];
        struct vring_packed_desc copy;

        d = &r->desc[(start + i) & r->mask];
        copy = translate(d, slot);
        copy.flags |= p->avail & WRAP ? AVAIL : USED;
        if (!i) {
            first = copy.flags;
            copy.flags = to->flags;
        }
        *to = copy;
        p->avail = advance(r, p->avail, 1);
    } while (d->flags & VRING_DESC_F_NEXT && ++i < max);
    c->n = MIN(i + 1, max);
    p->fifo[p->end++ & r->mask] = slot;
    return first;
}

bool
fe_packed_publish(struct fe_ring *r, uint16_t from, uint16_t to)
{
    struct fe_packed *p = r->packed;
    uint16_t old = p->avail;
    uint16_t *flags = xmalloc((uint16_t) (to - from) * sizeof *flags);
    uint16_t n = 0;

    for (uint16_t i = from; i != to; i++) {
        unsigned int slot = r->avail->ring[i & r->mask] >> r->shift;

        if (slot < r->n_slots) {
            flags[n++] = write_chain(r, slot);
        }
    }

    /* The first one last. */
    for (uint32_t i = p->end; n; i--) {
        const struct chain *c = &p->chains[p->fifo[(i - 1) & r->mask]];

        __atomic_store_n(&p->ring[c->place & ~WRAP].flags, flags[--n],
                         __ATOMIC_RELEASE);
    }
    free(flags);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);

    uint16_t mode = __atomic_load_n(&p->device->flags, __ATOMIC_RELAXED) & 3;

    if (mode == VRING_PACKED_EVENT_FLAG_DESC) {
        uint16_t event = p->device->off_wrap & ~WRAP;
        uint16_t end = p->avail & ~WRAP;

        if ((p->device->off_wrap ^ p->avail) & WRAP) {
            event -= r->size;
        }
        return vring_need_event(event, end, (old & ~WRAP)
                                - ((old ^ p->avail) & WRAP ? r->size : 0));
    }
    return mode != VRING_PACKED_EVENT_FLAG_DISABLE;
}

/* Appends a used element. */
static void
put_used(struct fe_ring *r, uint32_t id, uint32_t len, struct chain written)
{
    uint16_t i = r->used->idx++ & r->mask;

    r->used->ring[i] = (struct vring_used_elem) { id, len };
    r->packed->written[i] = written;
}

void
fe_packed_poll(struct fe_ring *r)
{
    struct fe_packed *p = r->packed;

    while (p->first != p->end) {
        const struct vring_packed_desc *d = &p->ring[p->used & ~WRAP];
        uint16_t flags = __atomic_load_n(&d->flags, __ATOMIC_ACQUIRE);
        uint32_t len = flags & VRING_DESC_F_WRITE ? d->len : 0;
        uint32_t left = p->end - p->first;
        struct chain written;
        unsigned int slot;

        if ((flags & (AVAIL | USED)) != (p->used & WRAP ? AVAIL | USED : 0)) {
            break;
        }
        written = (struct chain) { p->used, 1 };
        do {
            /* A chain that is not named is used all the same, if the back
             * end keeps the order. */
            slot = p->in_order ? p->fifo[p->first & r->mask] : d->id;
            if (slot >= r->n_slots || !left--) {
                put_used(r, UINT32_MAX, 0, written);
                p->first = p->end;
                return;
            }
            if (!p->in_order) {
                /* What was passed is marked as well. */
                written.n = p->chains[slot].n;
            }
            p->first++;
            p->used = advance(r, p->used, p->chains[slot].n);
            put_used(r, slot << r->shift, slot == d->id ? len : 0, written);
            written.n = 0;
        } while (slot != d->id);
    }
}

void
fe_packed_rewrite(struct fe_ring *r)
{
    struct fe_packed *p = r->packed;

    for (unsigned int slot = 0; slot < r->n_slots; slot++) {
        const struct vring_desc *d = &r->desc[slot << r->shift];
        const struct chain *c = &p->chains[slot];

        if (r->busy[slot] && c->n) {
            write_table(r, slot);
            for (unsigned int i = 0; i < c->n; i++) {
                uint16_t place = advance(r, c->place, i);

                p->ring[place & ~WRAP].addr = d[i].addr;
            }
        }
    }
}

void
fe_packed_set_interrupt(struct fe_ring *r, bool interrupt)
{
    struct fe_packed *p = r->packed;

    p->driver->off_wrap = p->used;
    __atomic_store_n(&p->driver->flags,
                     !interrupt ? VRING_PACKED_EVENT_FLAG_DISABLE
                     : r->event_idx ? VRING_PACKED_EVENT_FLAG_DESC
                     : VRING_PACKED_EVENT_FLAG_ENABLE, __ATOMIC_RELEASE);
}

struct fe_ring_parts
fe_packed_parts(const struct fe_ring *r)
{
    const struct fe_packed *p = r->packed;

    return (struct fe_ring_parts) { p->ring, p->driver, p->device };
}

uint32_t
fe_packed_base(const struct fe_ring *r, bool now)
{
    const struct fe_packed *p = r->packed;

    /* In order, not all that is passed is marked, so that nobody could find
     * the place. */
    return now || p->in_order ? p->used * 0x10001u : r->base;
}

void
fe_packed_written(const struct fe_ring *r, const struct vring_used_elem *e,
                  void (*cb)(void *, const void *, size_t), void *aux)
{
    const struct chain *c = &r->packed->written[e - r->used->ring];

    for (unsigned int i = 0; i < c->n; i++) {
        uint16_t place = advance(r, c->place, i);

        cb(aux, &r->packed->ring[place & ~WRAP], sizeof *r->packed->ring);
    }
}
