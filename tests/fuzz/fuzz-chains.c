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

/* Reading chains: see fuzz-chains.h. */

#include <config.h>

#include "fuzz-chains.h"

#include <string.h>

#include "util.h"

/* Most descriptors of a chain in the ring, and of one in a table. */
#define LONGEST_CHAIN MIN(layout.size, 1024)

struct chain chains[MAX_CHAINS];
unsigned int n_chains;
struct buf chain_bufs[MAX_BUFS];
bool chains_blind, chains_honest;

static const uint8_t *memory;   /* The line, all of it. */
static unsigned int n_bufs;
static uint8_t in_table[MAX_TOTAL]; /* Bytes of indirect tables. */

static uint16_t
get16(uint32_t ofs)
{
    uint16_t value;

    memcpy(&value, memory + ofs, sizeof value);
    return value;
}

static struct vring_desc
get_desc(uint32_t ofs)
{
    struct vring_desc d;

    memcpy(&d, memory + ofs, sizeof d);
    if (layout.packed) {
        const uint16_t id = d.flags;

        d.flags = d.next;
        d.next = id;
    }
    return d;
}

/* Adds the buffer of 'd' to 'c'.  False if it is not good. */
static bool
add_buf(struct chain *c, const struct vring_desc *d)
{
    const bool writable = d->flags & VRING_DESC_F_WRITE;
    uint32_t ofs = 0;

    if (writable != c->writable) {
        return false;
    }
    if (d->len) {
        if (!gpa_to_ofs(d->addr, d->len, &ofs)) {
            return false;
        }
        if (n_bufs == MAX_BUFS) {
            chains_blind = true;
            return false;
        }
        if (ofs < layout.arena) {
            chains_blind = true;
        }
        chain_bufs[n_bufs++] = (struct buf) { ofs, d->len };
        c->n++;
        c->total += d->len;
    }
    return true;
}

/* Adds those of the indirect table of 'd' to 'c'. */
static bool
add_table(struct chain *c, const struct vring_desc *d)
{
    const uint32_t n = d->len / sizeof *d;
    uint32_t ofs, i = 0;

    if (!layout.indirect || d->flags & VRING_DESC_F_NEXT || !n
        || n > LONGEST_CHAIN || d->len % sizeof *d
        || !gpa_to_ofs(d->addr, d->len, &ofs)) {
        return false;
    }
    if (ofs < layout.arena) {
        chains_blind = true;
    }
    memset(&in_table[ofs], 1, d->len);
    for (uint32_t n_read = 0; n_read < n; n_read++) {
        const struct vring_desc e = get_desc(ofs + i * sizeof e);

        if (!c->n && !n_read && !c->plain) {
            c->writable = e.flags & VRING_DESC_F_WRITE;
        }
        if (!layout.packed && e.flags & VRING_DESC_F_INDIRECT) {
            return false;
        }
        if (!add_buf(c, &e)) {
            return false;
        }
        if (layout.packed) {
            i++;
        } else if (!(e.flags & VRING_DESC_F_NEXT)) {
            return true;
        } else if (e.next >= n) {
            return false;
        } else {
            i = e.next;
        }
    }
    /* In a split ring, the last one says that there is another. */
    return layout.packed;
}

/* 'c->plain' says meanwhile that a descriptor of the ring was seen. */
static bool
read_split(struct chain *c, uint16_t head)
{
    uint32_t idx = head;

    for (unsigned int n_read = 0; n_read < LONGEST_CHAIN; n_read++) {
        if (idx >= layout.size) {
            return false;
        }

        const struct vring_desc d = get_desc(idx * sizeof d);

        if (d.flags & VRING_DESC_F_INDIRECT) {
            return add_table(c, &d);
        }
        if (!n_read) {
            c->writable = d.flags & VRING_DESC_F_WRITE;
            c->plain = true;
        }
        if (!add_buf(c, &d)) {
            return false;
        }
        if (!(d.flags & VRING_DESC_F_NEXT)) {
            return true;
        }
        idx = d.next;
    }
    return false;
}

static bool
is_available(uint16_t place, uint16_t flags)
{
    return (flags >> 7 & 1) == place >> 15 && (flags >> 15 & 1) != place >> 15;
}

uint16_t
chains_advance(uint16_t place, unsigned int n)
{
    while (n--) {
        place = ((place & 0x7fff) + 1 < layout.size ? place + 1
                 : ~place & 0x8000);
    }
    return place;
}

static bool
read_packed(struct chain *c, uint16_t place)
{
    bool good = true, end = false;

    for (c->n_slots = 0; c->n_slots < LONGEST_CHAIN; ) {
        const struct vring_desc d
            = get_desc((place & 0x7fff) * sizeof d);

        if (!is_available(place, d.flags)) {
            return false;
        }
        place = chains_advance(place, 1);
        c->id = d.next;
        c->n_slots++;
        if (good && d.flags & VRING_DESC_F_INDIRECT) {
            good = add_table(c, &d);
            end = true;
        } else if (good) {
            if (c->n_slots == 1) {
                c->writable = d.flags & VRING_DESC_F_WRITE;
                c->plain = true;
            }
            good = !end && add_buf(c, &d);
        }
        if (!(d.flags & VRING_DESC_F_NEXT)) {
            return good;
        }
    }
    return false;
}

static void
read_chains(void)
{
    const struct virtqueue *vq = &guests[0].vq;
    const uint16_t seen = vq->seen_avail - vq->last_avail;
    uint16_t n = get16(layout.avail + 2) - vq->last_avail;
    uint16_t place = vq->last_avail;

    /* What the guest offered when it was seen last need not be looked at
     * again, whatever it says now. */
    chains_honest = layout.packed || (n >= seen && n <= layout.size);
    n = MAX(n, seen);
    n_chains = n_bufs = 0;
    while (n_chains < MAX_CHAINS) {
        struct chain *c = &chains[n_chains];

        *c = (struct chain) { .first = n_bufs, .place = place, .n_slots = 1 };
        if (layout.packed) {
            const uint32_t slot = place & 0x7fff;

            if (!is_available(place, get16(slot * 16 + 14))) {
                break;
            }
            c->good = read_packed(c, place);
            place = chains_advance(place, c->n_slots);
        } else {
            if (!n-- || n_chains == layout.size) {
                break;
            }

            const uint16_t slot = place++ & (layout.size - 1);

            c->id = get16(layout.avail + 4 + 2 * slot);
            c->good = read_split(c, c->id);
        }
        c->plain = c->plain && c->good && c->n == 1 && c->n_slots == 1;
        n_chains++;
    }
}

/* True if a buffer that may be written overlaps with an indirect table. */
static bool
overwrites_tables(void)
{
    for (unsigned int i = 0; i < n_chains; i++) {
        const struct chain *c = &chains[i];

        for (unsigned int j = 0; c->writable && j < c->n; j++) {
            const struct buf *b = &chain_bufs[c->first + j];

            if (memchr(&in_table[b->ofs], 1, b->len)) {
                return true;
            }
        }
    }
    return false;
}

void
chains_read(const uint8_t *mem, bool receives)
{
    memory = mem;
    chains_blind = false;
    memset(in_table, 0, layout.total);
    read_chains();
    if (receives && overwrites_tables()) {
        chains_blind = true;
    }
}
