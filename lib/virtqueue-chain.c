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

/* Walks descriptor chains.
 *
 * Thread-safety: see virtqueue.h. */

#include <config.h>

#include "virtqueue-chain.h"

#include "util.h"
#include "virtqueue-packed.h"

/* Most descriptors of a chain in the ring, and of one in a table. */
static uint32_t
max_chain(const struct virtqueue *vq)
{
    return MIN(vq->size, VQ_MAX_CHAIN);
}

void
vq_chain_init(struct vq_chain *c, struct virtqueue *vq, uint16_t head,
              const struct vring_desc *desc, uint16_t direction)
{
    *c = (struct vq_chain) {
        .vq = vq,
        .direction = direction,
        .desc = *desc,
        .more = true,
        .n = vq->size,
        .left = max_chain(vq) - 1,
        .place = head,
        .table = (const uint8_t *) vq->desc,
        .extent = {
            .n_read = 1,
            .id = vq->packed ? desc->next : head,
            .n_slots = 1,
        },
    };
}

/* Reads the descriptor with index 'idx' of the table that 'c' is in. */
static enum virtqueue_error
vq_chain_read(struct vq_chain *c, uint32_t idx)
{
    if (idx >= c->n) {
        return c->indirect ? VQ_ERR_INDIRECT : VQ_ERR_HEAD;
    }
    if (!c->left) {
        return c->indirect ? VQ_ERR_INDIRECT : VQ_ERR_CHAIN;
    }
    c->left--;
    c->extent.n_read++;

    struct vring_desc copy;
    const void *p = &copy;

    if (OVS_LIKELY(c->table != NULL)) {
        p = c->table + idx * sizeof c->desc;
    } else if (!guest_memory_read(c->vq->mem,
                                  c->table_gpa + idx * sizeof c->desc,
                                  &copy, sizeof copy, &c->vq->hint)) {
        return VQ_ERR_ADDRESS;
    }
    c->desc = c->vq->packed ? vq_read_packed_desc(p) : vq_read_desc(p);
    return VQ_ERR_NONE;
}

/* Goes on to the next descriptor of a packed ring.  The guest makes the first
 * one of a chain available last (virtio 1.2, 2.8.6). */
static enum virtqueue_error
vq_chain_advance(struct vq_chain *c)
{
    c->place = vq_packed_advance(c->vq, c->place, 1);

    const enum virtqueue_error error = vq_chain_read(c,
                                                     vq_packed_slot(c->place));

    if (!error) {
        if ((c->desc.flags & VQ_PACKED_OWNER)
            != vq_packed_avail_flags(c->place)) {
            return VQ_ERR_CHAIN;
        }
        c->extent.id = c->desc.next;
        c->extent.n_slots++;
    }
    return error;
}

/* Follows 'd' into an indirect table (virtio 1.2, 2.7.5.3 and 2.8.7). */
static enum virtqueue_error
vq_chain_enter(struct vq_chain *c, const struct vring_desc *d)
{
    const uint32_t n = d->len / sizeof *d;

    if (!c->vq->indirect || c->indirect || d->flags & VRING_DESC_F_NEXT
        || !n || d->len % sizeof *d || n > max_chain(c->vq)) {
        return VQ_ERR_INDIRECT;
    }

    c->indirect = true;
    c->n = c->left = n;
    c->table_gpa = d->addr;
    c->table = guest_memory_translate(c->vq->mem, d->addr, d->len,
                                      &c->vq->hint);
    if (!c->table && !guest_memory_covers(c->vq->mem, d->addr, d->len)) {
        return VQ_ERR_ADDRESS;
    }
    return vq_chain_read(c, 0);
}

enum virtqueue_error
vq_chain_next(struct vq_chain *c, uint64_t *gpa, uint64_t *len)
{
    const bool packed = c->vq->packed;

    while (c->more) {
        const struct vring_desc d = c->desc;
        /* Tables for packed rings are read from end to end, and no flag but
         * VRING_DESC_F_WRITE means anything there. */
        const bool plain = packed && c->indirect;
        enum virtqueue_error error = VQ_ERR_NONE;

        if (d.flags & VRING_DESC_F_INDIRECT && !plain) {
            error = vq_chain_enter(c, &d);
            if (error) {
                return error;
            }
            continue;
        }

        if (plain) {
            c->more = c->left > 0;
            if (c->more) {
                error = vq_chain_read(c, c->n - c->left);
            }
        } else if (d.flags & VRING_DESC_F_NEXT) {
            error = packed ? vq_chain_advance(c) : vq_chain_read(c, d.next);
        } else {
            c->more = false;
        }
        if (error) {
            return error;
        }
        if ((d.flags & VRING_DESC_F_WRITE) != c->direction) {
            return VQ_ERR_DIRECTION;
        }
        if (d.len) {
            *gpa = d.addr;
            *len = d.len;
            return VQ_ERR_NONE;
        }
    }
    *len = 0;
    return VQ_ERR_NONE;
}

enum virtqueue_error
vq_chain_finish(struct vq_chain *c)
{
    /* In split rings the head tells all. */
    if (!c->vq->packed) {
        return VQ_ERR_NONE;
    }
    while (c->more && !c->indirect && c->desc.flags & VRING_DESC_F_NEXT) {
        const enum virtqueue_error error
            = (c->desc.flags & VRING_DESC_F_INDIRECT
               ? VQ_ERR_INDIRECT : vq_chain_advance(c));

        if (error) {
            return error;
        }
    }
    return VQ_ERR_NONE;
}
