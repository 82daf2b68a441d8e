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


/* Split virtqueues, driver side, for the test front end: what is not done for
 * each frame, and frames in several pieces.  See frontend-ring.h. */

#include <config.h>

#include "frontend-ring.h"

#include <stdlib.h>
#include <unistd.h>

#include "frontend.h"
#include "frontend-dirty.h"
#include "frontend-packed.h"
#include "openvswitch/util.h"
#include "svec.h"
#include "util.h"

#define INDIRECT "indirect:"

/* Parses 'shape'.  Stores whether it asks for indirect tables and the lengths
 * of its pieces but the last.  Returns NULL or a malloc'd complaint. */
static char *
shape_parse(const char *shape, bool *indirect, uint32_t lens[FE_MAX_SEGS],
            unsigned int *n)
{
    *n = 0;
    *indirect = shape && !strncmp(shape, INDIRECT, strlen(INDIRECT));
    if (!shape) {
        return NULL;
    }

    const char *s = shape + (*indirect ? strlen(INDIRECT) : 0);

    while (*s) {
        char *tail;
        unsigned long len = strtoul(s, &tail, 10);

        if (tail == s || len == 0 || len > FE_MAX_FRAME
            || (*tail && *tail != ',') || *n >= FE_MAX_SEGS - 1) {
            return xasprintf("%s: bad shape at \"%s\"", shape, s);
        }
        lens[(*n)++] = len;
        s = *tail ? tail + 1 : tail;
    }
    return NULL;
}

char *
fe_shape_check(const char *shape)
{
    uint32_t lens[FE_MAX_SEGS];
    unsigned int n;
    bool indirect;

    return shape_parse(shape, &indirect, lens, &n);
}

/* Sets the pieces of a slot of 'r'.  Returns true if they go to indirect
 * tables. */
static bool
set_shape(struct fe_ring *r, const struct fe_ring_config *c)
{
    bool any_layout = c->features & (FE_BIT(FE_F_version_1)
                                     | FE_BIT(FE_F_any_layout));
    uint32_t left = c->buf_size;
    unsigned int n;
    bool indirect;
    char *error = shape_parse(c->shape, &indirect, r->caps, &n);

    ovs_assert(!error);
    if (!n && !any_layout && !(c->rx && r->mergeable)) {
        /* The header has a descriptor to itself (virtio 1.2, 5.1.6.6). */
        r->caps[n++] = r->hdr_len;
    }
    for (unsigned int i = 0; i < n; i++) {
        if (r->caps[i] >= left) {
            n = i;
            break;
        }
        left -= r->caps[i];
    }
    r->caps[n] = left;
    r->n_segs = n + 1;
    r->capacity = c->buf_size;
    return indirect && c->features & FE_BIT(FE_F_indirect_desc);
}

void
fe_ring_init(struct fe_ring *r, struct fe_memory *mem,
             const struct fe_ring_config *c)
{
    memset(r, 0, sizeof *r);
    r->size = c->size;
    r->mask = ROUND_UP_POW2(c->size) - 1;
    r->rx = c->rx;
    r->event_idx = c->features & FE_BIT(FE_F_event_idx);
    r->mergeable = c->features & FE_BIT(FE_F_mrg_rxbuf);
    r->hdr_len = (r->mergeable || c->features & FE_BIT(FE_F_version_1)
                  ? sizeof(struct virtio_net_hdr_mrg_rxbuf)
                  : sizeof(struct virtio_net_hdr));
    r->strict_header = !(c->features & (FE_BIT(FE_F_guest_csum)
                                        | FE_BIT(FE_F_guest_tso4)
                                        | FE_BIT(FE_F_guest_tso6)));
    r->interrupt = c->interrupt;
    r->kickfd = r->callfd = -1;

    bool indirect = set_shape(r, c);

    while (!indirect && 1u << r->shift < r->n_segs) {
        r->shift++;
    }
    r->n_slots = r->size >> r->shift;
    if (!r->n_slots) {
        ovs_fatal(0, "%u pieces do not fit in a ring of %u", r->n_segs,
                  r->size);
    }

    size_t n = (size_t) r->n_slots * r->n_segs;
    void *va;

    if (c->features & FE_BIT(FE_F_ring_packed)) {
        r->desc = xzalloc(fe_desc_size(r->size));
        r->avail = xzalloc(fe_avail_size(r->mask + 1));
        r->used = xzalloc(fe_used_size(r->mask + 1));
        r->tables = indirect ? xzalloc(fe_desc_size(n)) : NULL;
        r->packed = fe_packed_create(r, mem,
                                     c->features & FE_BIT(FE_F_in_order));
    } else {
        r->in_order = c->features & FE_BIT(FE_F_in_order);
        va = fe_memory_alloc(mem, fe_desc_size(r->size), 16).va;
        r->desc = va;
        va = fe_memory_alloc(mem, fe_avail_size(r->size), 2).va;
        r->avail = va;
        va = fe_memory_alloc(mem, fe_used_size(r->size), 4).va;
        r->used = va;
        if (indirect) {
            va = fe_memory_alloc(mem, fe_desc_size(n), 16).va;
            r->tables = va;
        }
    }
    r->segs = xmalloc(n * sizeof *r->segs);
    for (size_t i = 0; i < n; i++) {
        size_t seg = i % r->n_segs;

        r->segs[i] = fe_memory_alloc(mem, r->caps[seg], seg ? 1 : 64);
    }
    r->free = xmalloc(r->n_slots * sizeof *r->free);
    r->taken = xmalloc(r->n_slots * sizeof *r->taken);
    r->busy = xzalloc(r->n_slots * sizeof *r->busy);
    r->bounce = r->rx ? xmalloc(FE_BURST * FE_MAX_FRAME) : NULL;
}

void
fe_ring_uninit(struct fe_ring *r)
{
    if (r->packed) {
        free(r->desc);
        free(r->avail);
        free(r->used);
        free(r->tables);
        fe_packed_destroy(r->packed);
    }
    free(r->segs);
    free(r->free);
    free(r->taken);
    free(r->busy);
    free(r->bounce);
    if (r->kickfd >= 0) {
        close(r->kickfd);
    }
    if (r->callfd >= 0) {
        close(r->callfd);
    }
}

/* Writes the descriptors of 'slot', except for addresses. */
static void
write_slot(struct fe_ring *r, unsigned int slot)
{
    struct vring_desc *d = fe_slot_desc(r, slot);
    unsigned int first = r->tables ? 0 : slot << r->shift;

    for (unsigned int i = 0; i < r->n_segs; i++) {
        bool last = i == r->n_segs - 1;

        d[i].len = r->caps[i];
        d[i].flags = ((r->rx ? VRING_DESC_F_WRITE : 0)
                      | (last ? 0 : VRING_DESC_F_NEXT));
        d[i].next = last ? 0 : first + i + 1;
    }
    if (r->tables) {
        r->desc[slot].len = fe_desc_size(r->n_segs);
        r->desc[slot].flags = VRING_DESC_F_INDIRECT;
        r->desc[slot].next = 0;
    }
}

/* Writes the addresses of 'slot'. */
static void
write_addresses(struct fe_ring *r, unsigned int slot)
{
    struct vring_desc *d = fe_slot_desc(r, slot);

    for (unsigned int i = 0; i < r->n_segs; i++) {
        d[i].addr = r->segs[slot * r->n_segs + i].gpa;
    }
    if (r->tables) {
        r->desc[slot].addr = r->tables_gpa + fe_desc_size(slot * r->n_segs);
    }
}

void
fe_ring_rewrite(struct fe_ring *r, const struct fe_memory *mem)
{
    size_t n = (size_t) r->n_slots * r->n_segs;

    for (size_t i = 0; i < n; i++) {
        r->segs[i].gpa = fe_memory_gpa(mem, r->segs[i].va);
    }
    if (r->packed) {
        fe_packed_locate(r, mem);
    } else if (r->tables) {
        r->tables_gpa = fe_memory_gpa(mem, r->tables);
    }
    for (unsigned int slot = 0; slot < r->n_slots; slot++) {
        write_addresses(r, slot);
    }
    if (r->packed) {
        fe_packed_rewrite(r);
    }
}

void
fe_ring_spoil(struct fe_ring *r)
{
    r->spoilt = true;
    r->plain = false;
    r->n_long = 0;
}

void
fe_ring_prepare(struct fe_ring *r, const struct fe_memory *mem)
{
    memset(r->desc, 0, fe_desc_size(r->size));
    memset(r->avail, 0, fe_avail_size(r->size));
    memset(r->used, 0, fe_used_size(r->size));
    r->avail_idx = r->published = r->used_idx = r->base = 0;
    r->batch_left = 0;
    if (r->packed) {
        fe_packed_reset(r);
    }
    r->n_free = r->n_taken = 0;
    if (r->spoilt) {
        /* What came back unused was no offence. */
        r->stats.bad_len = r->stats.bad_buffers = 0;
    }
    r->broken = r->spoilt = false;
    r->plain = r->n_segs == 1;

    for (unsigned int slot = 0; slot < r->n_slots; slot++) {
        write_slot(r, slot);
        r->busy[slot] = false;
        if (r->rx) {
            r->taken[r->n_taken++] = slot;
        } else {
            memset(r->segs[slot * r->n_segs].va, 0,
                   MIN(r->caps[0], r->hdr_len));
            r->free[r->n_free++] = slot;
        }
    }
    fe_ring_rewrite(r, mem);
    fe_ring_set_interrupt(r, r->interrupt);
}

void
fe_ring_reset(struct fe_ring *r, const struct fe_memory *mem)
{
    fe_ring_prepare(r, mem);
    fe_rx_release(r);
}

void
fe_ring_set_interrupt(struct fe_ring *r, bool interrupt)
{
    r->interrupt = interrupt;
    if (r->packed) {
        fe_packed_set_interrupt(r, interrupt);
    } else if (r->event_idx) {
        *fe_used_event(r) = r->used_idx - !interrupt;
    } else {
        r->avail->flags = interrupt ? 0 : VRING_AVAIL_F_NO_INTERRUPT;
    }
}

bool
fe_ring_arm(struct fe_ring *r)
{
    ovs_assert(r->interrupt);
    if (r->packed) {
        fe_packed_set_interrupt(r, true);
    } else if (r->event_idx) {
        *fe_used_event(r) = r->used_idx;
    }
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return r->broken || fe_ring_used_idx(r) == r->used_idx;
}

void
fe_ring_clear_call(struct fe_ring *r)
{
    uint64_t n;

    if (r->callfd >= 0 && read(r->callfd, &n, sizeof n) == sizeof n) {
        r->stats.calls += n;
    }
}

void
fe_kick(struct fe_ring *r)
{
    uint64_t one = 1;

    if (r->kickfd >= 0 && write(r->kickfd, &one, sizeof one) == sizeof one) {
        r->stats.kicks++;
    }
}

/* Fills 'slot' with a zero header and 'frame', and ends its chain there. */
void
fe_tx_fill__(struct fe_ring *r, unsigned int slot, const void *frame_,
             size_t len)
{
    const struct fe_addr *segs = &r->segs[slot * r->n_segs];
    struct vring_desc *d = fe_slot_desc(r, slot);
    const uint8_t *frame = frame_;
    size_t hdr = r->hdr_len;

    if (r->spoilt) {
        write_slot(r, slot);
        write_addresses(r, slot);
    }
    for (unsigned int i = 0; ; i++) {
        size_t n_hdr = MIN(hdr, r->caps[i]);
        size_t n = MIN(len, r->caps[i] - n_hdr);

        memset(segs[i].va, 0, n_hdr);
        memcpy(segs[i].va + n_hdr, frame, n);
        hdr -= n_hdr;
        frame += n;
        len -= n;

        d[i].len = n_hdr + n;
        if (!hdr && !len) {
            d[i].flags = 0;
            if (r->tables) {
                r->desc[slot].len = fe_desc_size(i + 1);
            }
            return;
        }
        d[i].flags = VRING_DESC_F_NEXT;
    }
}

void
fe_tx_set_header(struct fe_ring *r, const struct virtio_net_hdr *hdr)
{
    const uint16_t id = r->avail->ring[(r->avail_idx - 1) & r->mask];
    const struct fe_addr *segs = &r->segs[(id >> r->shift) * r->n_segs];
    const uint8_t *from = (const uint8_t *) hdr;
    size_t left = sizeof *hdr;

    for (unsigned int i = 0; left; i++) {
        const size_t n = MIN(left, r->caps[i]);

        memcpy(segs[i].va, from, n);
        from += n;
        left -= n;
    }
}

/* Copies 'len' bytes from offset 'ofs' of 'slot' to 'to'. */
static void
copy_from_slot(const struct fe_ring *r, unsigned int slot, uint32_t ofs,
               uint32_t len, uint8_t *to)
{
    const struct fe_addr *segs = &r->segs[slot * r->n_segs];

    for (unsigned int i = 0; i < r->n_segs && len; i++) {
        if (ofs < r->caps[i]) {
            uint32_t n = MIN(len, r->caps[i] - ofs);

            memcpy(to, segs[i].va + ofs, n);
            to += n;
            len -= n;
            ofs = 0;
        } else {
            ofs -= r->caps[i];
        }
    }
}

/* Puts the frame together that begins with used element 'e', one of 'n', at
 * 'to', and stores its length, 0 if it is not good for anything, and its
 * header in 'f'.
 * Returns false if the ring is broken. */
bool
fe_rx_gather__(struct fe_ring *r, const struct vring_used_elem *e,
               unsigned int n, uint8_t *to, struct fe_frame *f)
{
    struct virtio_net_hdr_mrg_rxbuf hdr;
    unsigned int n_buffers = 1;
    uint32_t *len = &f->len;
    bool ok = true;

    *len = 0;
    memset(&f->hdr, 0, sizeof f->hdr);
    for (unsigned int i = 0; i < n_buffers; i++) {
        e = &r->used->ring[r->used_idx & r->mask];

        int slot = fe_ring_complete(r, e->id);
        uint32_t ofs = i ? 0 : r->hdr_len;

        if (slot < 0) {
            return false;
        }
        if (r->dirty) {
            fe_dirty_note(r->dirty, r, e);
        }
        r->used_idx++;
        r->taken[r->n_taken++] = slot;
        if (e->len < ofs || e->len > r->capacity || (i && !e->len)
            || *len + (e->len - ofs) > FE_MAX_FRAME) {
            r->stats.bad_len++;
            ok = false;
        }
        if (!i && ok) {
            copy_from_slot(r, slot, 0, r->hdr_len, (uint8_t *) &hdr);
            r->stats.bad_header += !fe_rx_header_ok(r, &hdr);
            f->hdr = hdr.hdr;
            n_buffers = r->mergeable ? hdr.num_buffers : 1;
            if (!n_buffers || n_buffers > n) {
                r->stats.bad_buffers++;
                r->broken = true;
                return false;
            }
            r->stats.merged += n_buffers > 1;
        }
        if (ok) {
            copy_from_slot(r, slot, ofs, e->len - ofs, to + *len);
            *len += e->len - ofs;
        }
    }
    if (!ok) {
        *len = 0;
    }
    r->stats.bytes += *len;
    return true;
}
